import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { Recorder } from '../../../engine/temporal/recorder.ts'
import { Registry } from '../../../engine/temporal/registry/registry.ts'
import { createDatabase } from '../../../scripts/services/fresh.ts'
import { startServices, type RunningServices } from '../../../scripts/services/start.ts'
import type { EndedExecution, EndedLane } from '../../../workflows/protocol/shapes.ts'
import { withClient } from './registry/lab.ts'
import { temporalServices } from './services.ts'

// this one is killed: nobody else may be on it
temporalServices()
const MINUTE = 60_000
const ALL_LINES = { order: 'written', behind: 0, since: 0, limit: 100_000 } as const
const SCOPES = ['', 'other', 'third']

let services: RunningServices<'postgres'>
beforeAll(async () => {
  services = await startServices(['postgres'], { own: true, log: () => undefined })
}, 3 * MINUTE)
afterAll(() => services.stop())

let url = ''
let registry: Registry
/** Opened beforehand: of a scope that was never seen the name must be written first. */
const scoped = new Map<string, Registry>()
/** How often a scope's registry was asked for: once per try. */
let tries = 0
let recorder: Recorder
const warnings: string[] = []

beforeEach(async () => {
  url = await createDatabase(services.addresses.postgres)
  registry = await Registry.open({ url })
  for (const scope of SCOPES) scoped.set(scope, await registry.scoped(scope))
  tries = 0
  recorder = new Recorder((scope) => {
    tries += 1
    return Promise.resolve(scoped.get(scope) as Registry)
  })
  warnings.length = 0
  const warned = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
})
afterEach(() => registry.close())

function execution(id: string, scope = '', more: Partial<EndedExecution> = {}): EndedExecution {
  const hints = { short: [], queues: {} }
  return {
    info: { protocol: 1, id, flow: 'f', version: 'latest', hash: 'h', scope, depth: 0, hints },
    runId: `run-of-${id}`,
    status: 'succeeded',
    startedAt: 1,
    endedAt: 2,
    input: null,
    output: id,
    error: null,
    journal: [],
    ...more,
  }
}

function lane(execution: string, scope = ''): EndedLane {
  return { scope, execution, id: `${execution}~each[0]#1/$range#1`, beganAt: 1, journal: [] }
}

function log(text: string, of: string, scope = ''): void {
  recorder.log({ time: 1, requestId: 'r', level: 'info', text }, { execution: of, node: undefined, attempt: 1, scope })
}

/** What of the scopes is there: a record, a lane and a line of each. */
async function written(): Promise<string[]> {
  const there: string[] = []
  for (const scope of SCOPES) {
    const of = scoped.get(scope) as Registry
    if ((await of.hasRecord(['e'])).size > 0) there.push(`record ${scope}`)
    if ((await of.hasLane([lane('e').id])).size > 0) there.push(`lane ${scope}`)
    for (const { text } of await of.logs('e', ALL_LINES)) there.push(`line ${scope} ${text}`)
  }
  return there
}

const everything = SCOPES.flatMap((scope) => [`record ${scope}`, `lane ${scope}`, `line ${scope} first`, `line ${scope} second`])

function recordEverything(): void {
  for (const scope of SCOPES) {
    recorder.ended(execution('e', scope))
    recorder.lane(lane('e', scope))
    log('first', 'e', scope)
  }
  for (const scope of SCOPES) log('second', 'e', scope)
}

test('while the database is away each kind is tried once in a while; when it is back all is written', { timeout: 2 * MINUTE }, async () => {
  await services.services.postgres.kill()
  recordEverything()
  await recorder.flush()
  expect(tries).toBe(3)
  await sleep(5000)
  // every 2 s
  expect(tries).toBeGreaterThan(3)
  expect(tries).toBeLessThanOrEqual(9)
  await services.services.postgres.restart()
  await expect.poll(written, { timeout: MINUTE }).toEqual(everything)
  await recorder.close()
  expect(warnings).toEqual([])
})

