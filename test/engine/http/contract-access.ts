import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fastify, type FastifyInstance, type InjectOptions } from 'fastify'
import type { Engine } from '../../../engine/api.ts'
import { fnflowApi } from '../../../engine/http/api.ts'
import { createServer } from '../../../engine/http/server.ts'
import { injectAsDocumented } from './document.ts'
import { newKey, ROLES, type Role } from '../../../engine/keys/api-key.ts'
import { KeyRing, type ConfiguredKey } from '../../../engine/keys/key-ring.ts'
import type { HttpEngineOptions } from './contract.ts'

type Method = NonNullable<InjectOptions['method']>

interface Route {
  readonly method: Method
  readonly url: string
  readonly role: Role | null
}

/** All routes of the API, with what they say of themselves. */
async function routesOf(engine: Engine): Promise<readonly Route[]> {
  const app = fastify()
  const routes: Route[] = []
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of [method].flat()) if (one !== 'HEAD') routes.push({ method: one as Method, url, role: config?.role ?? null })
  })
  await app.register(fnflowApi, { engine })
  await app.ready()
  await app.close()
  return routes
}

/** Keys, roles and flow lists, whatever runs the flows. What is said of all routes is asked of all routes, those to come included. */
export function accessContract(open: (options: HttpEngineOptions) => Promise<Engine>): void {
  describe('access', () => {
    let engine: Engine
    let app: FastifyInstance
    let routes: readonly Route[]
    const keys: ConfiguredKey[] = [
      ...ROLES.map((role) => ({ name: role, role, key: newKey() })),
      { name: 'mine', role: 'admin', flows: ['mine'], key: newKey() },
      { name: 'nothing', role: 'admin', flows: [], key: newKey() },
    ]
    const ids: string[] = []

    const flow = (name: string, nodes?: object): object => ({ flow: name, start: 'a', nodes: nodes ?? { a: { type: 'pass' } } })

    async function call(name: string | undefined, method: Method, url: string, body?: unknown) {
      const key = keys.find((one) => one.name === name)?.key ?? name
      const response = await injectAsDocumented(app, {
        method,
        url: url.replaceAll('::', ':'),
        headers: { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), 'content-type': 'application/json' },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      })
      const isJson = String(response.headers['content-type']).includes('json')
      return { status: response.statusCode, body: isJson ? response.json() : response.body, headers: response.headers }
    }

    beforeAll(async () => {
      engine = await open({ functions: { ask: () => null }, channels: { orders: { kind: 'topic', topic: 'orders' } } })
      routes = await routesOf(engine)
      app = await createServer({ engine, keys: new KeyRing(keys) })
      for (const name of ['mine', 'theirs']) {
        await engine.deploy(flow(name))
        for (let at = 0; at < 3; at++) ids.push((await engine.start(name, { id: `${name}${at}` })).id)
      }
      await Promise.all(ids.map((id) => engine.result(id)))
    })
    afterAll(async () => {
      await app?.close()
      await engine?.close()
    })

    it('each route takes its role and those above it, and nobody else', async () => {
      const plain = (url: string): string => url.replaceAll(/:(?!:)\w+/g, (name, at: number) => (url[at - 1] === ':' ? name : 'x'))
      for (const { method, url, role } of routes) {
        const body = method === 'POST' || method === 'PUT' ? {} : undefined
        const what = `${method} ${url}`
        const without = await call(undefined, method, plain(url), body)
        if (role === null) {
          expect(without.status, what).not.toBe(401)
          continue
        }
        expect(without, what).toMatchObject({ status: 401, body: { code: 'unauthorized' }, headers: { 'www-authenticate': /./ } })
        expect(await call(newKey(), method, plain(url), body), what).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
        for (const asking of ROLES) {
          const { status, body: answered } = await call(asking, method, plain(url), body)
          const isLess = ROLES.indexOf(asking) < ROLES.indexOf(role)
          if (isLess) expect([what, asking, status, answered.code]).toEqual([what, asking, 403, 'forbidden'])
          // its body decides
          else if (!url.endsWith('/rerun')) expect([what, asking, [401, 403].includes(status)]).toEqual([what, asking, false])
        }
      }
    })

    it('what is outside of the flow list is answered as what is not there, on each route that names a flow or an execution', async () => {
      const named = routes.filter(({ url, role }) => role !== null && /^\/v1\/(flows\/:|executions\/:|[\w-]+\/:flow)/.test(url))
      expect(named.length).toBeGreaterThan(8)
      for (const { method, url } of named) {
        const isExecution = url.startsWith('/v1/executions/')
        const at = (thing: string): string => {
          let first = true
          return url.replaceAll(/:\w+/g, () => {
            const value = first ? thing : 'a'
            first = false
            return value
          })
        }
        const [hiddenThing, absentThing] = isExecution ? ['theirs0', 'nobody0'] : ['theirs', 'nobody']
        const body = method === 'POST' ? { status: 'succeeded' } : method === 'PUT' ? flow('theirs') : undefined
        for (const given of [body, ...(method === 'POST' ? [undefined, {}] : [])]) {
          const hidden = await call('mine', method, at(hiddenThing!), given)
          const absent = await call('mine', method, at(absentThing!), given)
          const shown = ({ status, body: answered }: typeof hidden): unknown => [
            `${method} ${url}`,
            status,
            JSON.stringify(answered).replaceAll(hiddenThing!, absentThing!),
          ]
          expect(shown(hidden)).toEqual(shown(absent))
          expect([`${method} ${url}`, hidden.status >= 400]).toEqual([`${method} ${url}`, true])
        }
      }
      // and nothing has come of it
      expect((await call('admin', 'GET', '/v1/executions/theirs0')).body).toMatchObject({ status: 'succeeded' })
      expect((await engine.list({ flow: 'theirs' })).items.length).toBeLessThanOrEqual(3)
    })

    it('lists have what is in the flow list alone, in full pages', async () => {
      const shown = async (name: string, query: string): Promise<any> => (await call(name, 'GET', `/v1/executions?${query}`)).body
      await expect.poll(async () => (await shown('admin', 'status=succeeded')).items.length, { timeout: 20_000 }).toBe(6)
      const seen: string[] = []
      let cursor = ''
      do {
        const page = await shown('mine', `limit=2${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
        if (page.nextCursor !== undefined) expect(page.items).toHaveLength(2)
        seen.push(...page.items.map((item: { id: string }) => item.id))
        cursor = page.nextCursor ?? ''
      } while (cursor !== '')
      expect(seen).toEqual(['mine2', 'mine1', 'mine0'])
      expect(await shown('mine', 'flow=theirs')).toEqual({ items: [] })
      expect((await shown('mine', 'flow=mine&status=succeeded')).items).toHaveLength(3)
      expect(await shown('nothing', '')).toEqual({ items: [] })
      expect((await shown('viewer', '')).items).toHaveLength(6)
    })

    it('a flow that publishes to a topic is made only by who sees all that it starts', async () => {
      const sends = { type: 'event', channel: 'orders' }
      const nested = { a: { type: 'parallel', branches: ['b', 'c'] }, b: { type: 'pass' }, c: sends }
      const lost = { triggers: [{ type: 'topic', name: 't', topic: 'others', deadLetter: 'orders' }] }
      const bodies = [flow('mine', { a: sends }), flow('mine', nested), { ...flow('mine'), ...lost }]
      const triggers = [{ type: 'topic', name: 't', topic: 'orders' }]
      expect((await call('admin', 'PUT', '/v1/flows/hidden', { ...flow('hidden'), triggers })).status).toBe(201)
      for (const body of bodies) {
        const refused = await call('mine', 'PUT', '/v1/flows/mine', body)
        expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } })
        expect(JSON.stringify(refused.body)).not.toContain('hidden')
      }
      // one that is disabled may be enabled
      expect((await call('admin', 'POST', '/v1/triggers/hidden/t/disable')).status).toBe(200)
      expect((await call('mine', 'PUT', '/v1/flows/mine', bodies[0])).status).toBe(403)
      expect((await call('admin', 'PUT', '/v1/flows/mine', bodies[0])).status).toBe(200)
      expect((await call('admin', 'DELETE', '/v1/flows/hidden')).status).toBe(204)
      for (const body of bodies) expect(await call('mine', 'PUT', '/v1/flows/mine', body)).toMatchObject({ status: 200 })
      expect((await call('admin', 'PUT', '/v1/flows/mine', flow('mine'))).status).toBe(200)
    })

    it('a flow that may not be seen is not made, and neither is one that would start it', async () => {
      const calls = (name: string, target: string): object => flow(name, { a: { type: 'subflow', flow: target } })
      expect(await call('mine', 'POST', '/v1/flows', flow('other'))).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      expect((await call('admin', 'POST', '/v1/flows/other/executions', {})).status).toBe(404)
      expect(await call('mine', 'PUT', '/v1/flows/mine', calls('mine', 'theirs'))).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      })
      const within = {
        a: { type: 'parallel', branches: ['b', 'c'] },
        b: { type: 'pass' },
        c: { type: 'subflow', flow: 'theirs:latest' },
      }
      expect(await call('mine', 'PUT', '/v1/flows/mine', flow('mine', within))).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      expect((await call('mine', 'PUT', '/v1/flows/mine', calls('mine', 'mine'))).status).toBe(200)
      expect((await call('admin', 'PUT', '/v1/flows/mine', flow('mine'))).status).toBe(200)
      // to look is no deed, and does not tell which flows there are
      const checked = async (target: string) => (await call('mine', 'POST', '/v1/flows::validate', calls('mine', target))).body
      expect(await checked('theirs')).toEqual({ valid: true, diagnostics: [] })
      expect(await checked('nobody')).toEqual({ valid: true, diagnostics: [] })
      const served = (path: string): object => ({ triggers: [{ name: 'web', type: 'http', path }] })
      expect((await call('admin', 'PUT', '/v1/flows/theirs', { ...flow('theirs'), ...served('/taken') })).status).toBe(200)
      const taken = await call('mine', 'PUT', '/v1/flows/mine', { ...flow('mine'), ...served('/taken') })
      expect(taken).toMatchObject({ status: 409, body: { code: 'path-taken' } })
      expect(JSON.stringify(taken.body)).not.toContain('theirs')
    })

    it('operators start, stop, retry and run again; viewers look, and may ask what a rerun would do', async () => {
      const start = await call('operator', 'POST', '/v1/flows/mine/executions', {})
      expect(start.status).toBe(202)
      await engine.result(start.body.id)
      const rerun = `/v1/executions/${start.body.id}/rerun`
      expect((await call('viewer', 'POST', rerun, { dryRun: true })).status).toBe(200)
      expect(await call('viewer', 'POST', rerun, { dryRun: false })).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      expect((await call('operator', 'POST', rerun, {})).status).toBe(202)
    })

    it('functions are put and deleted by keys without a flow list alone: every flow may call them', async () => {
      for (const [method, url] of [
        ['POST', '/v1/functions'],
        ['PUT', '/v1/functions/default/new'],
        ['DELETE', '/v1/functions/default/new'],
      ] as const) {
        const body = method === 'DELETE' ? undefined : { name: 'new', runtime: 'nodejs', handler: 'a.b', code: '' }
        expect(await call('mine', method, url, body)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
        expect((await call('admin', method, url, body)).status).not.toBe(403)
      }
    })

    it('metrics of flows are for keys that see them', async () => {
      const [all, mine, nothing] = await Promise.all(
        ['viewer', 'mine', 'nothing'].map(async (name) => (await call(name, 'GET', '/metrics')).body),
      )
      const flows = (text: string): string[] => [...new Set([...text.matchAll(/\bflow="([^"]+)"/g)].map(([, flow]) => flow!))].sort()
      expect(flows(all)).toEqual(expect.arrayContaining(['mine', 'theirs']))
      expect(flows(mine)).toEqual(['mine'])
      expect(flows(nothing)).toEqual([])
      for (const text of [all, mine]) expect(text).toMatch(/^fnflow_executions_started_total\{flow="mine"\} [1-9]/m)
      for (const text of [mine, nothing]) expect(text).toMatch(/^process_resident_memory_bytes \d/m)
    })

    it('what a key is not, is told of nobody', async () => {
      const [key = ''] = keys.map((one) => one.key)
      for (const wrong of [key.slice(0, -1), `${key}x`, key.toUpperCase(), 'fnflow_', '', 'Bearer', key.replace('fnflow_', '')]) {
        const answered = await call(wrong, 'GET', '/v1/executions')
        expect([wrong, answered.status]).toEqual([wrong, 401])
        if (wrong.length > 8) expect(JSON.stringify(answered)).not.toContain(wrong)
      }
      const schemes = [`bearer ${key}`, `BEARER  ${key}`].map((authorization) =>
        app.inject({ url: '/v1/executions', headers: { authorization } }),
      )
      for (const { statusCode } of await Promise.all(schemes)) expect(statusCode).toBe(200)
      for (const authorization of [`Basic ${btoa(`x:${key}`)}`, key, `Bearer ${key} ${key}`])
        expect((await app.inject({ url: '/v1/executions', headers: { authorization } })).statusCode).toBe(401)
    })
  })
}
