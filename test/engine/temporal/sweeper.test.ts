import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { EngineOptions } from '../../../engine/api.ts'
import { LocalEngine, type TemporalHost } from '../../../engine/internal.ts'
import { RegistryError } from '../../../engine/temporal/registry/database-errors.ts'
import { Sweeper } from '../../../engine/temporal/sweeper.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const KEPT_MS = 30 * 86_400_000
const MINUTE = 60_000
/** What ended less than 5 s ago is left to its worker. */
const YOUNG_MS = 6000
const PATIENCE_MS = 60_000

test('an execution that cannot be read keeps no other from being recorded, and is told of', { timeout: 2 * PATIENCE_MS }, async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  const options: EngineOptions = { engine: 'temporal', store }
  const worker = await LocalEngine.open({ ...options, temporal: { address, namespace, taskQueue: 'swept' } })
  const ids = ['before', 'unreadable', 'behind']
  for (const id of ids) {
    await worker.deploy({ flow: id, start: 'a', nodes: { a: { type: 'pass' } } })
    // one behind the other: whichever comes first to the sweeper, there is one that comes after the one in the middle
    await (await worker.start(id, { id, input: { n: 1 } })).result()
  }
  // as if it had died before it had written them
  await worker.close()
  const database = new pg.Client({ connectionString: store })
  await database.connect()
  await database.query("DELETE FROM fnflow.plans WHERE hash = (SELECT hash FROM fnflow.flows WHERE name = 'unreadable')")
  await database.query('DELETE FROM fnflow.executions')
  await database.end()

  const client = await LocalEngine.open({ ...options, temporal: { address, namespace, taskQueue: 'swept', worker: false } })
  onTestFinished(() => client.close())
  const warnings: string[] = []
  const warned = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
  const host = (await client.durableHost()) as TemporalHost
  const { registry } = host.cluster
  // one sweep finds them all
  await sleep(YOUNG_MS)
  const sweeper = new Sweeper(host.cluster, registry, '', host, KEPT_MS)
  const swept = async (): Promise<string[]> => {
    await sweeper.sweep()
    return [...(await registry.hasRecord(ids))].sort()
  }
  await expect.poll(swept, { timeout: PATIENCE_MS, interval: 1000 }).toEqual(['before', 'behind'])
  // a warning is told of a moment later
  await sleep(0)
  expect(warnings).toEqual([expect.stringMatching(/^execution unreadable cannot be recorded: the plan [0-9a-f]+ is not in the database/)])
})

interface Swept {
  readonly host: TemporalHost
  readonly sweeper: Sweeper
  /** Runs a statement beside the engines. */
  sql(text: string): Promise<unknown>
  /** The errors of the executions by flow, or null. */
  recorded(): Promise<Record<string, string | null>>
}

/** Executions that have ended and have no record, and a sweeper that nobody else is beside. */
async function leftBehind(): Promise<Swept> {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  const options: EngineOptions = { engine: 'temporal', store }
  const functions = {
    fail: () => {
      throw new RangeError('no')
    },
  }
  const worker = await LocalEngine.open({ ...options, temporal: { address, namespace, taskQueue: 'left' }, functions })
  await worker.deploy({ flow: 'good', start: 'a', nodes: { a: { type: 'pass' } } })
  await worker.deploy({ flow: 'bad', start: 'a', nodes: { a: { type: 'function', function: 'fail' } } })
  await worker.run('good')
  await worker.run('bad').catch(() => undefined)
  await worker.close()
  const sql = async (text: string): Promise<unknown> => {
    const database = new pg.Client({ connectionString: store })
    await database.connect()
    try {
      // where the database is
      await database.query('SET default_transaction_read_only = off')
      return (await database.query(text)).rows
    } finally {
      await database.end()
    }
  }
  await sql('DELETE FROM fnflow.executions')
  const client = await LocalEngine.open({ ...options, temporal: { address, namespace, taskQueue: 'left', worker: false } })
  onTestFinished(() => client.close())
  const host = (await client.durableHost()) as TemporalHost
  // visibility comes behind the histories
  await expect.poll(async () => (await host.cluster.client.workflow.count("ExecutionStatus != 'Running'")).count).toBe(2)
  const recorded = async (): Promise<Record<string, string | null>> => {
    const records = await host.cluster.registry.list({ limit: 10 })
    return Object.fromEntries(records.map(({ flow, error }) => [flow, error?.errorType ?? null]).sort())
  }
  return { host, sql, recorded, sweeper: new Sweeper(host.cluster, host.cluster.registry, '', host, KEPT_MS) }
}

/** From now on it is so much later; for sweepers alone. */
function later(ms: number): void {
  vi.useFakeTimers({ now: Date.now() + ms, toFake: ['Date'] })
}
const ALL = { bad: 'RangeError', good: null }

test('what ended days ago, when there was no worker, is recorded', { timeout: 2 * PATIENCE_MS }, async () => {
  const { host, recorded } = await leftBehind()
  onTestFinished(() => void vi.useRealTimers())
  later(10 * 86_400_000)
  const old = new Sweeper(host.cluster, host.cluster.registry, '', host, 5 * 86_400_000)
  await old.sweep()
  // it would be pruned at once
  expect(await recorded()).toEqual({})
  const sweeper = new Sweeper(host.cluster, host.cluster.registry, '', host, KEPT_MS)
  await sweeper.sweep()
  expect(await recorded()).toEqual(ALL)
})

