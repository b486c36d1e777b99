import { request } from 'node:http'
import { afterEach, expect, it } from 'vitest'
import type { Engine } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import { Lifecycle, shutDown } from '../../../engine/http/lifecycle.ts'
import { createServer } from '../../../engine/http/server.ts'
import type { DependencyHealth, EngineHealth } from '../../../engine/observer.ts'

let engine: Engine
afterEach(() => {
  release = null
  return engine.close()
})

/** Lets the function `holds` end; null: it does not run. */
let release: (() => void) | null = null
const functions = {
  holds: () => new Promise((resolve) => (release = () => resolve({ held: true }))),
}
const HOLDS = { flow: 'holds', mode: 'express', start: 'a', nodes: { a: { type: 'function', function: 'holds' } } }

async function listening(lifecycle: Lifecycle) {
  engine = await createEngine({ functions })
  await engine.deploy(HOLDS)
  const app = await createServer({ engine, lifecycle })
  return { app, url: await app.listen({ port: 0 }) }
}

/** On a connection of its own. */
function ask(url: string, method = 'GET'): Promise<{ readonly status: number; readonly connection: string; readonly body: any }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent: false, headers: { 'content-type': 'application/json' } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (data: string) => (text += data))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection ?? '', body: JSON.parse(text) as unknown }),
      )
    })
    sent.on('error', reject).end(method === 'POST' ? '{}' : undefined)
  })
}

it('a server that is ended refuses what comes, lets end what runs, and is gone then', async () => {
  const lifecycle = new Lifecycle()
  const { app, url } = await listening(lifecycle)
  const under = ask(`${url}/v1/flows/holds/sync-executions`, 'POST')
  await expect.poll(() => release).not.toBeNull()
  const ended = shutDown(app, lifecycle, 30_000)
  for (const path of ['/readyz', '/v1/flows/holds/executions', '/healthz'])
    expect(await ask(url + path)).toMatchObject({ status: 503, connection: 'close', body: { code: 'shutting-down' } })
  release!()
  expect(await under).toMatchObject({ status: 200, body: { output: { held: true } } })
  await ended
  await expect(ask(`${url}/healthz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

it('what does not end in time is told so', async () => {
  const lifecycle = new Lifecycle()
  const { app, url } = await listening(lifecycle)
  const under = ask(`${url}/v1/flows/holds/sync-executions`, 'POST')
  await expect.poll(() => release).not.toBeNull()
  const began = performance.now()
  await shutDown(app, lifecycle, 2000)
  const took = performance.now() - began
  expect(took).toBeGreaterThan(900)
  expect(took).toBeLessThan(10_000)
  expect(await under).toMatchObject({ status: 503, body: { code: 'shutting-down' } })
})

it('who waits for the flow of a trigger is told at once which execution it is', async () => {
  const lifecycle = new Lifecycle()
  const { app, url } = await listening(lifecycle)
  const trigger = { type: 'http', name: 'hook', path: '/hook', method: 'POST', auth: 'none', mode: 'sync', timeout: '60s' }
  await engine.deploy({ flow: 'hooked', triggers: [trigger], start: 'r', nodes: { r: { type: 'wait', seconds: 3600 } } })
  const under = ask(`${url}/t/hook`, 'POST')
  await expect.poll(async () => (await engine.list({ flow: 'hooked' })).items.length).toBe(1)
  const [execution] = (await engine.list({ flow: 'hooked' })).items
  await shutDown(app, lifecycle, 60_000)
  expect(await under).toMatchObject({ status: 503, body: { code: 'shutting-down', executionId: execution?.id } })
})

it('is not ready before all is there that it needs', async () => {
  engine = await createEngine()
  const health = (dependencies: Record<string, DependencyHealth>) => async (): Promise<EngineHealth> => ({ dependencies })
  const lifecycle = new Lifecycle()
  const states: Record<string, DependencyHealth>[] = [
    { store: { state: 'recovering', left: 3 } },
    { store: { state: 'failed' }, other: { state: 'failed', required: false } },
    { store: { state: 'ok' }, other: { state: 'failed', required: false } },
    { store: { state: 'ok' } },
  ]
  const answers: unknown[] = []
  for (const dependencies of states) {
    const app = await createServer({ engine: Object.assign(Object.create(engine) as Engine, { health: health(dependencies) }), lifecycle })
    answers.push((await app.inject('/readyz')).json())
    lifecycle.startingWith = 'the flows'
    answers.push(((await app.inject('/readyz')).json() as { state?: string }).state)
    lifecycle.startingWith = null
  }
  expect(answers).toMatchObject([
    { status: 503, code: 'not-ready', state: 'recovering', dependencies: { store: { left: 3 } } },
    'recovering',
    { status: 503, code: 'not-ready', state: 'unavailable' },
    'unavailable',
    { status: 'degraded' },
    'starting',
    { status: 'ready' },
    'starting',
  ])
})
