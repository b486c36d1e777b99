import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import type { EngineOptions } from '../../../engine/api.ts'
import { LocalEngine, type TemporalHost } from '../../../engine/internal.ts'
import { Sweeper } from '../../../engine/temporal/sweeper.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const KEPT_MS = 3_600_000
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
