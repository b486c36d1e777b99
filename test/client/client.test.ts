import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiError, Client, ExecutionFailed, ServerUnreachable, type ExecutionEvent } from '../../client/index.ts'
import type { Engine } from '../../engine/api.ts'
import { createEngine } from '../../engine/create-engine.ts'
import { createServer } from '../../engine/http/server.ts'
import { json, scripted } from './server.ts'

const SUMMARY = { id: 'x', flow: 'f', version: 'latest', mode: 'standard', startedAt: 1 }
const problem = (status: number, code: string) => ({ type: `urn:fnflow:problem:${code}`, title: 'no', status, detail: 'not now', code })

async function rejection(promise: Promise<unknown>): Promise<any> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it was fulfilled')
}

describe('the client, of a real server', () => {
  let engine: Engine
  let client: Client
  let close: () => Promise<void>
  const tokens = new Map<string, string>()
  beforeAll(async () => {
    engine = await createEngine({
      functions: {
        next: ({ n }: any) => ({ n: n + 1 }),
        fail: () => {
          throw Object.assign(new Error('it broke'), { name: 'Broken' })
        },
        ask: () => null,
        logs: (_event: unknown, { logger }: any) => {
          logger.info('one\ntwo')
          return null
        },
      },
      onCallback: ({ execution, token }) => tokens.set(execution, token),
    })
    const app = await createServer({ engine })
    client = new Client({ server: await app.listen({ host: '127.0.0.1', port: 0 }) })
    close = () => app.close()
    const flow = (name: string, type: string, functionName: string): object => ({
      flow: name,
      start: 'a',
      nodes: { a: { type, function: functionName } },
    })
    await client.call('createFlow', { body: flow('std', 'function', 'next') as never })
    await client.call('createFlow', { body: flow('bad', 'function', 'fail') as never })
    await client.call('createFlow', { body: flow('logs', 'function', 'logs') as never })
    await client.call('createFlow', { body: 'flow: asks # as YAML\nstart: a\nnodes: { a: { type: callback, function: ask } }\n' })
  })
  afterAll(async () => {
    await close?.()
    await engine?.close()
  })

  it('follows the log, also when it is cut off', async () => {
    const { id } = await client.start('logs', {})
    const lines: string[] = []
    for await (const { line } of client.logs(id)) lines.push(`${line.text} ${line.node} ${line.attempt}`)
    expect(lines).toEqual(['one a 1', 'two a 1'])
    const all = []
    for await (const line of client.all('listLogs', { path: { id }, query: { limit: 1 } })) all.push(line.text)
    expect(all).toEqual(['one', 'two'])
    let asked = 0
    const event = (at: number): string => `event: log\nid: ${at}\ndata: {"time":1,"requestId":"r","level":"info","text":"${at}"}\n\n`
    const after: unknown[] = []
    const fetch = ((_url: string, init: RequestInit) => {
      after.push(new Headers(init.headers).get('last-event-id'))
      const body = [event(1), event(2), 'event: end\nid: 2\ndata: {}\n\n'][asked++]
      return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
    }) as typeof globalThis.fetch
    const told: string[] = []
    for await (const { id: position } of new Client({ fetch }).logs('x')) told.push(position)
    expect([told, after]).toEqual([
      ['1', '2'],
      [null, '1', '2'],
    ])
  })

  it('starts, waits, and has the output', async () => {
    const started = await client.start('std', { input: { n: 1 } })
    expect(started).toMatchObject({ flow: 'std' })
    expect(await client.result(started.id)).toEqual({ n: 2 })
    expect(await client.run('std', { input: { n: 5 } })).toEqual({ n: 6 })
    expect(await client.call('listNodes', { path: { id: started.id } })).toMatchObject({ items: [{ id: 'a', status: 'succeeded' }] })
  })

  it('throws what the execution has ended with', async () => {
    const error = await rejection(client.run('bad'))
    expect(error).toBeInstanceOf(ExecutionFailed)
    expect(error).toMatchObject({ message: 'Broken: it broke', execution: { status: 'failed', error: { errorType: 'Broken' } } })
  })

  it('throws problems as the server tells them', async () => {
    const error = await rejection(client.start('nobody'))
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ code: 'flow-not-found', status: 404, problem: { title: 'Not Found' } })
    const wrong = await rejection(client.call('createFlow', { body: 'flow: x\nstart: b\nnodes: { a: { type: pass } }\n' }))
    expect(wrong).toMatchObject({ code: 'flow-invalid', problem: { diagnostics: expect.arrayContaining([expect.anything()]) as unknown } })
  })

  it('follows an execution to its end, and answers its callback', async () => {
    const { id } = await client.start('asks')
    const events: ExecutionEvent[] = []
    for await (const event of client.events(id)) {
      events.push(event)
      if (event.type === 'node' && event.node.status === 'waiting')
        await client.callback(tokens.get(id)!, { status: 'succeeded', output: 7 })
    }
    expect(events.at(-1)).toMatchObject({ type: 'execution', execution: { id, status: 'succeeded' } })
    expect(await client.result(id)).toBe(7)
    const after: ExecutionEvent[] = []
    for await (const event of client.events(id, { after: events.at(-1)!.id })) after.push(event)
    expect(after.every(({ type }) => type === 'execution')).toBe(true)
  })

  it('lists page by page', async () => {
    for (let n = 0; n < 5; n += 1) await client.run('std', { input: { n } })
    const ids = new Set<string>()
    for await (const { id } of client.all('listExecutions', { query: { flow: 'std', limit: 2 } })) ids.add(id)
    expect(ids.size).toBeGreaterThanOrEqual(5)
  })

  it('gives up by a signal', async () => {
    const { id } = await client.start('asks')
    const leave = new AbortController()
    setTimeout(() => leave.abort(new Error('enough')), 50)
    expect(await rejection(client.wait(id, leave.signal))).toMatchObject({ message: 'enough' })
    const gone = AbortSignal.abort(new Error('before'))
    expect(await rejection(client.start('std', {}, gone))).toMatchObject({ message: 'before' })
    await client.call('stopExecution', { path: { id } })
  })

  it('names in paths stay one part of them', async () => {
    expect(await rejection(client.call('getExecution', { path: { id: '../flows?x#y' } }))).toMatchObject({ code: 'execution-not-found' })
    expect(await rejection(client.call('getExecution', { path: { id: '' } }))).toBeInstanceOf(TypeError)
    expect(await rejection(client.call('getExecution', { path: { id: '..' } }))).toBeInstanceOf(TypeError)
  })
})

