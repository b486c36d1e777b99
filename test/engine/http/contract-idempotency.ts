import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import type { Engine } from '../../../engine/api.ts'
import { createServer } from '../../../engine/http/server.ts'
import { injectAsDocumented } from './document.ts'
import type { HttpEngineOptions } from './contract.ts'

interface Answer {
  readonly status: number
  readonly body: any
  readonly headers: Record<string, unknown>
}

/** Requests with an `Idempotency-Key` (http-api.md, 1), whatever runs the flows. */
export function idempotencyContract(open: (options: HttpEngineOptions) => Promise<Engine>): void {
  let engine: Engine
  let app: FastifyInstance
  const tokens = new Map<string, string>()
  const calls: number[] = []
  let isWell = true

  beforeAll(async () => {
    engine = await open({
      functions: {
        next: ({ n = 0 }: any) => ({ n: n + 1 }),
        counted: ({ n, ms = 0 }: any) => {
          calls.push(n)
          return sleep(ms).then(() => ({ n, count: calls.length, big: 'é'.repeat(4000) }))
        },
        sick: () => {
          if (!isWell) throw Object.assign(new Error('it broke'), { name: 'Broken' })
          return 'well'
        },
        ask: () => null,
      },
      onCallback: ({ execution, token }) => tokens.set(execution, token),
    })
    app = await createServer({ engine })
    const one = (flow: string, name: string, more: object = {}, type = 'function'): object => ({
      flow,
      ...more,
      start: 'a',
      nodes: { a: { type, function: name } },
    })
    for (const flow of [
      one('std', 'next'),
      one('asks', 'ask', {}, 'callback'),
      one('sick', 'sick'),
      one('quick', 'counted', { mode: 'express' }),
      one('quick-sick', 'sick', { mode: 'express' }),
    ])
      await engine.deploy(flow)
  })
  afterAll(async () => {
    await app?.close()
    await engine?.close()
  })

  async function post(url: string, key: string | undefined, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const response = await injectAsDocumented(app, {
      method: 'POST',
      url,
      headers: {
        host: 'localhost',
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      ...(payload === undefined ? {} : { payload }),
    })
    const json = String(response.headers['content-type']).includes('json')
    return { status: response.statusCode, body: json ? response.json() : response.body, headers: response.headers }
  }

  /** What must be the same in answers to one request. */
  const same = ({ status, body, headers }: Answer): object => ({
    status,
    body,
    location: headers['location'],
    type: headers['content-type'],
  })

  async function ended(id: string, status: string): Promise<void> {
    const response = await app.inject({ method: 'GET', url: `/v1/executions/${id}?wait=20`, headers: { host: 'localhost' } })
    expect(response.json()).toMatchObject({ status })
  }

  async function count(query: string): Promise<number> {
    const response = await app.inject({ method: 'GET', url: `/v1/executions?${query}&limit=200`, headers: { host: 'localhost' } })
    return response.json<{ items: unknown[] }>().items.length
  }

  describe('a request with a key', () => {
    it('is made once, and answered as before', async () => {
      const first = await post('/v1/flows/std/executions', 'once', { input: { n: 1, m: { a: 1, b: [2] } } })
      expect(first.status).toBe(202)
      expect(first.headers).not.toHaveProperty('idempotency-replayed')
      await ended(first.body.id, 'succeeded')
      for (const body of [
        { input: { n: 1, m: { a: 1, b: [2] } } },
        ' {"input" : {"m":{"b":[2.0],"a":1e0},"n":1}}',
        String.raw`{"input":{"\u006d":{"b":[2],"a":1},"n":1}}`,
      ]) {
        const again = await post('/v1/flows/std/executions', 'once', body)
        expect(same(again)).toEqual(same(first))
        expect(again.headers['idempotency-replayed']).toBe('true')
      }
    })

    it('is 409 with another body', async () => {
      expect((await post('/v1/flows/std/executions', 'other', { input: { n: 1 } })).status).toBe(202)
      for (const body of [{ input: { n: 2 } }, { input: { n: 1, m: null } }, { input: [] }, {}])
        expect(await post('/v1/flows/std/executions', 'other', body)).toMatchObject({ status: 409, body: { code: 'conflict' } })
      expect((await post('/v1/flows/std/executions', 'other', { input: { n: 1 } })).status).toBe(202)
    })

    it('is another one on another path', async () => {
      const [one, two] = [await post('/v1/flows/std/executions', 'path', {}), await post('/v1/flows/asks/executions', 'path', {})]
      expect([one.status, two.status]).toEqual([202, 202])
      expect(one.body.id).not.toBe(two.body.id)
      // the same path, written otherwise
      expect((await post('/v1/flows/%73td/executions', 'path', {})).body.id).toBe(one.body.id)
    })

    it('is made once by many at one moment', async () => {
      const many = await Promise.all(Array.from({ length: 50 }, () => post('/v1/flows/asks/executions', 'many', { input: 'many' })))
      expect(new Set(many.map(({ body }) => body.id)).size).toBe(1)
      expect(new Set(many.map((answer) => JSON.stringify(same(answer)))).size).toBe(1)
      expect(many.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1)
    })

    it('waits for the one that runs, whose answer may be large; another body does not', async () => {
      const before = calls.length
      const input = { n: 7, ms: 400 }
      const running = Array.from({ length: 20 }, () => post('/v1/flows/quick/sync-executions', 'slow', { input }))
      expect(await post('/v1/flows/quick/sync-executions', 'slow', { input: 8 })).toMatchObject({ status: 409, body: { code: 'conflict' } })
      const answers = await Promise.all(running)
      expect(answers[0]).toMatchObject({ status: 200, body: { output: { n: 7 } } })
      for (const answer of answers) expect(same(answer)).toEqual(same(answers[0]!))
      expect(same(await post('/v1/flows/quick/sync-executions', 'slow', { input }))).toEqual(same(answers[0]!))
      expect(calls.length).toBe(before + 1)
    })

    it('that came to nothing is made again', async () => {
      isWell = false
      const failed = await post('/v1/flows/quick-sick/sync-executions', 'sick', {})
      expect(failed).toMatchObject({ status: 422, body: { code: 'execution-failed' } })
      isWell = true
      const well = await post('/v1/flows/quick-sick/sync-executions', 'sick', {})
      expect(well).toMatchObject({ status: 200, body: { output: 'well' } })
      expect(same(await post('/v1/flows/quick-sick/sync-executions', 'sick', {}))).toEqual(same(well))
      expect((await post('/v1/flows/later/executions', 'later', {})).status).toBe(404)
      // the key is free: also for another body
      await engine.deploy({ flow: 'later', start: 'a', nodes: { a: { type: 'pass' } } })
      expect((await post('/v1/flows/later/executions', 'later', { input: 1 })).status).toBe(202)
      expect((await post('/v1/flows/std/executions', 'malformed', '{"input":')).status).toBe(400)
      expect((await post('/v1/flows/std/executions', 'malformed', { imput: 1 })).status).toBe(422)
      expect((await post('/v1/flows/std/executions', 'malformed', {})).status).toBe(202)
    })

    it('needs a key of 1 to 255 visible ASCII characters', async () => {
      for (const key of ['', ' ', 'a b', 'é', 'x'.repeat(256), '\t'])
        expect(await post('/v1/flows/std/executions', key, {}), key).toMatchObject({ status: 400, body: { code: 'bad-request' } })
      for (const key of ['x'.repeat(255), '"8e03978e-40d5-43dd-bc93-6894a57f9324"', '!~'])
        expect((await post('/v1/flows/std/executions', key, {})).status, key).toBe(202)
    })

    it('may hold what is nested deeply, and members called __proto__', async () => {
      const deep = `{"input":${'['.repeat(200)}1${']'.repeat(200)}}`
      const [first, again] = [await post('/v1/flows/std/executions', 'deep', deep), await post('/v1/flows/std/executions', 'deep', deep)]
      expect(first.status).toBe(202)
      expect(same(again)).toEqual(same(first))
      expect((await post('/v1/flows/std/executions', 'deepest', `{"input":${'['.repeat(9e5)}${']'.repeat(9e5)}}`)).status).toBe(400)
      expect((await post('/v1/flows/std/executions', 'proto', '{"input":{"__proto__":1,"a":2}}')).status).toBe(202)
      expect((await post('/v1/flows/std/executions', 'proto', '{"input":{"a":2,"__proto__":1}}')).status).toBe(202)
      expect((await post('/v1/flows/std/executions', 'proto', '{"input":{"a":2}}')).status).toBe(409)
    })

    it('is made to its end when its client leaves', async () => {
      const before = calls.length
      await app.listen({ port: 0, host: '127.0.0.1' })
      const url = `http://127.0.0.1:${(app.server.address() as { port: number }).port}/v1/flows/quick/sync-executions`
      const leaving = new AbortController()
      const request = (signal?: AbortSignal): Promise<Response> =>
        fetch(url, {
          method: 'POST',
          headers: { 'idempotency-key': 'leaves', 'content-type': 'application/json' },
          body: JSON.stringify({ input: { n: 3, ms: 300 } }),
          ...(signal === undefined ? {} : { signal }),
        })
      const left = request(leaving.signal).catch(() => 'left')
      await expect.poll(() => calls.length).toBe(before + 1)
      const waiting = request(leaving.signal).catch(() => 'left')
      await sleep(50)
      leaving.abort()
      expect([await left, await waiting]).toEqual(['left', 'left'])
      expect(await (await request()).json()).toMatchObject({ output: { n: 3 } })
      expect(calls.length).toBe(before + 1)
    })
  })

  describe('on every route', () => {
    it('stop, retry, rerun and callbacks have their effect once', async () => {
      const { id } = (await post('/v1/flows/asks/executions', 'to-stop', {})).body
      const stopped = await post(`/v1/executions/${id}/stop`, 'stop')
      expect(stopped).toMatchObject({ status: 202, body: { status: 'cancelled' } })
      expect(same(await post(`/v1/executions/${id}/stop`, 'stop'))).toEqual(same(stopped))
      expect((await post(`/v1/executions/${id}/stop`, 'stop-again')).status).toBe(409)

      const retried = await post(`/v1/executions/${id}/retry`, 'retry')
      expect(retried).toMatchObject({ status: 202, body: { retryOf: id } })
      expect(same(await post(`/v1/executions/${id}/retry`, 'retry'))).toEqual(same(retried))
      expect(await post(`/v1/executions/${id}/retry`, 'retry-again')).toMatchObject({ status: 409, body: { code: 'retry-running' } })

      const rerun = await post(`/v1/executions/${id}/rerun`, 'rerun', { from: 'a' })
      expect(rerun.status).toBe(202)
      expect(same(await post(`/v1/executions/${id}/rerun`, 'rerun', { from: 'a' }))).toEqual(same(rerun))
      expect((await post(`/v1/executions/${id}/rerun`, 'rerun', {})).status).toBe(409)

      await expect.poll(() => tokens.get(rerun.body.id), { timeout: 20_000 }).toBeDefined()
      const url = `/v1/callbacks/${tokens.get(rerun.body.id)}`
      const called = await post(url, 'call', { status: 'succeeded', output: 1 })
      expect(called.status).toBe(200)
      expect(same(await post(url, 'call', { output: 1, status: 'succeeded' }))).toEqual(same(called))
      expect((await post(url, 'call', { status: 'succeeded', output: 2 })).status).toBe(409)
      expect(await post(url, 'call-again', { status: 'succeeded', output: 1 })).toMatchObject({ body: { code: 'callback-already-used' } })
      await ended(rerun.body.id, 'succeeded')
      await expect.poll(() => count('flow=asks&status=succeeded'), { timeout: 20_000 }).toBe(1)
    })

    it('definitions: JSON is compared as a value, YAML as a text', async () => {
      const first = await post('/v1/flows', 'made', '{"flow":"made","start":"a","nodes":{"a":{"type":"pass"}}}')
      expect(first.status).toBe(201)
      const again = await post('/v1/flows', 'made', '{"start":"a",\n "nodes":{"a":{"type":"pass"}}, "flow":"made"}')
      expect(same(again)).toEqual(same(first))
      const yaml = (key: string, text: string): Promise<Answer> => post('/v1/flows', key, text, { 'content-type': 'application/yaml' })
      const text = 'flow: made-of-yaml\nstart: a\nnodes: { a: { type: pass } }\n'
      const [one, two] = [await yaml('yaml', text), await yaml('yaml', text)]
      expect(one.status).toBe(201)
      expect(same(two)).toEqual(same(one))
      expect((await yaml('yaml', `${text}# a comment, which is kept`)).status).toBe(409)
      expect((await post('/v1/flows:validate', 'check', '{"flow"')).body).toEqual(
        (await post('/v1/flows:validate', 'check', '{"flow"')).body,
      )
    })
  })

  describe('a request whose process died before its answer', () => {
    /** As such a process leaves it: the effect is there, under the id of the key, and no answer. */
    async function dying(key: string, url: string, body: unknown): Promise<Answer> {
      const begin = engine.idempotency.begin.bind(engine.idempotency)
      const [idempotency, wrapped] = [engine.idempotency as { begin: typeof begin }, true]
      idempotency.begin = async (request) => {
        const begun = await begin(request)
        const { turn } = begun
        if (turn === undefined || !wrapped) return begun
        return { turn: { ...turn, keep: () => turn.release().then(() => Promise.reject(new Error('died'))) } }
      }
      try {
        return await post(url, key, body)
      } finally {
        idempotency.begin = begin
      }
    }

    it('is answered by what it has made', async () => {
      const start = await dying('start', '/v1/flows/asks/executions', {})
      const again = await post('/v1/flows/asks/executions', 'start', {})
      expect(again).toMatchObject({ status: 202, body: { id: start.body.id }, headers: { location: start.headers['location'] } })
      const { id } = start.body
      await dying('stopped', `/v1/executions/${id}/stop`, undefined)
      const stopped = await post(`/v1/executions/${id}/stop`, 'stopped')
      expect(stopped).toMatchObject({ status: 202, body: { id, status: 'cancelled' } })
      expect(same(await post(`/v1/executions/${id}/stop`, 'stopped'))).toEqual(same(stopped))
      for (const [what, body] of [
        ['retry', undefined],
        ['rerun', { from: 'a' }],
      ] as const) {
        const made = await dying(what, `/v1/executions/${id}/${what}`, body)
        expect(await post(`/v1/executions/${id}/${what}`, what, body)).toMatchObject({ status: 202, body: { id: made.body.id } })
        await expect.poll(() => tokens.get(made.body.id), { timeout: 20_000 }).toBeDefined()
        const url = `/v1/callbacks/${tokens.get(made.body.id)}`
        const answer = { status: 'succeeded', output: what }
        expect((await dying(`call-${what}`, url, answer)).status).toBe(200)
        const called = await post(url, `call-${what}`, answer)
        expect(called.status).toBe(200)
        expect(same(await post(url, `call-${what}`, answer))).toEqual(same(called))
        await ended(made.body.id, 'succeeded')
      }
    })

    it('is 409 with another body, too', async () => {
      await dying('changed', '/v1/flows/std/executions', { input: 1 })
      expect((await post('/v1/flows/std/executions', 'changed', { input: 2 })).status).toBe(409)
    })
  })
}
