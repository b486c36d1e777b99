import { expect, onTestFinished, test } from 'vitest'
import { LocalEngine } from '../../../engine/internal.ts'
import type { EngineObserver } from '../../../engine/observer.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()

function noting(): { readonly ends: string[]; readonly observer: EngineObserver } {
  const ends: string[] = []
  const nothing = (): void => undefined
  return {
    ends,
    observer: {
      executionStarted: nothing,
      executionEnded: (flow, status) => ends.push(`${flow} ${status}`),
      nodeEnded: nothing,
      invocationEnded: nothing,
      committed: nothing,
    },
  }
}

test('a server without a worker tells of what ends in workers, once, from its beginning on', { timeout: 120_000 }, async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  const temporal = { address, namespace, taskQueue: 'ends' }
  const worker = await LocalEngine.open({ engine: 'temporal', store, temporal })
  onTestFinished(() => worker.close())
  await worker.deploy({ flow: 'ends', start: 'n', nodes: { n: { type: 'pass' } } })
  await worker.deploy({ flow: 'fails', start: 'n', nodes: { n: { type: 'wait', seconds: '$.none' } } })
  await (await worker.start('ends')).result()
  const records = async (): Promise<number> =>
    (await worker.statistics({ period: 'hour' })).reduce((sum, { executions }) => sum + executions, 0)
  await expect.poll(records, { timeout: 30_000 }).toBe(1)

  const server = await LocalEngine.open({ engine: 'temporal', store, temporal: { ...temporal, worker: false } })
  onTestFinished(() => server.close())
  const [here, there] = [noting(), noting()]
  server.observe(here.observer)
  worker.observe(there.observer)
  const started = await Promise.all(['ends', 'ends', 'fails'].map((flow) => server.start(flow)))
  await Promise.allSettled(started.map((execution) => execution.result()))
  const wanted = ['ends succeeded', 'ends succeeded', 'fails failed']
  await expect.poll(() => [...here.ends].sort(), { timeout: 30_000 }).toEqual(wanted)
  expect([...there.ends].sort()).toEqual(wanted)
  // and not again
  await server.close()
  expect(here.ends).toHaveLength(3)
})
