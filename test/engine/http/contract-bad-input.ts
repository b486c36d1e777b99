import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../../engine/api.ts'
import type { OpenApiDocument, Operation } from '../../../engine/http/openapi/types.ts'
import { PROBLEM_STATUS, type ProblemCode } from '../../../engine/http/problem.ts'
import { createServer } from '../../../engine/http/server.ts'
import type { HttpEngineOptions } from './contract.ts'
import { documentOf, injectAsDocumented } from './document.ts'

interface Route {
  readonly operation: Operation
  readonly method: string
  /** Of things that are there. */
  readonly url: string
}

interface Case {
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly payload?: string | Buffer
}

const MEBIBYTE = 1024 * 1024
const JSON_TYPE = { 'content-type': 'application/json' }

/** The classes of bad input of http-api.md, 1, on every route of the document: each is a problem, and nothing is stored. */
export function badInputContract(open: (options: HttpEngineOptions) => Promise<Engine>): void {
  describe('bad input, on every route', () => {
    let engine: Engine
    let app: FastifyInstance
    let routes: Route[] = []
    let id = ''

    beforeAll(async () => {
      engine = await open({ functions: { ask: () => null } })
      app = await createServer({ engine })
      const triggers = [{ type: 'topic', name: 'heard', topic: 'a-topic' }]
      await engine.deploy({ flow: 'there', triggers, start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
      const { version } = await engine.catalogue.publish('there')
      await engine.catalogue.setAlias('there', 'live', { version })
      id = (await engine.start('there')).id
      const { document } = await documentOf(app)
      routes = routesOf(document, { name: 'there', flow: 'there', version, alias: 'live', id, node: 'a', token: 'nobodys' })
    })
    afterAll(async () => {
      await app?.close()
      await engine?.close()
    })

    const routesWith = (wanted: (route: Route) => boolean): Route[] => {
      const found = routes.filter(wanted)
      expect(found.length).toBeGreaterThan(0)
      return found
    }
    const hasBody = ({ operation }: Route): boolean => operation.requestBody !== undefined
    /** Any body of a right type and size is an answer there. */
    const checksOnly = ({ operation }: Route): boolean => operation.operationId === 'validateFlow'
    const takesJson = (route: Route): boolean => hasBody(route) && !checksOnly(route)
    /** A function takes any JSON. */
    const takesObject = (route: Route): boolean => takesJson(route) && route.operation.operationId !== 'invokeFunction'

    async function refused(route: Route, { query = '', headers = {}, payload }: Case, ...codes: readonly ProblemCode[]): Promise<any> {
      const method = route.method as 'GET'
      const what = `${method} ${route.url}${query}`
      const request = {
        method,
        url: route.url + query,
        headers: { host: 'localhost', ...headers },
        ...(payload === undefined ? {} : { payload }),
      }
      const response = await injectAsDocumented(app, request)
      const { statusCode: status, body } = response
      expect(response.headers['content-type'], `${what}: ${status} ${body.slice(0, 300)}`).toMatch(/^application\/problem\+json/)
      const problem = response.json<any>()
      expect(codes, `${what}: ${body.slice(0, 300)}`).toContain(problem.code)
      expect(problem, what).toMatchObject({
        status: PROBLEM_STATUS[problem.code as ProblemCode],
        type: `urn:fnflow:problem:${problem.code}`,
      })
      expect(status, what).toBe(problem.status)
      expect(body, what).not.toMatch(/node_modules|\.ts:\d|"stack/)
      return problem
    }

    it('unknown query parameters are 400', async () => {
      for (const route of routesWith(({ url }) => url.startsWith('/v1/'))) {
        const { example: one, examples = {}, schema } = route.operation.requestBody?.content['application/json'] ?? {}
        const example = one ?? Object.values(examples)[0]?.value ?? (schema?.['examples'] as unknown[] | undefined)?.[0]
        const body = example === undefined ? {} : { headers: JSON_TYPE, payload: JSON.stringify(example) }
        // a body that is missing is looked at first
        const codes: readonly ProblemCode[] = hasBody(route) && example === undefined ? ['bad-request', 'invalid-body'] : ['bad-request']
        await refused(route, { query: '?colour=red', ...body }, ...codes)
      }
    })

    it('methods that a path does not take are 405, with those that it takes', async () => {
      for (const { url } of routes) {
        const response = await app.inject({ method: 'PATCH', url, headers: { host: 'localhost' } })
        expect([response.statusCode, response.json().code], url).toEqual([405, 'method-not-allowed'])
        expect(response.headers['allow'], url).toMatch(/^[A-Z]+(, [A-Z]+)*$/)
      }
      // with a body of any type: what is in it is nobody's matter there
      for (const [method, headers] of [
        ['QUERY', {}],
        ['PROPFIND', {}],
        ['DELETE', { 'content-type': 'text/plain' }],
      ] as const) {
        const response = await app.inject({ method: method as 'GET', url: '/v1/executions', headers: { host: 'localhost', ...headers } })
        expect([method, response.statusCode, response.headers['allow']]).toEqual([method, 405, 'GET, HEAD'])
      }
      const posted = { method: 'POST', headers: { host: 'localhost', 'content-type': 'text/plain' }, payload: 'x' } as const
      expect((await app.inject({ ...posted, url: '/v1/executions' })).statusCode).toBe(405)
      expect((await app.inject({ ...posted, url: '/nowhere' })).statusCode).toBe(404)
      const escaped = await app.inject({ method: 'DELETE', url: '/v1/%66lows', headers: { host: 'localhost' } })
      expect([escaped.statusCode, escaped.headers['allow']]).toEqual([405, 'GET, HEAD, POST'])
    })

    it('names that no path can have are 4xx', async () => {
      for (const route of routesWith(({ url }) => url.includes('there') || url.includes(id))) {
        for (const part of ['%00', '%ff', '%zz', 'x'.repeat(1000), '%F0%9F%92%A9', '..%2f..%2fetc%2fpasswd', '__proto__']) {
          const url = route.url.replace(/there|nobodys/, part).replace(id, part)
          const response = await app.inject({ method: route.method as 'GET', url, headers: { host: 'localhost' } })
          const what = `${route.method} ${url}: ${response.body.slice(0, 200)}`
          expect(Math.trunc(response.statusCode / 100), what).toBe(4)
          expect(response.headers['content-type'], what).toMatch(/^application\/problem\+json/)
          expect(response.body, what).not.toMatch(/node_modules|\.ts:\d/)
        }
      }
    })

    it('other media types and compressed bodies are 415', async () => {
      for (const route of routesWith(hasBody)) {
        await refused(route, { headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: 'a=1' }, 'unsupported-media-type')
        await refused(route, { headers: { 'content-type': 'nonsense' }, payload: '{}' }, 'unsupported-media-type')
        await refused(route, { headers: { ...JSON_TYPE, 'content-encoding': 'gzip' }, payload: '{}' }, 'unsupported-media-type')
      }
    })

    it('bodies that are no JSON are 400, with the place', async () => {
      for (const route of routesWith(takesJson)) {
        const problem = await refused(route, { headers: JSON_TYPE, payload: '{"input":\n  nul}' }, 'malformed-json')
        expect(problem, route.url).toMatchObject({ line: 2, column: 3 })
      }
    })

    it('bodies that are not UTF-8 are 400, with the place, and other charsets 415', async () => {
      for (const route of routesWith(takesJson)) {
        const payload = Buffer.from('{"input":\n "é\xff"}'.replace('é', '\xc3\xa9'), 'latin1')
        expect(await refused(route, { headers: JSON_TYPE, payload }, 'malformed-json'), route.url).toMatchObject({ line: 2, column: 4 })
      }
      for (const route of routesWith(hasBody)) {
        const headers = { 'content-type': 'application/json; charset=latin1' }
        await refused(route, { headers, payload: '{}' }, 'unsupported-media-type')
      }
    })

    it('numbers that are not finite are 400', async () => {
      for (const route of routesWith(({ operation }) =>
        ['startExecution', 'invokeFunction', 'publishMessage'].includes(operation.operationId),
      ))
        for (const number of ['1e400', '-1E+400', '9'.repeat(400)])
          await refused(route, { headers: JSON_TYPE, payload: `{"input":[{"n":${number}}]}` }, 'bad-request')
    })

    it('bodies that are JSON and nothing else are refused', async () => {
      for (const route of routesWith(takesObject)) {
        for (const payload of ['[]', '7', '"text"', 'null', '{"colour": "red"}', '{"__proto__": {}, "constructor": 1}'])
          await refused(
            route,
            { headers: JSON_TYPE, payload },
            'invalid-body',
            'flow-invalid',
            'function-invalid',
            'malformed-json',
            'malformed-yaml',
          )
        const deep = `${'{"input":'.repeat(9000)}1${'}'.repeat(9000)}`
        await refused(
          route,
          { headers: JSON_TYPE, payload: deep },
          'invalid-body',
          'flow-invalid',
          'function-invalid',
          'payload-too-deep',
          'malformed-yaml',
        )
      }
    })

    it('bodies where none is taken are 422, but for {}', async () => {
      for (const route of routesWith(({ method, operation }) => method === 'POST' && operation.requestBody === undefined)) {
        for (const payload of ['{"x":1}', '[]', 'null', '7']) await refused(route, { headers: JSON_TYPE, payload }, 'invalid-body')
        await refused(route, { headers: JSON_TYPE, payload: '{' }, 'malformed-json')
        await refused(route, { headers: { 'content-type': 'text/plain' }, payload: 'x' }, 'unsupported-media-type')
      }
      expect((await engine.describe(id)).status).toBe('running')
      const triggers = await engine.triggers.list()
      expect(triggers.every(({ enabled }) => enabled)).toBe(true)
    })

    it('bodies over 8 MiB are 413', async () => {
      const payload = JSON.stringify({ input: 'x'.repeat(8 * MEBIBYTE) })
      for (const route of routesWith(hasBody)) await refused(route, { headers: JSON_TYPE, payload }, 'payload-too-large')
    })

    it('keys of requests that are none are 400', async () => {
      for (const route of routesWith(({ method }) => method === 'POST'))
        for (const key of ['', 'a b', 'é', 'x'.repeat(256)])
          await refused(route, { headers: { 'idempotency-key': key } }, 'bad-request', 'unsupported-media-type', 'invalid-body')
    })

    it('has left nothing behind', async () => {
      expect((await engine.catalogue.list()).items.map(({ flow }) => flow)).toEqual(['there'])
      expect((await engine.catalogue.versions('there')).items).toHaveLength(1)
      expect(await engine.describe(id)).toMatchObject({ status: 'running' })
      await expect.poll(async () => (await engine.list()).items.length, { timeout: 20_000 }).toBe(1)
    })
  })
}

function routesOf(document: OpenApiDocument, names: Readonly<Record<string, string>>): Route[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      operation,
      method: method.toUpperCase(),
      // a trigger's name stands behind its flow's
      url: path.replace('{flow}/{name}', 'there/heard').replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? `a-${name}`),
    })),
  )
}
