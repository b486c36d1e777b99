import { Agent, request, type IncomingMessage } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import type { Engine } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import { createServer } from '../../../engine/http/server.ts'

const REQUESTS = 10_000
const SEED = 20_260

let engine: Engine
let app: FastifyInstance
let port: number
const troubles: unknown[] = []
const agent = new Agent({ keepAlive: true, maxSockets: 32 })

beforeAll(async () => {
  engine = await createEngine({ functions: { next: ({ n }: any) => ({ n: n + 1 }), ask: () => null } })
  await engine.deploy({ flow: 'std', start: 'a', nodes: { a: { type: 'function', function: 'next' } } })
  await engine.deploy({ flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
  app = await createServer({ engine, onError: (error) => troubles.push(error) })
  port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
})
afterAll(async () => {
  agent.destroy()
  await app.close()
  await engine.close()
})

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is held, after what is not has gone, MB. */
async function heldMb(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    collect()
  }
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1e6
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body?: string
}

/** The answer's status, when all of it has come. */
function send({ method, path, headers, body }: Asked): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, headers: { host: 'localhost', ...headers }, agent }
    const sent = request(options, (response) => {
      response
        .resume()
        .on('end', () => resolve(response.statusCode ?? 0))
        .on('error', reject)
    })
    sent.on('error', reject).end(body)
  })
}

/** Numbers that look random, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const PARTS = [
  'nobody',
  '%00',
  '%2e%2e',
  '%E0%A4%A',
  '%F0%9F%92%A9',
  'a'.repeat(400),
  'a'.repeat(700),
  '__proto__',
  '0',
  '-1',
  "'--",
  '%2F',
  '*',
  'latest:1',
]
const QUERIES = [
  '?',
  '?x=1',
  '?limit=0',
  '?limit=1e9',
  '?limit=a&limit=b',
  '?cursor=%00',
  '?status=happy',
  '?wait=-1',
  '?__proto__=1',
  '?version=',
  '?force=maybe',
  `?flow=${'a'.repeat(500)}`,
]
const TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'application/',
  '',
  'application/yaml',
]
const BODIES = [
  '',
  '{',
  '[]',
  'null',
  '7',
  '"x"',
  '{"input":}',
  '{"imput":1}',
  '{"__proto__":{"a":1}}',
  '['.repeat(5000),
  '{"a":'.repeat(2000),
  '\u0000',
  '{"input":1e999}',
  '{"status":"perhaps"}',
  'a: [',
  '&a [*a]',
  '{"flow":"x"}',
  '{"version":{}}',
  `{"name":"${'n'.repeat(200)}"}`,
  '{"message":1,"more":2}',
]
const HEADERS: readonly (readonly [string, string])[] = [
  ['if-match', '"x'],
  ['if-none-match', '*, *'],
  ['idempotency-key', ' '],
  ['idempotency-key', 'k'.repeat(300)],
  ['last-event-id', '-1'],
  ['x-invoke-type', 'perhaps'],
  ['x-log-type', 'head'],
  ['x-request-id', 'a b'],
  ['traceparent', '00-0-0-0'],
  ['accept', 'image/png'],
  ['authorization', 'Bearer x'],
  ['content-encoding', 'gzip'],
  ['range', 'bytes=0-1'],
  ['origin', 'null'],
]
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']

it('10,000 malformed requests: no 5xx, nothing stored, nothing held', { timeout: 240_000 }, async () => {
  const document = (await app.inject({ url: '/openapi.json', headers: { host: 'localhost' } })).json<{
    paths: Record<string, Record<string, unknown>>
  }>()
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => [method.toUpperCase(), path] as const),
  )
  expect(routes.length).toBeGreaterThan(30)
  const next = random(SEED)
  const one = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  const malformed = (): Asked => {
    const [method, template] = one(routes)
    const filled = template.replace(/\{[^}]+\}/g, () => one(PARTS))
    const headers = Object.fromEntries(Array.from({ length: Math.floor(next() * 3) }, () => one(HEADERS)))
    const asked = { method: next() < 0.15 ? one(METHODS) : method, path: next() < 0.4 ? filled + one(QUERIES) : filled, headers }
    if (asked.method === 'GET' || asked.method === 'HEAD') return asked
    return { ...asked, headers: { 'content-type': one(TYPES), ...headers }, body: one(BODIES) }
  }
  const stored = async (): Promise<unknown> => [
    await engine.list({ limit: 200 }),
    (await app.inject({ url: '/v1/flows', headers: { host: 'localhost' } })).body,
  ]
  const before = await stored()
  const statuses = new Map<number, number>()
  const taken: Asked[] = []
  const round = async (count: number): Promise<void> => {
    let left = count
    const lane = async (): Promise<void> => {
      while (left-- > 0) {
        const asked = malformed()
        const status = await send(asked)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status < 400 && !['GET', 'HEAD', 'OPTIONS'].includes(asked.method) && !asked.path.startsWith('/v1/flows:validate'))
          taken.push(asked)
      }
    }
    await Promise.all(Array.from({ length: 32 }, lane))
  }
  await round(3000)
  const held = await heldMb()
  await round(REQUESTS - 3000)
  expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([])
  expect(troubles).toEqual([])
  expect(taken).toEqual([])
  for (const status of [400, 404, 405, 415, 422]) expect(statuses.get(status), `status ${status}`).toBeGreaterThan(50)
  expect(await stored()).toEqual(before)
  expect((await heldMb()) - held).toBeLessThan(15)
})

it('a compressed body is refused unread', async () => {
  const held = await heldMb()
  const bomb = 'H4sIAAAAAAACA+3BMQEAAADCoPVP7WsIoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'.repeat(1000)
  for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip'])
    expect(
      await send({
        method: 'POST',
        path: '/v1/flows',
        headers: { 'content-type': 'application/json', 'content-encoding': encoding },
        body: bomb,
      }),
    ).toBe(415)
  expect((await heldMb()) - held).toBeLessThan(15)
})

/** The response to a request for events, not read yet. */
function follow(id: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: `/v1/executions/${id}/events`, headers: { host: 'localhost' }, agent: false }, resolve)
      .on('error', reject)
      .end()
  })
}

it('100 clients follow one execution, each sees all of it', async () => {
  const execution = await engine.start('asks', { input: {} })
  const clients = await Promise.all(Array.from({ length: 100 }, () => follow(execution.id)))
  const texts = clients.map(
    (client) =>
      new Promise<string>((resolve, reject) => {
        let text = ''
        client
          .setEncoding('utf8')
          .on('data', (data: string) => (text += data))
          .on('end', () => resolve(text))
          .on('error', reject)
      }),
  )
  await execution.stop()
  for (const text of await Promise.all(texts)) {
    expect(text).toMatch(/^event: node\n/m)
    expect(text.match(/^event: execution\n/gm)?.length).toBeGreaterThanOrEqual(1)
    expect(text).toMatch(/"status":"cancelled"/)
  }
})
