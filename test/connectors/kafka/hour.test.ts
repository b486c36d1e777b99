import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, it, vi } from 'vitest'
import { freePort } from '../../../scripts/services/ports.ts'
import { createEngine } from '../../../engine/index.ts'
import { needServices } from '../../services/need.ts'
import { Lab, unique } from './lab.ts'
import { Proxy } from '../proxy.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)
const HOUR_S = 3600
/** Of the real clock: a broker that is there takes the time that it takes. */
const PATIENCE_MS = 60_000
const realNow = performance.now.bind(performance)

/** In the place of a broker: takes each connection, and drops it. */
async function dead(port: number): Promise<{ readonly server: Server; readonly count: () => number }> {
  let count = 0
  const server = createServer((socket) => {
    count += 1
    socket.on('error', () => undefined).destroy()
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { server, count: () => count }
}

/** Lets the clock of the test run, and what is outside of it have its turn. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await pause(1)
}

async function eventually(test: () => Promise<boolean>, what: string): Promise<void> {
  const end = realNow() + PATIENCE_MS
  while (!(await test())) {
    if (realNow() > end) throw new Error(`never: ${what}`)
    await pass(10)
  }
}

afterEach(() => void vi.useRealTimers())

it('a broker that is away for an hour is tried every half minute, and then nothing is missing', { timeout: 300_000 }, async () => {
  const topic = await lab.topic()
  await lab.numbers(topic, 1, 20)
  const port = await freePort()
  const { server, count } = await dead(port)
  const store = mkdtempSync(join(tmpdir(), 'fnflow-hour-'))
  const warnings: string[] = []
  const warned = (warning: Error): void => void warnings.push(String(warning))
  process.on('warning', warned)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
  const engine = await createEngine({
    store,
    connections: { main: { kind: 'kafka', brokers: [`127.0.0.1:${port}`] } },
    onLog: () => undefined,
  })
  const look = () => engine.triggers.get('patient', 'in')
  await engine.deploy({
    flow: 'patient',
    triggers: [{ type: 'kafka', name: 'in', connection: 'main', topics: [topic], groupId: unique('group'), from: 'earliest' }],
    start: 'a',
    nodes: { a: { type: 'pass' } },
  })
  await eventually(async () => (await look()).error !== undefined, 'the first failure')
  const began = Date.now()
  const { error } = await look()
  const before = count()
  for (let second = 0; second < HOUR_S; second++) await pass(1000)
  const after = await look()
  expect(after).toMatchObject({ state: 'connecting', counts: { started: 0 }, error: { message: error!.message, since: error!.since } })
  expect(Date.now() - began).toBeGreaterThanOrEqual(HOUR_S * 1000)
  // kafkajs itself tries four times, and an attempt is made each 22 to 30 s after the last one
  const attempts = (count() - before) / 4
  expect(attempts).toBeGreaterThan(20)
  expect(attempts).toBeLessThan(200)
  // no listener, and nothing else, is left by each of them
  expect(warnings).toEqual([])
  expect((await engine.health()).dependencies['connection main']).toMatchObject({ state: 'failed' })

  await new Promise((resolve) => server.close(resolve))
  const proxy = new Proxy(Number(kafka.split(':').at(-1)))
  await proxy.listen(port)
  await eventually(async () => (await look()).counts.started === 20, 'all records')
  expect(await look()).toMatchObject({ state: 'running', lag: 0, counts: { lost: 0, skipped: 0, deduplicated: 0 } })
  expect((await engine.health()).dependencies['connection main']).toMatchObject({ state: 'ok' })
  let isClosed = false
  const closing = engine.close().then(() => (isClosed = true))
  await eventually(async () => isClosed, 'the end')
  await closing
  vi.useRealTimers()
  process.off('warning', warned)
  proxy.close()
  rmSync(store, { recursive: true, force: true })
})
