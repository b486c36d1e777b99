/** What of the catalogue takes several processes: the rest is in test/engine/contract/catalogue.ts. */
import { expect, onTestFinished, test } from 'vitest'
import { LocalEngine, type TemporalHost } from '../../../engine/internal.ts'
import { Sweeper } from '../../../engine/temporal/sweeper.ts'
import { rejection } from '../calls.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const PATIENCE_MS = 60_000
const asks = { flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } }
const pass = { flow: 'asks', start: 'p', nodes: { p: { type: 'pass' } } }

/** A server that is a worker, too, and one that is none. */
async function twoServers(): Promise<readonly [LocalEngine, LocalEngine]> {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  const open = async (worker: boolean): Promise<LocalEngine> => {
    const temporal = { address, namespace, taskQueue: 'catalogue', worker }
    const engine = await LocalEngine.open({ engine: 'temporal', store, temporal, functions: { ask: () => null } })
    onTestFinished(() => engine.close())
    return engine
  }
  return [await open(true), await open(false)]
}

async function hostOf(engine: LocalEngine): Promise<TemporalHost> {
  return (await engine.durableHost()) as TemporalHost
}

test('what one server has started a moment ago keeps another from deleting its flow', { timeout: 2 * PATIENCE_MS }, async () => {
  const [one, other] = await twoServers()
  await one.deploy(asks)
  for (let round = 0; round < 3; round++) {
    const [execution, removed] = await Promise.all([one.start('asks'), rejection(other.catalogue.remove('asks'))])
    expect(removed).toMatchObject({ code: 'flow-running' })
    await execution.stop()
  }
  // starts that come while it is decided wait for it
  const removing = other.catalogue.remove('asks')
  const late = one.start('asks')
  const results = await Promise.allSettled([removing, late])
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
})

test('a deletion by force that a server has left is done by whoever sweeps', { timeout: 2 * PATIENCE_MS }, async () => {
  const [one, other] = await twoServers()
  await one.deploy(asks)
  const executions = await Promise.all(Array.from({ length: 5 }, () => one.start('asks')))
  const host = await hostOf(other)
  const { registry } = host.cluster
  // as a server does that dies right behind its transaction
  await registry.catalogue.deletions.remove('asks', undefined)
  expect(await rejection(one.start('asks'))).toMatchObject({ code: 'flow-not-found' })
  expect(await registry.catalogue.deletions.pending()).toEqual(['asks'])
  const sweeper = new Sweeper(host.cluster, registry, '', host, 86_400_000)
  const swept = async (): Promise<string[]> => {
    await sweeper.sweep()
    return registry.catalogue.deletions.pending()
  }
  await expect.poll(swept, { timeout: PATIENCE_MS }).toEqual([])
  for (const execution of executions) expect(await rejection(execution.result())).toMatchObject({ executionStatus: 'cancelled' })
})

test('a flow that is made while its predecessor is being deleted is another one', { timeout: 2 * PATIENCE_MS }, async () => {
  const [one, other] = await twoServers()
  await one.deploy(asks)
  const old = await one.start('asks')
  const host = await hostOf(other)
  await host.cluster.registry.catalogue.deletions.remove('asks', undefined)
  await one.deploy(pass)
  // it has waited for the end of what ran
  expect(await rejection(old.result())).toMatchObject({ executionStatus: 'cancelled' })
  expect(await host.cluster.registry.catalogue.deletions.pending()).toEqual([])
  expect(await other.run('asks', { input: { n: 1 } })).toEqual({ n: 1 })
})