describe('the client, of a server in trouble', () => {
  it('sends a POST again under the key of the first, and no other', async () => {
    const server = await scripted((_request, response, count) => {
      if (count === 1) response.destroy()
      else if (count === 2) json(response, 503, problem(503, 'shutting-down'))
      else json(response, 202, { ...SUMMARY, status: 'running' })
    })
    const client = new Client({ server: `${server.url}/`, key: 'secret' })
    expect(await client.start('a b', { input: 1 })).toMatchObject({ id: 'x' })
    expect(server.seen).toHaveLength(3)
    expect(server.seen[0]).toMatchObject({ method: 'POST', url: '/v1/flows/a%20b/executions', body: '{"input":1}' })
    const keys = server.seen.map(({ headers }) => headers['idempotency-key'])
    expect(keys[0]).toMatch(/^[\x21-\x7e]{16,255}$/)
    expect(new Set(keys).size).toBe(1)
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Bearer secret'))
    await client.start('b')
    expect(server.seen[3]!.headers['idempotency-key']).not.toBe(keys[0])
    await server.close()
  })

  it('does not send again what was refused', async () => {
    const server = await scripted((_request, response) => json(response, 409, problem(409, 'conflict'), { 'x-request-id': 'r1' }))
    expect(await rejection(new Client({ server: server.url }).start('f'))).toMatchObject({ code: 'conflict', requestId: 'r1' })
    expect(server.seen).toHaveLength(1)
    await server.close()
  })

  it('comes again when the server says, and not sooner', async () => {
    const times: number[] = []
    const server = await scripted((_request, response, count) => {
      times.push(performance.now())
      if (count === 1) json(response, 429, problem(429, 'rate-limited'), { 'retry-after': '1' })
      else json(response, 200, { status: 'ok' })
    })
    expect(await new Client({ server: server.url }).call('getHealth')).toEqual({ status: 'ok' })
    expect(times[1]! - times[0]!).toBeGreaterThan(900)
    await server.close()
  })

  it('says who has not answered, and why', async () => {
    const server = await scripted(() => undefined)
    await server.close()
    const error = await rejection(new Client({ server: server.url, retries: 1 }).call('getHealth'))
    expect(error).toBeInstanceOf(ServerUnreachable)
    expect(error.message).toMatch(/^no answer of http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED/)
    expect(await rejection(collect(new Client({ server: server.url }).events('x')))).toBeInstanceOf(ServerUnreachable)
  })

  it('takes the page of a proxy for what it is', async () => {
    const server = await scripted((_request, response) =>
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>nothing here</h1>'),
    )
    expect(await rejection(new Client({ server: server.url }).call('getHealth'))).toMatchObject({
      status: 404,
      message: expect.stringContaining('404 Not Found, no problem document of fnflow: <h1>') as unknown,
    })
    await server.close()
  })

  it('goes on behind the last event when a stream breaks', async () => {
    const line = (id: number, status: string): string => `event: execution\nid: ${id}\ndata: ${JSON.stringify({ ...SUMMARY, status })}\n\n`
    const server = await scripted((request, response, count) => {
      if (count === 2) return json(response, 503, problem(503, 'shutting-down'))
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': connected\n\n')
      if (request.headers['last-event-id'] === undefined) {
        response.write(line(1, 'running'))
        response.write(line(2, 'running') + line(3, 'running').slice(0, 20), () => response.destroy())
      } else response.end(line(3, 'running') + line(4, 'succeeded'))
    })
    const events = await collect(new Client({ server: server.url }).events('x'))
    expect(events.map(({ id }) => id)).toEqual(['1', '2', '3', '4'])
    expect(server.seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '2', '2'])
    await server.close()
  })

  it('waits for the end across a restart of the server', async () => {
    const server = await scripted((_request, response, count) => {
      if (count === 1) return json(response, 200, { ...SUMMARY, status: 'running' })
      if (count < 7) return void response.destroy()
      json(response, 200, { ...SUMMARY, status: 'succeeded', output: 1 })
    })
    expect(await new Client({ server: server.url }).result('x')).toBe(1)
    await server.close()
  })
})

async function collect(events: AsyncIterable<ExecutionEvent>): Promise<ExecutionEvent[]> {
  const all: ExecutionEvent[] = []
  for await (const event of events) all.push(event)
  return all
}
