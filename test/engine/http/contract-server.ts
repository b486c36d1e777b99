/** What any engine's server says of itself: readiness, metrics, request ids. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import type { Engine, EngineOptions } from '../../../engine/api.ts'
import { createServer, type RequestLine } from '../../../engine/http/server.ts'

const functions = {
  'server/double': ({ n }: { n: number }) => ({ n: n * 2 }),
  'server/traced-only': (_event: unknown, { traceparent }: { readonly traceparent?: string }) => {
    if (traceparent === undefined) throw new Error('without a trace')
    return { trace: traceparent }
  },
  'server/trace': (_event: unknown, context: { readonly traceparent?: string }) => ({ trace: context.traceparent ?? null }),
}
const FAST = { flow: 'server-fast', mode: 'express', start: 'a', nodes: { a: { type: 'function', function: 'server/double' } } }
const DURABLE = { ...FAST, flow: 'server-durable', mode: 'standard' }

const TRACED = { flow: 'server-traced', start: 'a', nodes: { a: { type: 'function', function: 'server/trace' } } }
const PARENT = { flow: 'server-parent', start: 'a', nodes: { a: { type: 'subflow', flow: 'server-traced' } } }
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const OTHER_TRACE = TRACE.replace('4bf9', '5bf9')

export function serverContract(
  open: (options: Pick<EngineOptions, 'functions'>) => Promise<Engine>,
  dependencies: readonly string[],
): void {
  describe('server', () => {
    let engine: Engine
    let app: FastifyInstance
    const lines: RequestLine[] = []

    beforeAll(async () => {
      engine = await open({ functions })
      app = await createServer({ engine, onAnswer: (line) => lines.push(line) })
      for (const flow of [FAST, DURABLE, TRACED, { ...TRACED, flow: 'server-traced-fast', mode: 'express' }, PARENT])
        expect((await app.inject({ method: 'POST', url: '/v1/flows', payload: flow })).statusCode).toBe(201)
    })

    afterAll(async () => {
      await app.close()
      await engine.close()
    })

    it('is ready, and says what it stands on', async () => {
      const { statusCode, body } = await app.inject('/readyz')
      expect([statusCode, JSON.parse(body)]).toEqual([
        200,
        { status: 'ready', dependencies: Object.fromEntries(dependencies.map((one) => [one, { state: 'ok' }])) },
      ])
    })

    it('counts what the engine does, by names that are there alone', async () => {
      const start = (flow: string, kind: string) =>
        app.inject({ method: 'POST', url: `/v1/flows/${flow}/${kind}`, payload: { input: { n: 1 } } })
      expect((await start('server-fast', 'sync-executions')).statusCode).toBe(200)
      const { id } = (await start('server-durable', 'executions')).json<{ id: string }>()
      expect((await app.inject(`/v1/executions/${id}?wait=30`)).json()).toMatchObject({ status: 'succeeded' })
      expect((await start('nowhere-to-be-seen', 'executions')).statusCode).toBe(404)
      const { headers, body } = await app.inject('/metrics')
      expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
      for (const line of [
        'fnflow_executions_started_total{flow="server-fast"} 1',
        'fnflow_executions_started_total{flow="server-durable"} 1',
        'fnflow_executions_ended_total{flow="server-fast",status="succeeded"} 1',
        'fnflow_node_duration_seconds_count{flow="server-fast",type="function"} 1',
        'fnflow_node_duration_seconds_bucket{flow="server-fast",type="function",le="+Inf"} 1',
      ])
        expect(body.split('\n')).toContain(line)
      expect(body).toMatch(/^fnflow_invocations_total\{function="server\/double",status="200"\} \d+$/m)
      for (const metric of ['fnflow_instances', 'fnflow_journal_commit_seconds', 'fnflow_trigger_lag', 'fnflow_event_loop_delay_seconds'])
        expect(body).toMatch(new RegExp(`^# TYPE ${metric} `, 'm'))
      expect(body).not.toMatch(/nowhere-to-be-seen/)
    })

    it('takes the id of a request and gives it back, with every answer; one that is unfit is replaced', async () => {
      const of = async (url: string, id?: string) => {
        const { headers } = await app.inject({ url, ...(id === undefined ? {} : { headers: { 'x-request-id': id } }) })
        return headers['x-request-id']
      }
      for (const url of ['/healthz', '/nowhere', '/v1/executions/x', '/v1/%zz', '/v1/executions?limit=x'])
        expect(await of(url, 'mine/1')).toBe('mine/1')
      const made = await of('/healthz')
      expect(made).toMatch(/^[0-9a-f-]{36}$/)
      expect(await of('/healthz')).not.toBe(made)
      for (const unfit of ['', 'a b', 'x'.repeat(129), 'é']) expect(await of('/healthz', unfit)).toMatch(/^[0-9a-f-]{36}$/)
    })

    it('hands the trace of a request to the functions that it leads to', async () => {
      const traceOf = async (url: string, traceparent?: string) => {
        const headers = traceparent === undefined ? {} : { traceparent }
        const answer = (await app.inject({ method: 'POST', url, payload: {}, headers })).json<any>()
        const { id } = answer
        const { output } = id === undefined ? answer : (await app.inject(`/v1/executions/${id}?wait=30`)).json<any>()
        return (output ?? answer).trace
      }
      const urls = [
        '/v1/flows/server-traced-fast/sync-executions',
        '/v1/flows/server-traced/executions',
        '/v1/flows/server-parent/executions',
        '/v1/functions/server/trace/invocations',
      ]
      expect(await Promise.all(urls.map((url) => traceOf(url, TRACE)))).toEqual(urls.map(() => TRACE))
      expect(await Promise.all(urls.map((url) => traceOf(url)))).toEqual(urls.map(() => null))
      for (const unfit of [TRACE.toUpperCase(), TRACE.replace(/[1-9a-f]/g, '0'), `${TRACE}x`, 'x'])
        expect(await traceOf(urls[0]!, unfit)).toBeNull()
      const { items } = (await app.inject('/v1/executions?flow=server-traced')).json<{ items: { trigger?: object; parent?: object }[] }>()
      for (const { trigger, parent } of items) expect(trigger).toEqual(parent === undefined ? { type: 'api' } : undefined)
    })

    it('hands the trace of a retry or rerun to what runs again', async () => {
      const nodes = { a: { type: 'pass', next: 'b' }, b: { type: 'function', function: 'server/traced-only' } }
      expect(
        (await app.inject({ method: 'POST', url: '/v1/flows', payload: { flow: 'server-again', start: 'a', nodes } })).statusCode,
      ).toBe(201)
      const post = async (url: string, traceparent?: string) => {
        const headers = traceparent === undefined ? {} : { traceparent }
        const { id } = (await app.inject({ method: 'POST', url, headers })).json<{ id: string }>()
        return (await app.inject(`/v1/executions/${id}?wait=30`)).json<any>()
      }
      const failed = await post('/v1/flows/server-again/executions')
      expect(failed.status).toBe('failed')
      const retried = await post(`/v1/executions/${failed.id}/retry`, TRACE)
      expect(retried).toMatchObject({ status: 'succeeded', output: { trace: TRACE }, retryOf: failed.id })
      expect(await post(`/v1/executions/${retried.id}/rerun`, OTHER_TRACE)).toMatchObject({ output: { trace: OTHER_TRACE } })
      expect(await post(`/v1/executions/${retried.id}/rerun`)).toMatchObject({ status: 'failed' })
    })

    it('keeps a note of what was loaded from which file', async () => {
      const before = await engine.flowFiles.loaded()
      for (const [file, hash] of [
        ['a/b.yaml', '1'],
        ['c.yaml', '2'],
        ['a/b.yaml', '3'],
      ] as const)
        await engine.flowFiles.note(file, hash)
      expect([before.size, [...(await engine.flowFiles.loaded())].sort()]).toEqual([
        0,
        [
          ['a/b.yaml', '3'],
          ['c.yaml', '2'],
        ],
      ])
    })

    it('has a line for each answer, with the pattern of the path and nothing that came with the request', async () => {
      lines.length = 0
      await app.inject({ url: '/v1/executions/sesame?wait=1', headers: { 'x-request-id': 'r1' } })
      await app.inject({ url: '/sesame', headers: { 'x-request-id': 'r2' } })
      expect(lines).toMatchObject([
        { requestId: 'r1', method: 'GET', route: '/v1/executions/:id', status: 404 },
        { requestId: 'r2', method: 'GET', route: '-', status: 404 },
      ])
      expect(JSON.stringify(lines)).not.toMatch(/sesame|wait/)
    })
  })
}
