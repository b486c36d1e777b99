import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EngineOptions } from '../../../engine/api.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import { rejection, until } from '../calls.ts'
import { record, Sources } from '../triggers/source.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const WAITING = { start: 'n', nodes: { n: { type: 'wait', seconds: 3600 } } }

let place: EngineOptions
let engine: LocalEngine
let sources: Sources
const opened: LocalEngine[] = []

async function open(): Promise<void> {
  sources = new Sources()
  engine = await LocalEngine.open(place, { connectors: sources.connectors })
  opened.push(engine)
}

/** Lists, which the next process asks, are a moment late. */
async function running(flow: string, count: number): Promise<readonly string[]> {
  let ids: readonly string[] = []
  await until(async () => {
    ids = (await engine.list({ flow, status: 'running' })).items.map(({ id }) => id)
    return ids.length === count
  }, `${count} of ${flow} that run`)
  return ids
}

beforeAll(async () => {
  const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
  place = { engine: 'temporal', store, temporal: { address, namespace, taskQueue: 'in-flight' } }
  await open()
})
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
})

it('what a process has started that is gone counts against maxInFlight', { timeout: 120_000 }, async () => {
  const trigger = { type: 'kafka', name: 'orders', connection: 'main', topics: ['orders'], groupId: 'g', maxInFlight: 3 }
  await engine.deploy({ flow: 'f', triggers: [trigger], ...WAITING })
  await engine.deploy({ flow: 'other', triggers: [{ ...trigger, name: 'elsewhere' }], ...WAITING })
  const hostOf = async (flow: string) => {
    const found = () => sources.all.find(({ host, started }) => started && host.flow === flow)?.host
    await until(() => found() !== undefined, `a source of ${flow}`)
    return found()!
  }
  const first = await hostOf('f')
  expect((await first.deliverAll([record(0), record(1), record(2), record(3)])).handled).toHaveLength(3)
  const ids = await running('f', 3)
  await engine.abandon()
  await open()
  const second = await hostOf('f')
  expect(second.hasRoom).toBe(false)
  expect((await engine.triggers.get('f', 'orders')).inFlight).toBe(3)
  expect((await second.deliverAll([record(3)])).handled).toEqual([])
  // of another trigger there are none
  expect((await hostOf('other')).hasRoom).toBe(true)
  await engine.stop(ids[0]!)
  await until(() => second.hasRoom, 'room')
  expect((await second.deliverAll([record(3), record(4)])).handled).toMatchObject([{ outcome: 'started' }])
  // what comes again is counted already
  expect((await engine.triggers.get('f', 'orders')).inFlight).toBe(3)
})

it('so it does for events that are pushed', { timeout: 120_000 }, async () => {
  await engine.deploy({ flow: 'told', triggers: [{ type: 'topic', name: 't', topic: 'news', maxInFlight: 2 }], ...WAITING })
  for (const id of ['m1', 'm2']) await engine.triggers.publish('news', { message: 1 }, { id })
  const [first] = await running('told', 2)
  await engine.abandon()
  await open()
  // to look at a trigger asks Temporal for nothing
  expect((await engine.triggers.get('told', 't')).inFlight).toBe(0)
  expect(await rejection(engine.triggers.publish('news', { message: 1 }, { id: 'm3' }))).toMatchObject({ code: 'too-many-executions' })
  expect((await engine.triggers.get('told', 't')).inFlight).toBe(2)
  // one that is there needs no room
  expect(await engine.triggers.publish('news', { message: 1 }, { id: 'm2' })).toEqual({ messageId: 'm2', executions: 1 })
  await engine.stop(first!)
  await until(async () => (await engine.triggers.get('told', 't')).inFlight === 1, 'room')
  expect(await engine.triggers.publish('news', { message: 1 }, { id: 'm3' })).toEqual({ messageId: 'm3', executions: 1 })
})
