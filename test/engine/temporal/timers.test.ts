import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { LocalEngine } from '../../../engine/internal.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()

test('of several servers on one store each tick starts one execution, whichever of them die', { timeout: 240_000 }, async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  const engines: LocalEngine[] = []
  onTestFinished(async () => void (await Promise.allSettled(engines.map((engine) => engine.close()))))
  const open = async (): Promise<LocalEngine> => {
    const engine = await LocalEngine.open({ engine: 'temporal', store, temporal: { address, namespace, taskQueue: 'timers' } })
    engines.push(engine)
    return engine
  }
  const secondsOf = async (engine: LocalEngine): Promise<number[]> => {
    const { items } = await engine.list({ trigger: 'timer/tick', limit: 200 })
    const outputs = await Promise.all(items.map(({ id }) => engine.result(id)))
    return outputs.map((output) => Date.parse((output as { time: string }).time) / 1000).sort((a, b) => a - b)
  }
  const patience = { timeout: 60_000, interval: 250 }

  const [one, other] = await Promise.all([open(), open()])
  await one.deploy({
    flow: 'f',
    triggers: [{ type: 'timer', name: 'tick', cron: '@every 1s', input: {}, catchUp: '1h' }],
    start: 'n',
    nodes: { n: { type: 'pass', params: { time: '$$.trigger.event.time' } } },
  })
  await expect.poll(async () => (await secondsOf(other)).length, patience).toBeGreaterThanOrEqual(4)
  // both of them were at work: what one has started the other has found
  await expect.poll(async () => (await other.triggers.get('f', 'tick')).counts.deduplicated, patience).toBeGreaterThan(0)
  await one.abandon()
  const alone = (await secondsOf(other)).length
  await expect.poll(async () => (await secondsOf(other)).length, patience).toBeGreaterThan(alone + 2)
  await other.abandon()
  await sleep(3000)
  const third = await open()
  const now = Date.now() / 1000
  await expect.poll(async () => (await secondsOf(third)).at(-1), patience).toBeGreaterThan(now)
  // a list may come to know of a start a little later
  const isComplete = (seconds: readonly number[]): boolean => seconds.every((second, index) => second === seconds[0]! + index)
  await expect.poll(async () => isComplete(await secondsOf(third)), patience).toBe(true)
  expect((await third.triggers.get('f', 'tick')).counts).toMatchObject({ skipped: 0 })
})
