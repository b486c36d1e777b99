import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { FastifyInstance, InjectOptions } from 'fastify'
import type { Engine, EngineOptions } from '../../../engine/api.ts'
import { createServer } from '../../../engine/http/server.ts'
import { injectAsDocumented } from './document.ts'

/** What the engines under test are made of. */
export type HttpEngineOptions = Pick<EngineOptions, 'functions' | 'onCallback' | 'channels'>

interface Answer {
  readonly status: number
  readonly body: any
  readonly headers: Record<string, unknown>
}

/** The HTTP API, whatever runs the flows. */
export function httpContract(open: (options: HttpEngineOptions) => Promise<Engine>): void {
  let engine: Engine
  let app: FastifyInstance
  const tokens = new Map<string, string>()

  beforeAll(async () => {
    engine = await open({
      functions: {
        next: ({ n }: any) => ({ n: n + 1 }),
        fail: () => {
          throw Object.assign(new Error('it broke'), { name: 'Broken' })
        },
        ask: () => null,
      },
      onCallback: ({ execution, token }) => tokens.set(execution, token),
    })
    app = await createServer({ engine })
  })
  afterAll(async () => {
    await app?.close()
    await engine?.close()
  })

  async function call(
    method: NonNullable<InjectOptions['method']>,
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const type = payload === undefined || headers['content-type'] !== undefined ? {} : { 'content-type': 'application/json' }
    const response = await injectAsDocumented(app, {
      method,
      url,
      headers: { host: 'localhost', ...type, ...headers },
      ...(payload === undefined ? {} : { payload }),
    })
    const json = String(response.headers['content-type']).includes('json')
    return { status: response.statusCode, body: json ? response.json() : response.body, headers: response.headers }
  }

  const flow = (name: string, functionName = 'next', more: object = {}): object => ({
    flow: name,
    ...more,
    start: 'a',
    nodes: { a: { type: 'function', function: functionName } },
  })

  async function until(id: string, status: string): Promise<any> {
    const { body } = await call('GET', `/v1/executions/${id}?wait=10`)
    expect(body.status).toBe(status)
    return body
  }

  describe('flows', () => {
    it('are made once by POST, and made or replaced by PUT', async () => {
      expect(await call('POST', '/v1/flows', flow('made'))).toMatchObject({
        status: 201,
        headers: { location: '/v1/flows/made' },
        body: { flow: 'made', version: 'latest' },
      })
      expect(await call('POST', '/v1/flows', flow('made'))).toMatchObject({ status: 409, body: { code: 'conflict' } })
      expect((await call('PUT', '/v1/flows/made', flow('made'))).status).toBe(200)
      expect((await call('PUT', '/v1/flows/other', flow('other'))).status).toBe(201)
      expect(await call('PUT', '/v1/flows/other', flow('made'))).toMatchObject({ status: 422, body: { code: 'name-mismatch' } })
    })

    it('come as YAML, too', async () => {
      const yaml = 'flow: written\nstart: a\nnodes:\n  a: { type: function, function: next }\n'
      expect((await call('POST', '/v1/flows', yaml, { 'content-type': 'application/yaml' })).status).toBe(201)
    })

    it('that do not parse are 400 with the place, that break rules 422 with diagnostics', async () => {
      expect(await call('POST', '/v1/flows', '{"flow": "x",\n  "start" 7}')).toMatchObject({
        status: 400,
        body: { code: 'malformed-json', line: 2, column: 11 },
      })
      expect(await call('POST', '/v1/flows', 'flow: x\n  start: [', { 'content-type': 'application/yaml' })).toMatchObject({
        status: 400,
        body: { code: 'malformed-yaml', line: expect.any(Number) as unknown },
      })
      const wrong = await call('POST', '/v1/flows', { flow: 'x', start: 'b', nodes: { a: { type: 'pass' } } })
      expect(wrong).toMatchObject({ status: 422, body: { code: 'flow-invalid', title: 'Unprocessable Entity' } })
      expect(wrong.headers['content-type']).toMatch(/^application\/problem\+json/)
      expect(wrong.body.diagnostics[0]).toMatchObject({ severity: 'error', line: 1 })
    })

    it('are checked without being made', async () => {
      expect(await call('POST', '/v1/flows:validate', flow('only-checked'))).toMatchObject({
        status: 200,
        body: { valid: true, diagnostics: [] },
      })
      expect(await call('POST', '/v1/flows:validate', '{"flow"')).toMatchObject({
        status: 200,
        body: { valid: false, diagnostics: [{ rule: 'syntax' }] },
      })
      expect((await call('POST', '/v1/flows/only-checked/executions', {})).status).toBe(404)
    })
  })

  describe('executions', () => {
    beforeAll(async () => {
      await call('PUT', '/v1/flows/std', flow('std'))
      await call('PUT', '/v1/flows/bad', flow('bad', 'fail'))
      await call('PUT', '/v1/flows/catches', {
        flow: 'catches',
        start: 'a',
        nodes: {
          a: { type: 'function', function: 'fail', onError: 'x' },
          x: { type: 'error', catch: [{ next: 'done' }] },
          done: { type: 'pass', params: { said: '$.errorMessage' } },
        },
      })
      await call('PUT', '/v1/flows/quick', flow('quick', 'next', { mode: 'express' }))
      await call('PUT', '/v1/flows/broken', flow('broken', 'fail', { mode: 'express' }))
      await call('PUT', '/v1/flows/asks', { flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
    })

    it('start, end, and are shown with their nodes', async () => {
      const started = await call('POST', '/v1/flows/std/executions', { input: { n: 1 } })
      expect(started).toMatchObject({ status: 202, body: { flow: 'std', trigger: { type: 'api' } } })
      expect(started.headers['location']).toBe(`/v1/executions/${started.body.id}`)
      expect(started.body).not.toHaveProperty('input')
      expect(await until(started.body.id, 'succeeded')).toMatchObject({ input: { n: 1 }, output: { n: 2 } })
      expect((await call('GET', `/v1/executions/${started.body.id}/nodes`)).body.items).toMatchObject([{ id: 'a', status: 'succeeded' }])
      const list = async (): Promise<unknown> =>
        (await call('GET', '/v1/executions?flow=std&status=succeeded&status=failed&limit=1')).body.items
      await expect.poll(list, { timeout: 20_000 }).toMatchObject([{ id: started.body.id }])
    })

    it('of express flows are waited for in one request', async () => {
      expect(await call('POST', '/v1/flows/quick/sync-executions', { input: { n: 4 } })).toMatchObject({
        status: 200,
        body: { output: { n: 5 }, execution: { flow: 'quick', status: 'succeeded' } },
      })
      expect(await call('POST', '/v1/flows/broken/sync-executions', {})).toMatchObject({
        status: 422,
        body: { code: 'execution-failed', error: { errorType: 'Broken' } },
      })
      expect(await call('POST', '/v1/flows/std/sync-executions', {})).toMatchObject({ status: 409, body: { code: 'not-express' } })
    })

    it('are stopped, retried and run again', async () => {
      const { id } = (await call('POST', '/v1/flows/asks/executions', {})).body
      expect(await call('POST', `/v1/executions/${id}/stop`)).toMatchObject({ status: 202, body: { status: 'cancelled' } })
      expect(await call('POST', `/v1/executions/${id}/stop`)).toMatchObject({ status: 409, body: { code: 'execution-not-running' } })
      const failed = (await call('POST', '/v1/flows/bad/executions', {})).body.id
      expect(await until(failed, 'failed')).toMatchObject({ error: { errorType: 'Broken' } })
      // paths of the host stay there
      for (const url of ['', '/nodes', '/events'])
        expect(JSON.stringify((await call('GET', `/v1/executions/${failed}${url}`)).body)).not.toMatch(/stackTrace|contract\.ts/)
      const retried = await call('POST', `/v1/executions/${failed}/retry`)
      expect(retried).toMatchObject({ status: 202, body: { retryOf: failed } })
      await until(retried.body.id, 'failed')
      expect(await call('POST', `/v1/executions/${failed}/rerun`, { dryRun: true })).toMatchObject({
        status: 200,
        body: { kept: [], again: [{ node: 'a' }] },
      })
      expect((await call('POST', `/v1/executions/${failed}/rerun`, {})).status).toBe(202)
    })

    it('tell no traces of errors, of caught ones neither', async () => {
      const { id } = (await call('POST', '/v1/flows/catches/executions', {})).body
      await until(id, 'succeeded')
      const [caught] = (await call('GET', `/v1/executions/${id}/nodes`)).body.items
      expect(caught).toMatchObject({ id: 'a', status: 'caught', output: { errorMessage: 'it broke' } })
      expect(JSON.stringify(caught)).not.toMatch(/stackTrace|contract\.ts/)
    })

    it('wait for callbacks, whose token is the key', async () => {
      const { id } = (await call('POST', '/v1/flows/asks/executions', {})).body
      await expect.poll(() => tokens.get(id), { timeout: 20_000 }).toBeDefined()
      const url = `/v1/callbacks/${tokens.get(id)}`
      expect((await call('GET', url)).status).toBe(405)
      expect(await call('POST', url, { status: 'perhaps' })).toMatchObject({ status: 422, body: { code: 'invalid-body' } })
      expect((await call('POST', url, { status: 'succeeded', output: 7 })).status).toBe(200)
      expect(await call('POST', url, { status: 'succeeded', output: 8 })).toMatchObject({
        status: 409,
        body: { code: 'callback-already-used' },
      })
      expect(await call('POST', '/v1/callbacks/nobodys', { status: 'succeeded' })).toMatchObject({ status: 404 })
      expect(await until(id, 'succeeded')).toMatchObject({ output: 7 })
    })

    it('say first that they run, in their events', async () => {
      const { id } = (await call('POST', '/v1/flows/asks/executions', {})).body
      await vi.waitFor(() => expect(tokens.has(id)).toBe(true), 10_000)
      const following = call('GET', `/v1/executions/${id}/events`)
      // the stream ends with the execution
      await new Promise((resolve) => setTimeout(resolve, 100))
      await call('POST', `/v1/executions/${id}/stop`)
      const { body } = await following
      const told = [...body.matchAll(/^event: execution\nid: (\d+)\ndata: (.*)$/gm)].map(([, at, data]: any) => [
        Number(at),
        JSON.parse(data).status,
      ])
      expect(told.map(([, status]) => status)).toEqual(['running', 'cancelled'])
      expect(told[0]![0]).toBeLessThan(told[1]![0])
    })

    it('are followed as server-sent events, from a position on', async () => {
      const { id } = (await call('POST', '/v1/flows/std/executions', { input: { n: 1 } })).body
      await until(id, 'succeeded')
      const all = await call('GET', `/v1/executions/${id}/events`)
      expect(all.headers['content-type']).toBe('text/event-stream')
      const events = [...all.body.matchAll(/^event: (\w+)\nid: (\d+)\ndata: (.*)\n\n/gm)].map(([, event, position, data]: any) => [
        event,
        Number(position),
        JSON.parse(data),
      ])
      expect(events.map(([event]) => event)).toEqual(['node', 'execution'])
      expect(events.at(-1)![2]).toMatchObject({ id, status: 'succeeded' })
      const last = String(events.at(-1)![1])
      const rest = await call('GET', `/v1/executions/${id}/events`, undefined, { 'last-event-id': last })
      expect(rest.body).not.toContain('event: node')
      const unknown = await call('GET', `/v1/executions/${id}/events`, undefined, { 'last-event-id': '999999' })
      expect(unknown.body).toBe(all.body)
      expect((await call('GET', '/v1/executions/nobody/events')).status).toBe(404)
    })
  })

  describe('bad input', () => {
    it.each([
      ['GET', '/v1/nothing', undefined, 404, 'not-found'],
      ['DELETE', '/v1/executions', undefined, 405, 'method-not-allowed'],
      ['GET', '/v1/executions/nobody', undefined, 404, 'execution-not-found'],
      ['GET', '/v1/executions?limit=0', undefined, 400, 'bad-request'],
      ['GET', '/v1/executions?colour=red', undefined, 400, 'bad-request'],
      ['GET', '/v1/executions?status=happy', undefined, 400, 'bad-request'],
      ['GET', '/v1/executions?cursor=!', undefined, 400, 'bad-request'],
      ['POST', '/v1/flows/nobody/executions', {}, 404, 'flow-not-found'],
      ['POST', '/v1/flows/std/executions', { imput: 1 }, 422, 'invalid-body'],
      ['POST', '/v1/flows/std/executions', [], 422, 'invalid-body'],
      ['POST', '/v1/flows/std/executions', '{"input": }', 400, 'malformed-json'],
      ['POST', '/v1/flows/std/executions', '['.repeat(100_000), 400, 'malformed-json'],
      ['POST', '/v1/flows/std/executions', { input: 'x'.repeat(6_300_000) }, 413, 'payload-too-large'],
      ['POST', '/v1/flows/std/executions', { input: 'x'.repeat(9_000_000) }, 413, 'payload-too-large'],
      ['POST', '/v1/flows/std/executions', `{"input": ${'['.repeat(600)}${']'.repeat(600)}}`, 400, 'payload-too-deep'],
    ] as const)('%s %s', async (method, url, body, status, code) => {
      const answer = await call(method, url, body)
      expect(answer).toMatchObject({ status, body: { code, status, type: `urn:fnflow:problem:${code}` } })
      expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:\d|\/tmp\//)
    })

    it('other media types and compressed bodies are 415', async () => {
      expect((await call('POST', '/v1/flows/std/executions', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(
        415,
      )
      expect(
        (await call('POST', '/v1/flows/std/executions', '{}', { 'content-encoding': 'gzip', 'content-type': 'application/json' })).status,
      ).toBe(415)
    })

    it('requests of other hosts and of other pages are 403', async () => {
      for (const headers of [{ host: 'evil.example' }, { host: 'localhost', origin: 'https://evil.example' }])
        expect(await call('GET', '/v1/executions', undefined, headers)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      expect((await call('GET', '/healthz', undefined, { host: '127.0.0.1:8900', origin: 'http://localhost:8900' })).status).toBe(200)
    })

    it('data called __proto__ and constructor comes back as it went in', async () => {
      const { id } = (await call('POST', '/v1/flows/asks/executions', '{"input":{"__proto__":{"a":1},"constructor":2}}')).body
      const response = await app.inject({ method: 'GET', url: `/v1/executions/${id}`, headers: { host: 'localhost' } })
      expect(response.body).toContain('"input":{"__proto__":{"a":1},"constructor":2}')
    })
  })
}