test('what visibility tells late is recorded all the same', { timeout: 2 * PATIENCE_MS }, async () => {
  const { host, sweeper, recorded } = await leftBehind()
  onTestFinished(() => void vi.useRealTimers())
  const list = vi.spyOn(host.cluster.client.workflow, 'list')
  list.mockImplementation(() => (async function* () {})() as never)
  later(10_000)
  await sweeper.sweep()
  list.mockClear()
  await sweeper.sweep()
  // nothing of the past is left
  expect(list).toHaveBeenCalledTimes(1)
  list.mockRestore()
  await sweeper.sweep()
  expect(await recorded()).toEqual({})
  later(10 * MINUTE)
  await sweeper.sweep()
  expect(await recorded()).toEqual(ALL)
})

test('while the database is read-only nothing is given up', { timeout: 2 * PATIENCE_MS }, async () => {
  const { sweeper, sql, recorded } = await leftBehind()
  const warnings: string[] = []
  const warned = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', warned)
  onTestFinished(() => void process.off('warning', warned))
  const readOnly = (on: 'on' | 'off'): Promise<unknown> =>
    sql(`DO $$ BEGIN
      EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = ${on}', current_database());
      PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fnflow';
    END $$`)
  await sleep(YOUNG_MS)
  await readOnly('on')
  for (let sweeps = 0; sweeps < 3; sweeps++) await sweeper.sweep()
  expect(await recorded()).toEqual({})
  await readOnly('off')
  await sweeper.sweep()
  expect(await recorded()).toEqual(ALL)
  await sleep(0)
  expect(warnings).toEqual([])
})

test('a record that is not what became of the execution is made anew', { timeout: 2 * PATIENCE_MS }, async () => {
  const { host, sweeper, sql, recorded } = await leftBehind()
  await sleep(YOUNG_MS)
  await sweeper.sweep()
  expect(await recorded()).toEqual(ALL)
  const real = await sql('SELECT * FROM fnflow.executions ORDER BY id')
  // of a last task that the server refused, a moment and a minute before
  await sql(`UPDATE fnflow.executions SET ended_at = ended_at - 1, error = NULL, status = 'succeeded' WHERE flow = 'bad'`)
  await sql(`UPDATE fnflow.executions SET ended_at = ended_at - 60000, run_id = 'x', journal = NULL WHERE flow = 'good'`)
  const again = new Sweeper(host.cluster, host.cluster.registry, '', host, KEPT_MS)
  await again.sweep()
  expect(await sql('SELECT * FROM fnflow.executions ORDER BY id')).toEqual(real)
})

test('lanes whose journals nobody has written are taken from their histories, those of other scopes are left to theirs', async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  const connect = (scope: string, worker: boolean): EngineOptions => ({
    engine: 'temporal',
    store,
    temporal: { address, namespace, taskQueue: 'lanes', scope, worker },
    functions: { next: ({ n }: { n: number }) => ({ n: n + 1 }) },
  })
  const worker = await LocalEngine.open(connect('ours', true))
  const loop = {
    type: 'loop',
    items: '$.items',
    concurrency: 9,
    nodes: { f: { type: 'function', function: 'next', params: { n: '$.item' } } },
  }
  await worker.deploy({ flow: 'lanes', start: 'each', nodes: { each: loop } })
  const { id } = await worker.start('lanes', { input: { items: Array.from({ length: 501 }, (_, at) => at) } })
  await worker.result(id)
  await worker.close()
  const database = new pg.Client({ connectionString: store })
  await database.connect()
  onTestFinished(() => database.end())
  const lanes = async (): Promise<unknown[]> => (await database.query('SELECT * FROM fnflow.lanes ORDER BY id')).rows
  const written = await lanes()
  expect(written).toHaveLength(2)
  await database.query('DELETE FROM fnflow.lanes')
  await sleep(YOUNG_MS)
  for (const scope of ['theirs', 'ours']) {
    const client = await LocalEngine.open(connect(scope, false))
    onTestFinished(() => client.close())
    const host = (await client.durableHost()) as TemporalHost
    const sweeper = new Sweeper(host.cluster, host.cluster.registry, scope, host, KEPT_MS)
    const swept = async (): Promise<unknown[]> => {
      await sweeper.sweep()
      return lanes()
    }
    await expect.poll(swept, { timeout: PATIENCE_MS, interval: 1000 }).toEqual(scope === 'ours' ? written : [])
  }
})

test(
  'one that fails again and again in a way that may pass keeps no other back, and is tried each time',
  { timeout: 2 * PATIENCE_MS },
  async () => {
    const { host, sweeper, recorded } = await leftBehind()
    const bad = (await host.cluster.client.workflow.list({ query: "WorkflowType = 'bad'" })[Symbol.asyncIterator]().next()).value
    const recordNow = host.reader.recordNow.bind(host.reader)
    let tries = 0
    const away = vi.spyOn(host.reader, 'recordNow').mockImplementation((id) => {
      if (id !== bad?.workflowId) return recordNow(id)
      tries += 1
      return Promise.reject(new RegistryError('store-failed', 'too much at once', true, new Error('no memory')))
    })
    await sleep(YOUNG_MS)
    for (let sweeps = 0; sweeps < 3; sweeps++) await sweeper.sweep()
    expect(await recorded()).toEqual({ good: null })
    expect(tries).toBeGreaterThanOrEqual(3)
    away.mockRestore()
    await sweeper.sweep()
    expect(await recorded()).toEqual(ALL)
  },
)