test('a database that is read-only for a while loses nothing', { timeout: 2 * MINUTE }, async () => {
  const readOnly = (on: boolean): Promise<unknown> =>
    withClient(services.addresses.postgres, (client) =>
      client.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = ${on ? 'on' : 'off'}`),
    )
  await readOnly(true)
  await withClient(url, (client) =>
    client.query(
      'SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    ),
  )
  recordEverything()
  await recorder.flush()
  expect(await written()).toEqual([])
  await readOnly(false)
  await expect.poll(written, { timeout: MINUTE }).toEqual(everything)
  await recorder.close()
  expect(warnings).toEqual([])
})

test('what waits is bounded: the oldest are given up, and it says so', { timeout: 2 * MINUTE }, async () => {
  await services.services.postgres.kill()
  for (let at = 0; at < 2500; at++) recorder.ended(execution(`e${at}`))
  for (let at = 0; at < 600; at++) recorder.lane(lane(`e${at}`))
  for (let at = 0; at < 25_000; at++) log(`${at}`, 'e')
  await recorder.flush()
  await services.services.postgres.restart()
  await expect.poll(async () => (await registry.logs('e', ALL_LINES)).length, { timeout: MINUTE }).toBeGreaterThan(0)
  await recorder.close()
  const lines = (await registry.logs('e', ALL_LINES)).map(({ text }) => Number(text))
  expect(lines.length).toBeGreaterThan(19_000)
  expect(lines.length).toBeLessThanOrEqual(20_000)
  expect(lines).toEqual(Array.from(lines, (_, at) => 25_000 - lines.length + at))
  const ids = Array.from({ length: 2500 }, (_, at) => `e${at}`)
  const records = await registry.hasRecord(ids)
  expect(records.size).toBeGreaterThan(1900)
  expect(records.size).toBeLessThanOrEqual(2000)
  expect(records).toContain('e2499')
  const lanes = await registry.hasLane(ids.map((id) => lane(id).id))
  expect(lanes.size).toBeGreaterThan(450)
  expect(lanes.size).toBeLessThanOrEqual(500)
  await sleep(0)
  const lost = 2500 - records.size + 600 - lanes.size
  expect(warnings).toEqual([
    `${lost} records came while the database was away, and are made from histories`,
    `${25_000 - lines.length} lines of functions' logs were lost: the database did not take them in time`,
  ])
})

test('to close it takes seconds, whatever is away, and says what was not written', { timeout: 2 * MINUTE }, async () => {
  const { postgres } = services.services
  await postgres.kill()
  recordEverything()
  const from = performance.now()
  await recorder.close()
  expect(performance.now() - from).toBeLessThan(8000)
  await sleep(0)
  expect(warnings).toEqual([
    expect.stringMatching(/^the database did not take 3 records of executions, 3 of lanes and 6 lines of functions' logs: /),
  ])
  await postgres.restart()
})

test('a database that does not answer is not waited for longer', { timeout: 2 * MINUTE }, async () => {
  await withClient(url, async (client) => {
    await client.query('BEGIN')
    await client.query('LOCK TABLE fnflow.executions')
    recordEverything()
    const from = performance.now()
    await recorder.close()
    expect(performance.now() - from).toBeLessThan(8000)
    await sleep(0)
    expect(warnings).toHaveLength(1)
  })
})

test('what the database refuses keeps nothing else back', { timeout: MINUTE }, async () => {
  recorder.ended(execution('before'))
  // no text of PostgreSQL's
  recorder.ended(execution('bad\0'))
  recorder.ended(execution('behind'))
  recorder.lane(lane('bad\0'))
  recorder.lane(lane('behind'))
  log('bad', 'bad\0')
  await recorder.flush()
  log('good', 'behind')
  await recorder.close()
  expect(await registry.hasRecord(['before', 'behind'])).toEqual(new Set(['before', 'behind']))
  expect((await registry.hasLane([lane('behind').id])).size).toBe(1)
  expect((await registry.logs('behind', ALL_LINES)).map(({ text }) => text)).toEqual(['good'])
  await sleep(0)
  expect(warnings).toHaveLength(3)
  expect(warnings[0]).toMatch(/^what was to be recorded was refused: /)
})
