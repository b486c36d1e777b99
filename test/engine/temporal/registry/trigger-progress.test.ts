import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Json } from '../../../../dsl/json.ts'
import type { Registry } from '../../../../engine/temporal/registry/registry.ts'
import type { PendingStart, Step, TriggerKey } from '../../../../engine/triggers/progress.ts'
import { pause, rejection } from '../../calls.ts'
import { deployFlow, registryLab } from './lab.ts'

const lab = registryLab()
const KEY: TriggerKey = { flow: 'f', name: 't', generation: 0 }
const until = Date.now() + 3_600_000
const PENDING = { flow: 'f', trigger: { type: 'topic', name: 't', topic: 't', maxInFlight: 1 }, event: { n: 1 }, place: 'q/1' } as const

const startOf = (id: string): PendingStart => ({ id, ...PENDING })
const moved = (next: Json, bounds?: Json, part = 'p'): Step => ({
  trigger: KEY,
  move: { part, next, ...(bounds === undefined ? {} : { bounds }) },
})
const messages = (...keys: string[]): Step => ({ trigger: KEY, messages: { keys, until } })

/** Two processes on one scope, in which there is the trigger. */
async function two(): Promise<[Registry, Registry]> {
  const scope = randomBytes(6).toString('hex')
  const both = await Promise.all([lab.open({ scope }), lab.open({ scope })])
  await deployFlow(both[0], { name: 'f', hash: 'h', mode: 'standard', planText: '{}' })
  await both[0].triggers.begin('f', 't')
  return both
}

test('all servers of an application know their store by one name, and no other application does', async () => {
  const [one, other] = await two()
  const [third] = await two()
  expect(one.triggers.progress.id).toBe(other.triggers.progress.id)
  expect(third.triggers.progress.id).not.toBe(one.triggers.progress.id)
})

test('a trigger begins once', async () => {
  const [one, other] = await two()
  const first = await one.triggers.begin('f', 't')
  expect(first).toMatchObject({ enabled: true, generation: 0, firstEnabledAt: expect.any(Number), enabledAt: expect.any(Number) })
  expect(await other.triggers.begin('f', 't')).toEqual(first)
  expect(await other.triggers.begin('gone', 't')).toBeUndefined()
  await one.triggers.setEnabled('f', 't', false)
  await one.triggers.setEnabled('f', 't', true)
  expect((await other.triggers.begin('f', 't'))!.enabledAt).toBeGreaterThanOrEqual(first!.enabledAt!)
})

test('places go forward, whoever writes last', async () => {
  const [
    {
      triggers: { progress: one },
    },
    {
      triggers: { progress: other },
    },
  ] = await two()
  expect(await one.note(KEY, 'p', 5, undefined)).toBe(true)
  expect(await other.note(KEY, 'p', 9, undefined)).toBe(false)
  // a statement that was repeated
  expect(await one.note(KEY, 'p', 5, undefined)).toBe(true)
  await one.write(moved(8), { outcome: 'started' })
  await one.write(moved(7), { outcome: 'started' })
  await one.write(moved('text', undefined, 'q'), { outcome: 'filtered' })
  await one.flush()
  await other.write(moved(8), { outcome: 'started' })
  await one.write(moved(6), { outcome: 'started' })
  await Promise.all([one.flush(), other.flush()])
  expect(await other.places(KEY)).toEqual(
    new Map<string, unknown>([
      ['p', { next: 8 }],
      ['q', { next: 'text' }],
    ]),
  )
  expect(await other.note(KEY, 'p', 2, 8)).toBe(true)
  expect(await other.note(KEY, 'p', 3, 8)).toBe(false)
  expect((await one.places(KEY)).get('p')).toEqual({ next: 2 })
})

