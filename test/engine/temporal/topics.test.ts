import { expect, onTestFinished, test } from 'vitest'
import type { PlanTopicTrigger } from '../../../dsl/plan.ts'
import { LocalEngine, type TemporalHost } from '../../../engine/internal.ts'
import { rejection } from '../calls.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const FLOWS = ['a', 'b', 'c']

test('a message whose server died between its row and its last start is finished by another, once', { timeout: 120_000 }, async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  const options = { engine: 'temporal', store, temporal: { address, namespace, taskQueue: 'topics' } } as const
  const engine = await LocalEngine.open(options)
  onTestFinished(() => engine.close())
  for (const flow of FLOWS) {
    const triggers = [{ type: 'topic', name: 't', topic: 'news', filter: "$.record[0].smn.subject != 'quiet'" }]
    await engine.deploy({ flow, triggers, start: 'n', nodes: { n: { type: 'pass' } } })
  }
  const { registry } = ((await engine.durableHost()) as TemporalHost).cluster
  const pending = registry.triggers.pending!
  const subscribers = (await registry.triggers.definitions!()).map(({ flow, triggers }) => ({
    flow,
    trigger: triggers[0] as PlanTopicTrigger,
    generation: 0,
  }))
  expect(subscribers).toHaveLength(3)
  const executions = async (): Promise<string[]> => (await engine.list()).items.map(({ flow }) => flow).sort()

  // what a publication of m1 has come to: its row, and the first of its starts
  await engine.triggers.publish('news', { message: 1 }, { id: 'm1' })
  await expect.poll(executions, { timeout: 30_000 }).toEqual(FLOWS)
  const published = { id: 'm1', topic: 'news', message: 1, at: Date.now() - 60_000 }
  await pending.begin({ published, subscribers })
  // and of m2 that died before its first, and of m3 that is of a flow which has been deleted since
  await pending.begin({ published: { ...published, id: 'm2' }, subscribers })
  await pending.begin({ published: { ...published, id: 'm3' }, subscribers: [{ ...subscribers[0]!, flow: 'gone' }] })
  // and m4, whose server is at work
  await pending.begin({ published: { ...published, id: 'm4', at: Date.now() }, subscribers })

  await engine.triggers.sweep()
  await expect.poll(executions, { timeout: 30_000 }).toEqual([...FLOWS, ...FLOWS].sort())
  expect((await pending.left(0, 10)).map(({ published: { id } }) => id)).toEqual(['m4'])
  await engine.triggers.sweep()
  expect(await executions()).toHaveLength(6)
  // its own publication goes on with what is stored
  expect(await engine.triggers.publish('news', { message: 1 }, { id: 'm4' })).toEqual({ messageId: 'm4', executions: 3 })
  expect(await pending.left(0, 10)).toEqual([])
})

test(
  'a message that a limit refuses starts nothing, is not left for later, and finds what it has started before',
  {
    timeout: 120_000,
  },
  async () => {
    const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
    const temporal = { address, namespace, taskQueue: 'topics', worker: false }
    const engine = await LocalEngine.open({ engine: 'temporal', store, temporal, limits: { executions: 3 } })
    onTestFinished(() => engine.close())
    for (const flow of ['a', 'b'])
      await engine.deploy({ flow, triggers: [{ type: 'topic', name: 't', topic: 'news' }], start: 'n', nodes: { n: { type: 'pass' } } })
    const { registry } = ((await engine.durableHost()) as TemporalHost).cluster
    const pending = registry.triggers.pending!
    const publish = (id: string) => engine.triggers.publish('news', { message: 1 }, { id })
    expect(await publish('m1')).toEqual({ messageId: 'm1', executions: 2 })
    expect(await rejection(publish('m2'))).toMatchObject({ code: 'too-many-executions' })
    expect(await pending.left(0, 10)).toEqual([])
    expect(await publish('m1')).toEqual({ messageId: 'm1', executions: 2 })
    await expect.poll(async () => (await engine.list()).items.length, { timeout: 30_000 }).toBe(2)
  },
)

test('another server knows of triggers, and of those that are disabled, within 2 s', { timeout: 120_000 }, async () => {
  const [store, namespace] = await Promise.all([newDatabase(), newNamespace()])
  const temporal = { address, namespace, taskQueue: 'topics', worker: false }
  const [one, other] = await Promise.all([
    LocalEngine.open({ engine: 'temporal', store, temporal }),
    LocalEngine.open({ engine: 'temporal', store, temporal }),
  ])
  onTestFinished(async () => void (await Promise.all([one.close(), other.close()])))
  expect(await other.triggers.route('POST', '/x')).toEqual({ allowed: [] })
  const triggers = [{ type: 'http', name: 'hook', path: '/x' }]
  await one.deploy({ flow: 'f', triggers, start: 'n', nodes: { n: { type: 'pass' } } })
  const isKnown = async (): Promise<boolean> => 'flow' in (await other.triggers.route('POST', '/x'))
  await expect.poll(isKnown, { timeout: 10_000 }).toBe(true)
  await one.triggers.disable('f', 'hook')
  await expect.poll(isKnown, { timeout: 10_000 }).toBe(false)
  await one.triggers.enable('f', 'hook')
  await expect.poll(isKnown, { timeout: 10_000 }).toBe(true)
  await one.catalogue.remove('f')
  await expect.poll(isKnown, { timeout: 10_000 }).toBe(false)
  expect(await other.triggers.list()).toEqual([])
})
