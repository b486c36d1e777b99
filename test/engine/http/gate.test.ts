import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FastifyInstance, InjectOptions } from 'fastify'
import type { Engine } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import { EngineError } from '../../../engine/errors.ts'
import { createServer, type ServerOptions } from '../../../engine/http/server.ts'
import { newKey, type KeyStore } from '../../../engine/keys/api-key.ts'
import { KeyRing } from '../../../engine/keys/key-ring.ts'

const key = newKey()
const other = newKey()
const keys = (): KeyRing =>
  new KeyRing([
    { name: 'one', role: 'viewer', key },
    { name: 'two', role: 'viewer', key: other },
  ])
const bearer = (one: string): Record<string, string> => ({ authorization: `Bearer ${one}` })

it('lets pages read the headers that answers have, and caches know that they vary by origin', async () => {
  const engine = await createEngine()
  await engine.deploy({ flow: 'there', start: 'a', nodes: { a: { type: 'pass' } } })
  const app = await createServer({ engine, cors: ['https://app.example', 'https://two.example'] })
  const headers = { host: 'localhost', origin: 'https://app.example' }
  const answer = await app.inject({ url: '/v1/flows/there', headers })
  expect(answer).toMatchObject({ statusCode: 200, headers: { vary: 'Origin, accept', 'access-control-allow-origin': headers.origin } })
  expect(answer.headers['access-control-expose-headers']).toMatch(/idempotency-replayed,.*x-function-log/)
  await app.close()
  await engine.close()
})