test('a batch has the bounds of whoever came first, and only from where the part is', async () => {
  const [
    {
      triggers: { progress: one },
    },
    {
      triggers: { progress: other },
    },
  ] = await two()
  await one.note(KEY, 'p', 5, undefined)
  await one.begin!(moved(15, [5, 14]), 5, startOf('a'))
  expect(await other.places(KEY)).toEqual(new Map([['p', { next: 5, unfinished: [5, 14] }]]))
  expect(await rejection(other.begin!(moved(10, [5, 9]), 5, startOf('b')))).toMatchObject({ name: 'PlaceMoved' })
  // whoever finds it does it again, as often as need be
  await other.begin!(moved(15, [5, 14]), 5, startOf('a'))
  await other.write(moved(15, [5, 14]), { outcome: 'started', executionId: 'a' })
  expect(await one.places(KEY)).toEqual(new Map([['p', { next: 15 }]]))
  // late
  await one.write(moved(15, [5, 14]), { outcome: 'started', executionId: 'a' })
  expect(await rejection(one.begin!(moved(10, [5, 9]), 5, startOf('c')))).toMatchObject({ name: 'PlaceMoved' })
  await one.begin!(moved(20, [15, 19]), 15, startOf('d'))
  // what can't be read again is left out
  expect(await one.note(KEY, 'p', 30, 15)).toBe(true)
  expect(await one.places(KEY)).toEqual(new Map([['p', { next: 30 }]]))
  // of a part that nobody has begun
  await one.begin!(moved(3, [0, 2], 'new'), undefined, startOf('e'))
  expect((await one.places(KEY)).get('new')).toEqual({ next: null, unfinished: [0, 2] })
})

test('a batch that was begun and becomes nothing holds its part up no longer', async () => {
  const [
    {
      triggers: { progress: one },
    },
    {
      triggers: { progress: other },
    },
  ] = await two()
  const begun = ({ move, ...step }: Step): Step => ({ ...step, move: { ...move!, isBegun: true } })
  await one.note(KEY, 'p', 5, undefined)
  await one.begin!(moved(15, [5, 14]), 5, startOf('a'))
  await other.write(moved(15, [5, 14]), { outcome: 'filtered' })
  expect(await one.places(KEY)).toEqual(new Map([['p', { next: 15 }]]))
  // nor does one that was never begun, and one that another has begun stays
  await other.write(moved(20, [15, 19]), { outcome: 'filtered' })
  await one.begin!(moved(25, [20, 24]), 20, startOf('b'))
  await other.write(moved(30, [20, 29]), { outcome: 'filtered' })
  expect(await one.places(KEY)).toEqual(new Map([['p', { next: 30, unfinished: [20, 24] }]]))
  await one.write(begun(moved(25, [20, 24])), { outcome: 'started', executionId: 'b' })
  expect(await one.places(KEY)).toEqual(new Map([['p', { next: 30 }]]))
  // of places that are no numbers none is ahead: who is late with one that another has finished moves nothing
  await one.note(KEY, 'q', 'a', undefined)
  await one.begin!(moved('b', ['a'], 'q'), 'a', startOf('c'))
  await other.write(begun(moved('b', ['a'], 'q')), { outcome: 'started', executionId: 'c' })
  await other.write(moved('c', ['b'], 'q'), { outcome: 'filtered' })
  await one.write(begun(moved('b', ['a'], 'q')), { outcome: 'started', executionId: 'c' })
  expect((await one.places(KEY)).get('q')).toEqual({ next: 'c' })
})

