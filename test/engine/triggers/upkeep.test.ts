import { expect, it } from 'vitest'
import type { Execution, StartOptions } from '../../../engine/api.ts'
import { EngineError } from '../../../engine/errors.ts'
import { Deliveries, type DeadLetter, type DeliveryServices } from '../../../engine/triggers/delivery.ts'
import { News } from '../../../engine/triggers/news.ts'
import type { PendingStart } from '../../../engine/triggers/progress.ts'
import { MemoryTriggerStore } from '../../../engine/triggers/store.ts'
import { Upkeep } from '../../../engine/triggers/upkeep.ts'
import type { PlanTrigger } from '../../../dsl/plan.ts'

const TRIGGER = { type: 'topic', name: 't', topic: 't', maxInFlight: 1000 } as const satisfies PlanTrigger
const startOf = (id: string, more: Partial<PendingStart> = {}): PendingStart => ({
  ...{ id, flow: 'f', trigger: TRIGGER, event: { id }, place: `q/${id}` },
  ...more,
})

/** What was left, handed out as a store does: what is asked for goes to the end. */
function scene(left: PendingStart[], start: (id: string) => void = () => undefined) {
  const started: string[] = []
  const letters: DeadLetter[] = []
  const undone: string[] = []
  const logged: string[] = []
  const store = new MemoryTriggerStore()
  const progress = Object.assign(store.progress, {
    left: async (_: number, limit: number) => {
      const taken = left.splice(0, limit)
      left.push(...taken)
      return taken
    },
    finish: async (id: string) => {
      left.splice(0, left.length, ...left.filter((one) => one.id !== id))
    },
    undo: async (id: string, flow: string) => {
      if (flow === 'again') return false
      undone.push(id)
      await progress.finish(id)
      return true
    },
  })
  const services: DeliveryServices = {
    store: async () => Object.assign(store, { progress }),
    start: async (_, { id = '' }: StartOptions) => {
      start(id)
      started.push(id)
      return { id } as Execution
    },
    reserve: () => Promise.reject(new Error('not asked for')),
    find: async (id) => (id.startsWith('there') ? ({ id } as Execution) : undefined),
    ended: () => new Promise(() => undefined),
    deadLetter: async (_, letter) => void letters.push(letter),
    log: () => undefined,
  }
  const news = new News(services.store)
  const deliveries = new Deliveries(services, news)
  const upkeep = new Upkeep(
    deliveries,
    services.store,
    () => true,
    (text) => logged.push(text),
  )
  return { upkeep, deliveries, started, letters, undone, logged, left, store, news }
}

const failing = (code: 'version-not-found' | 'flow-not-found' | 'conflict' | 'bad-input'): never => {
  throw new EngineError(code, code)
}

it('what somebody has to mend waits until it is', async () => {
  let isThere = false
  const { upkeep, started, letters, left } = scene([startOf('a', { trigger: { ...TRIGGER, deadLetter: 'dead' } })], () => {
    if (!isThere) failing('version-not-found')
  })
  await upkeep.work()
  expect([left.length, started, letters]).toEqual([1, [], []])
  isThere = true
  await upkeep.work()
  expect([left.length, started, letters]).toEqual([0, ['a'], []])
})

it('what was started and deleted since is no dead letter, and what is of a flow that is gone goes with it', async () => {
  const dead = { ...TRIGGER, deadLetter: 'dead' }
  const { upkeep, letters, left, store, news } = scene([startOf('a', { trigger: dead }), startOf('gone', { trigger: dead })], (id) =>
    failing(id === 'a' ? 'conflict' : 'flow-not-found'),
  )
  await upkeep.work()
  expect([left, letters]).toEqual([[], []])
  await news.close()
  expect(await store.states()).toMatchObject([{ counts: { deduplicated: 1, deadLettered: 0, skipped: 0 } }])
})

it('what was begun for a flow that is gone is undone, unless it was started, or the flow is there again', async () => {
  const { upkeep, undone, logged, left } = scene([startOf('a'), startOf('there'), startOf('b', { flow: 'again' })], () =>
    failing('flow-not-found'),
  )
  await upkeep.work()
  expect([undone, left.map(({ id }) => id)]).toEqual([['a'], ['b']])
  expect(logged).toEqual(['trigger f/t: the batch at q/a was begun and not started, and is forgotten: flow f was deleted'])
})

it('a dead letter has the bytes as they came', async () => {
  const original = { base64: Buffer.from('{ "id":1}').toString('base64'), contentType: 'application/json' }
  const { upkeep, letters, left } = scene([startOf('a', { trigger: { ...TRIGGER, deadLetter: 'dead' }, original })], () =>
    failing('bad-input'),
  )
  await upkeep.work()
  expect(left).toEqual([])
  expect(letters).toMatchObject([{ data: { contentType: 'application/json', place: 'q/a' } }])
  expect(Buffer.from(letters[0]!.bytes).toString()).toBe('{ "id":1}')
})

it('what is stuck does not hold up the others, however much it is', async () => {
  const stuck = Array.from({ length: 250 }, (_, n) => startOf(`stuck${n}`))
  const others = Array.from({ length: 250 }, (_, n) => startOf(`${n}`))
  const { upkeep, started, left } = scene([...stuck.slice(0, 150), ...others, ...stuck.slice(150)], (id) => {
    if (id.startsWith('stuck')) failing('version-not-found')
  })
  for (let round = 0; round < 5; round++) await upkeep.work()
  expect(started).toEqual(others.map(({ id }) => id))
  expect(left).toHaveLength(250)
})

it('what an earlier definition has begun does not change how many may run', async () => {
  const { upkeep, deliveries, started } = scene([startOf('a', { trigger: { ...TRIGGER, maxInFlight: 1 } })])
  const inFlight = await deliveries.inFlight({ flow: 'f', trigger: TRIGGER, ref: 'f', filter: null, input: null })
  await upkeep.work()
  expect([started, inFlight.most, inFlight.count]).toEqual([['a'], 1000, 1])
})