describe('the gate', () => {
  let engine: Engine
  const apps: FastifyInstance[] = []
  beforeAll(async () => {
    engine = await createEngine({ engine: 'express' })
  })
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()))
    await engine.close()
  })

  async function server(options: Omit<ServerOptions, 'engine'> = {}) {
    const app = await createServer({ engine, ...options })
    apps.push(app)
    return async (headers: Record<string, string> = {}, more: InjectOptions = {}) => {
      const answer = await app.inject({ url: '/v1/executions', headers: { host: 'localhost', ...headers }, ...more })
      return { status: answer.statusCode, headers: answer.headers, code: answer.body === '' ? undefined : (answer.json().code as string) }
    }
  }

  describe('without keys', () => {
    it('knows this machine alone, by whichever of its names', async () => {
      const ask = await server()
      for (const host of ['localhost', 'localhost:8900', 'LOCALHOST', '127.0.0.1:8900', '127.1.2.3', '[::1]:8900'])
        expect([host, (await ask({ host })).status]).toEqual([host, 200])
      for (const host of [
        'evil.example',
        'localhost.evil.example',
        '10.0.0.1',
        'a b',
        'localhost@evil.example',
        '[::2]',
        '127.0.0.1.evil.example',
      ])
        expect([host, await ask({ host })]).toEqual([host, expect.objectContaining({ status: 403, code: 'forbidden' })])
    })

    it('takes no requests of foreign pages, whichever route', async () => {
      const ask = await server()
      for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null', 'file://'])
        for (const more of [{}, { url: '/healthz' }, { method: 'POST' as const, url: '/v1/callbacks/t' }, { url: '/nothing' }])
          expect(await ask({ origin }, more)).toMatchObject({ status: 403, code: 'forbidden' })
      for (const origin of ['http://localhost:3000', 'http://127.0.0.1:8900', 'http://[::1]:8900'])
        expect((await ask({ origin })).status).toBe(200)
    })

    it('is for no other machine, whatever it listens at', async () => {
      const ask = await server()
      for (const remoteAddress of ['10.0.0.7', '::ffff:10.0.0.7', '2606:4700::1'])
        expect(await ask({}, { remoteAddress })).toMatchObject({ status: 403, code: 'forbidden' })
      for (const remoteAddress of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) expect((await ask({}, { remoteAddress })).status).toBe(200)
    })

    it('also knows publicUrl, allowedHosts and origins that are named', async () => {
      const ask = await server({
        publicUrl: 'https://flows.example/base',
        allowedHosts: ['inner:8900', '*.lan'],
        cors: ['https://app.example', '*'],
      })
      for (const host of ['flows.example', 'inner', 'inner:9', 'box.lan']) expect([host, (await ask({ host })).status]).toEqual([host, 200])
      for (const host of ['app.example', 'lan', 'a.b.lan']) expect([host, (await ask({ host })).status]).toEqual([host, 403])
      for (const origin of ['https://flows.example', 'https://app.example']) expect((await ask({ origin })).status).toBe(200)
      // an asterisk would give the machine away
      expect((await ask({ origin: 'https://evil.example' })).status).toBe(403)
    })
  })

  describe('with keys', () => {
    it('asks for one, on this machine too, and for no host', async () => {
      const ask = await server({ keys: keys() })
      expect(await ask()).toMatchObject({ status: 401, code: 'unauthorized' })
      for (const headers of [{}, { host: 'any.example' }, { origin: 'https://any.example' }])
        expect((await ask({ ...bearer(key), ...headers }, { remoteAddress: '10.0.0.7' })).status).toBe(200)
      for (const url of ['/healthz', '/readyz', '/openapi.json']) expect((await ask({}, { url })).status).toBe(200)
    })

    it('knows the hosts that are named, where some are', async () => {
      const ask = await server({ keys: keys(), allowedHosts: ['flows.example'] })
      expect((await ask({ host: 'flows.example', ...bearer(key) })).status).toBe(200)
      expect(await ask({ host: 'evil.example', ...bearer(key) })).toMatchObject({ status: 403, code: 'forbidden' })
    })

    it('answers pages of other origins only where it is told to, preflights without a key', async () => {
      const preflight = { method: 'OPTIONS' as const }
      const asks = {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      }
      const closed = await server({ keys: keys() })
      expect(await closed(asks, preflight)).toMatchObject({ status: 405 })
      expect((await closed({ ...asks, ...bearer(key) })).headers).not.toHaveProperty('access-control-allow-origin')
      const open = await server({ keys: keys(), cors: ['https://app.example'] })
      const allowed = await open(asks, preflight)
      expect(allowed).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': 'https://app.example' } })
      expect(allowed.headers['access-control-allow-headers']).toContain('authorization')
      expect(allowed.headers).not.toHaveProperty('access-control-allow-credentials')
      expect((await open({ ...asks, ...bearer(key) })).headers).toMatchObject({ 'access-control-allow-origin': 'https://app.example' })
      // a page is told why
      expect(await open(asks)).toMatchObject({ status: 401, headers: { 'access-control-allow-origin': 'https://app.example' } })
      expect((await open({ ...asks, origin: 'https://evil.example' }, preflight)).headers['access-control-allow-origin']).not.toBe(
        'https://evil.example',
      )
    })
  })

  describe('with a store of keys that cannot be read', () => {
    const away = {
      current: () => Promise.reject(new EngineError('store-failed', 'away')),
      close: async () => undefined,
    } as unknown as KeyStore

    it('answers probes, with a key or without, and nothing else', async () => {
      for (const ring of [new KeyRing([], away), new KeyRing([{ name: 'one', role: 'viewer', key }], away)]) {
        const ask = await server({ keys: ring })
        for (const headers of [{}, bearer(other)]) {
          for (const url of ['/healthz', '/readyz']) expect((await ask(headers, { url })).status).toBe(200)
          for (const more of [{}, { method: 'POST' as const, url: '/v1/triggers/flow/any/enable' }])
            expect([401, 503]).toContain((await ask(headers, more)).status)
        }
        expect(await ask(bearer(other))).toMatchObject({ status: 503, code: 'store-failed' })
      }
    })

    it('is still for this machine alone, while no key was ever known', async () => {
      const ask = await server({ keys: new KeyRing([], away) })
      expect(await ask({}, { url: '/readyz', remoteAddress: '10.0.0.7' })).toMatchObject({ status: 403 })
    })
  })

  describe('with a rate limit', () => {
    const rateLimit = { max: 3, windowMs: 60_000 }

    it('counts by key, and says when to come again', async () => {
      const ask = await server({ keys: keys(), rateLimit })
      for (let at = 0; at < 3; at++) expect((await ask(bearer(key), { remoteAddress: `10.0.0.${at}` })).status).toBe(200)
      const refused = await ask(bearer(key))
      expect(refused).toMatchObject({ status: 429, code: 'rate-limited' })
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50)
      expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60)
      expect((await ask(bearer(other))).status).toBe(200)
    })

    it('counts by address who has no key, wrong keys and unknown paths included; of IPv6 by network', async () => {
      const ask = await server({ keys: keys(), rateLimit })
      const from = (remoteAddress: string, headers = {}, url = '/v1/executions') => ask(headers, { remoteAddress, url })
      expect((await from('10.0.0.7', bearer(newKey()))).status).toBe(401)
      expect((await from('10.0.0.7', bearer(newKey()))).status).toBe(401)
      expect((await from('10.0.0.7', {}, '/nothing')).status).toBe(404)
      expect((await from('10.0.0.7', bearer(newKey()))).status).toBe(429)
      expect((await from('10.0.0.8')).status).toBe(401)
      // a key is not held up by its neighbours
      expect((await from('10.0.0.7', bearer(key))).status).toBe(200)
      for (const address of ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:3:4:5:6']) expect((await from(address)).status).toBe(401)
      expect((await from('2001:db8:1:2:ffff::1')).status).toBe(429)
      expect((await from('2001:db8:1:3::1')).status).toBe(401)
      for (let at = 0; at < 5; at++) expect((await from('10.0.0.7', {}, '/healthz')).status).toBe(200)
    })

    it('lets them in again in the next window', async () => {
      const ask = await server({ keys: keys(), rateLimit: { max: 1, windowMs: 1000 } })
      expect((await ask(bearer(key))).status).toBe(200)
      expect(await ask(bearer(key))).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
      await sleep(1100)
      await expect.poll(async () => (await ask(bearer(key))).status).toBe(200)
    })

    it('believes a proxy of the address only where it is trusted', async () => {
      const forwarded = (ask: Awaited<ReturnType<typeof server>>, address: string) => ask({ 'x-forwarded-for': address })
      const distrusting = await server({ keys: keys(), rateLimit: { max: 1, windowMs: 60_000 } })
      expect((await forwarded(distrusting, '10.0.0.1')).status).toBe(401)
      expect((await forwarded(distrusting, '10.0.0.2')).status).toBe(429)
      for (const trustProxy of [true, 1, ['127.0.0.0/8']]) {
        const trusting = await server({ keys: keys(), trustProxy, rateLimit: { max: 1, windowMs: 60_000 } })
        expect((await forwarded(trusting, '10.0.0.1')).status).toBe(401)
        expect((await forwarded(trusting, '10.0.0.2')).status).toBe(401)
        expect((await forwarded(trusting, '10.0.0.2')).status).toBe(429)
      }
      // what the client says itself, before the proxy, is not believed
      const trusting = await server({ keys: keys(), trustProxy: 1, rateLimit: { max: 1, windowMs: 60_000 } })
      expect((await forwarded(trusting, '1.1.1.1, 10.0.0.1')).status).toBe(401)
      expect((await forwarded(trusting, '2.2.2.2, 10.0.0.1')).status).toBe(429)
    })

    it('is no way around the host: X-Forwarded-Host is not asked', async () => {
      const ask = await server({ trustProxy: true })
      expect((await ask({ host: 'evil.example', 'x-forwarded-host': 'localhost' })).status).toBe(403)
    })
  })
})