test('of messages in two batches at once one batch is noted', async () => {
  const [
    {
      triggers: { progress: one },
    },
    {
      triggers: { progress: other },
    },
  ] = await two()
  const outcomes = await Promise.allSettled([
    one.begin!(messages('a', 'b', 'c'), undefined, startOf('x')),
    other.begin!(messages('c', 'b', 'd'), undefined, startOf('y')),
  ])
  const refused = outcomes.filter(({ status }) => status === 'rejected')
  expect(refused).toMatchObject([{ reason: { name: 'MessagesKnown' } }])
  const winner = outcomes[0]!.status === 'fulfilled' ? 'x' : 'y'
  expect((await one.known(KEY, ['a', 'b', 'c', 'd'])).size).toBe(3)
  expect(await one.left!(-1000, 10)).toEqual([startOf(winner)])
  expect(await one.left!(60_000, 10)).toEqual([])
  // the answer of the statement was lost
  await one.begin!(winner === 'x' ? messages('a', 'b', 'c') : messages('c', 'b', 'd'), undefined, startOf(winner))
  await other.finish!(winner)
  expect(await one.left!(-1000, 10)).toEqual([])
  await one.write({ trigger: KEY, messages: { keys: ['old'], until: Date.now() - 1 } }, { outcome: 'skipped' })
  expect(await one.prune(Date.now())).toBe(1)
  expect(await one.known(KEY, ['old', 'b'])).toEqual(new Set(['b']))
})

test('what was left is handed out in turn, to one at a time', async () => {
  const [{ triggers: one }, { triggers: other }] = await two()
  for (const id of ['a', 'b', 'c', 'd']) await one.progress.begin!(messages(id), undefined, startOf(id))
  const idsOf = async (left: Promise<readonly PendingStart[]>): Promise<string[]> => (await left).map(({ id }) => id).sort()
  const begun = Date.now()
  await pause(100)
  // what was begun before that moment, and what nobody has been given since
  const since = (): number => Date.now() - begun
  const both = await Promise.all([idsOf(one.progress.left!(since(), 1)), idsOf(other.progress.left!(since(), 1))])
  expect(new Set(both.flat()).size).toBe(2)
  const rest = await idsOf(one.progress.left!(since(), 10))
  expect([...both.flat(), ...rest].sort()).toEqual(['a', 'b', 'c', 'd'])
  expect(await idsOf(other.progress.left!(since(), 10))).toEqual([])
  // and what cannot be finished comes again later
  expect(await idsOf(other.progress.left!(0, 10))).toEqual(['a', 'b', 'c', 'd'])
  const pending = one.pending!
  const published = { topic: 't', message: 1, at: Date.now() - 60_000 }
  for (const id of ['m1', 'm2', 'm3']) await pending.begin({ published: { ...published, id }, subscribers: [] })
  const first = await pending.left(10_000, 2)
  expect([...first, ...(await other.pending!.left(10_000, 2))].map(({ published: { id } }) => id).sort()).toEqual(['m1', 'm2', 'm3'])
})

test('a place that is sought is of the next generation; late moves of the one before do not count', async () => {
  const [{ triggers }, { triggers: other }] = await two()
  await triggers.progress.note(KEY, 'p', 5, undefined)
  expect(
    await triggers.progress.seek(
      'f',
      't',
      new Map([
        ['p', 1],
        ['q', 2],
      ]),
    ),
  ).toBe(1)
  await other.progress.write(moved(9), { outcome: 'started' })
  await other.progress.flush()
  expect(await triggers.progress.places({ ...KEY, generation: 1 })).toEqual(
    new Map([
      ['p', { next: 1 }],
      ['q', { next: 2 }],
    ]),
  )
  expect(await other.states()).toMatchObject([{ generation: 1 }])
  expect(await triggers.progress.seek('f', 't', new Map())).toBe(2)
})

test('a batch that was begun for a flow that is gone is undone with its messages', async () => {
  const [one, other] = await two()
  const { progress } = one.triggers
  await progress.begin!(messages('a', 'b'), undefined, startOf('x'))
  await progress.write(messages('c'), { outcome: 'started', executionId: 'y' })
  // for one that is there nothing is done
  expect(await other.triggers.progress.undo!('x', 'f')).toBe(false)
  expect((await progress.known(KEY, ['a', 'b', 'c'])).size).toBe(3)
  await one.catalogue.deletions.remove('f', undefined)
  expect(await other.triggers.progress.undo!('x', 'f')).toBe(true)
  expect(await progress.known(KEY, ['a', 'b', 'c'])).toEqual(new Set(['c']))
  expect(await progress.left!(-1000, 10)).toEqual([])
})
