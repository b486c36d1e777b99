import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fastify, type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Engine } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import { guardRoutes, type Caller } from '../../../engine/http/access.ts'
import { fnflowApi } from '../../../engine/http/api.ts'

const CALLERS: Readonly<Record<string, Caller>> = {
  sees: { name: 'sees', role: 'viewer' },
  runs: { name: 'runs', role: 'operator' },
  rules: { name: 'rules', role: 'admin' },
  mine: { name: 'mine', role: 'operator', flows: ['mine'] },
}

const flow = (name: string): object => ({ flow: name, start: 'a', nodes: { a: { type: 'pass' } } })

describe('access', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await createEngine()
    await engine.deploy(flow('mine'))
    await engine.deploy(flow('theirs'))
  })
  afterAll(async () => engine.close())

  it('is said by each route of the API', async () => {
    const app = fastify()
    const roles = new Map<string, unknown>()
    app.addHook('onRoute', ({ method, url, config }) => void roles.set(`${Array.isArray(method) ? 'all' : method} ${url}`, config?.role))
    await app.register(fnflowApi, { engine })
    await app.ready()
    expect(roles.size).toBeGreaterThan(10)
    for (const [route, role] of roles) expect([route, role]).toEqual([route, expect.toBeOneOf(['viewer', 'operator', 'admin', null])])
    const open = [...roles].filter(([, role]) => role === null).map(([route]) => route)
    // whatever comes to this list is open to everybody
    expect(open.filter((route) => !route.startsWith('HEAD')).sort()).toEqual([
      'GET /healthz',
      'GET /openapi.json',
      'GET /readyz',
      'POST /v1/callbacks/:token',
      // whose triggers say what they need
      'all /t/*',
    ])
    await app.close()
  })

  it('that a route does not say keeps it from registering', async () => {
    const app = fastify()
    guardRoutes(app, engine, undefined)
    expect(() => app.get('/v1/new', async () => 1)).toThrow('the route GET /v1/new has no config.role')
  })

  it('is what the application says now, also by a promise of another library', async () => {
    const app = fastify()
    const caller: { role: 'viewer' | 'admin' } = { role: 'admin' }
    await app.register(fnflowApi, { engine, authenticate: () => ({ then: (done: (found: unknown) => void) => done(caller) }) as never })
    const start = async (): Promise<number> =>
      (await app.inject({ method: 'POST', url: '/v1/flows/mine/executions', payload: {} })).statusCode
    expect(await start()).toBe(202)
    caller.role = 'viewer'
    expect(await start()).toBe(403)
    await app.close()
  })

  describe('in an application, which says who asks', () => {
    let app: FastifyInstance
    beforeAll(async () => {
      app = fastify()
      const authenticate = async ({ headers }: FastifyRequest) => CALLERS[headers.authorization?.replace('Bearer ', '') ?? '']
      await app.register(fnflowApi, { engine, authenticate, prefix: '/flows' })
    })
    afterAll(async () => app.close())

    const call = async (key: string | undefined, method: 'GET' | 'POST', url: string, payload?: object) => {
      const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
      const answer = await app.inject({ method, url: `/flows${url}`, headers, ...(payload === undefined ? {} : { payload }) })
      const { 'www-authenticate': asks, location } = answer.headers
      return { status: answer.statusCode, body: answer.json(), asks, location }
    }

    it('takes nobody who is not known', async () => {
      expect(await call(undefined, 'GET', '/v1/executions')).toMatchObject({
        status: 401,
        body: { code: 'unauthorized' },
        asks: 'Bearer realm="fnflow"',
      })
      expect(await call('other', 'GET', '/v1/executions')).toMatchObject({
        status: 401,
        asks: 'Bearer realm="fnflow", error="invalid_token"',
      })
      expect((await call(undefined, 'GET', '/healthz')).status).toBe(200)
      expect(await call(undefined, 'GET', '/v1/callbacks/t')).toMatchObject({ status: 405 })
      expect(await call(undefined, 'POST', '/v1/callbacks/t', { status: 'succeeded' })).toMatchObject({ status: 404 })
    })

    it('gives each role what is its own', async () => {
      const start = '/v1/flows/mine/executions'
      expect(await call('sees', 'POST', start, {})).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      const { status, body, location } = await call('runs', 'POST', start, {})
      expect({ status, location }).toEqual({ status: 202, location: `/flows/v1/executions/${body.id}` })
      await engine.result(body.id)
      const rerun = `/v1/executions/${body.id}/rerun`
      expect((await call('sees', 'POST', rerun, { dryRun: true })).status).toBe(200)
      expect((await call('sees', 'POST', rerun, {})).status).toBe(403)
      expect((await call('runs', 'POST', rerun, {})).status).toBe(202)
      expect((await call('sees', 'POST', '/v1/flows:validate', flow('new'))).status).toBe(200)
      expect((await call('runs', 'POST', '/v1/flows', flow('new'))).status).toBe(403)
      expect((await call('rules', 'POST', '/v1/flows', flow('new'))).status).toBe(201)
    })

    it('answers for what is outside of the flow list as for what is not there', async () => {
      const other = (await call('runs', 'POST', '/v1/flows/theirs/executions', {})).body.id
      for (const path of ['', '/nodes', '/logs', '/events']) {
        const hidden = await call('mine', 'GET', `/v1/executions/${other}${path}`)
        const absent = await call('mine', 'GET', `/v1/executions/nobody${path}`)
        expect(hidden.status).toBe(404)
        expect(JSON.stringify(hidden).replaceAll(other, 'nobody')).toBe(JSON.stringify(absent))
      }
      const hidden = await call('mine', 'POST', '/v1/flows/theirs/executions', {})
      const absent = await call('mine', 'POST', '/v1/flows/nobody/executions', {})
      expect(hidden.status).toBe(404)
      expect(JSON.stringify(hidden).replaceAll('theirs', 'nobody')).toBe(JSON.stringify(absent))
      const started = await call('mine', 'POST', '/v1/flows/mine/executions', {})
      expect(started.status).toBe(202)
      // full pages, whatever lies between
      const shown = async (query: string): Promise<any> => (await call('mine', 'GET', `/v1/executions?${query}`)).body
      await call('runs', 'POST', '/v1/flows/theirs/executions', {})
      const { items, nextCursor } = await shown('limit=2')
      expect(items.map((item: { flow: string }) => item.flow)).toEqual(['mine', 'mine'])
      expect(items[0].id).toBe(started.body.id)
      const rest = await shown(`limit=200&cursor=${nextCursor}`)
      expect(new Set(rest.items.map((item: { flow: string }) => item.flow))).toEqual(new Set(['mine']))
      expect(await shown('flow=theirs')).toEqual({ items: [] })
      expect((await shown('flow=mine&limit=1')).items).toMatchObject([{ id: started.body.id }])
    })
  })
})
