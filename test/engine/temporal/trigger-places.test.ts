import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EngineOptions } from '../../../engine/api.ts'
import { EngineError } from '../../../engine/errors.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import { rejection, until } from '../calls.ts'
import { batchOf, messages, record, Sources, type Source } from '../triggers/source.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const PART = 'main/orders/0'
const TRIGGER = { type: 'kafka', name: 'orders', connection: 'main', topics: ['orders'], groupId: 'g', maxInFlight: 1000 }
const flow = { flow: 'f', triggers: [TRIGGER], start: 'n', nodes: { n: { type: 'pass' } } }

/** A server, whose source the test plays. */
interface Server {
  readonly engine: LocalEngine
  readonly sources: Sources
  source(): Promise<Source>
}

let place: EngineOptions
const opened: LocalEngine[] = []

async function serve(more: EngineOptions = {}): Promise<Server> {
  const sources = new Sources()
  const engine = await LocalEngine.open({ ...place, ...more }, { connectors: sources.connectors })
  opened.push(engine)
  const source = async (): Promise<Source> => {
    await until(() => sources.current !== undefined, 'a source')
    return sources.current!
  }
  return { engine, sources, source }
}

beforeAll(async () => {
  const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
  place = { engine: 'temporal', store, temporal: { address, namespace, taskQueue: 'places' } }
})
afterAll(async () => {
  await Promise.all(opened.map((engine) => engine.close()))
})

it('places, batches and messages of a trigger are one matter of all servers', { timeout: 120_000 }, async () => {
  const one = await serve()
  await one.engine.deploy(flow)
  const other = await serve({ temporal: { ...place.temporal, worker: false } })
  const [mine, theirs] = await Promise.all([one.source(), other.source()])
  expect(theirs.host.firstEnabledAt).toBe(mine.host.firstEnabledAt)

  // in order, and safe behind a flush
  const { handled } = await mine.host.deliverAll([record(0), record(1), record(2)])
  expect(handled.map(({ outcome }) => outcome)).toEqual(['started', 'started', 'started'])
  await mine.host.places.flush()
  expect(await theirs.host.places.read()).toEqual(new Map([[PART, { next: 3 }]]))
  // the same event by two of them: one execution
  const both = await Promise.all([mine.host.deliver(record(3)), theirs.host.deliver(record(3))])
  expect(both.map(({ outcome }) => outcome).sort()).toEqual(['deduplicated', 'started'])

  // begun by a server that then could not start it: it is done again as it was
  const failing = await serve({ temporal: { ...place.temporal, worker: false } })
  const { host: theirHost } = await failing.source()
  await theirHost.places.read()
  const durable = await failing.engine.durableHost()
  durable.start = () => Promise.reject(new EngineError('temporal-unavailable', 'as if it had died here'))
  expect(await rejection(theirHost.deliver(batchOf(4, 9)))).toMatchObject({ code: 'temporal-unavailable' })
  expect(await mine.host.places.read()).toEqual(new Map([[PART, { next: 4, unfinished: [4, 9] }]]))
  expect(await rejection(mine.host.deliver(batchOf(4, 6)))).toMatchObject({ name: 'PlaceMoved' })
  // that source begins anew, with the places as they are
  await until(() => mine.stopped && one.sources.current !== mine, 'another source')
  const again = await one.source()
  expect(await again.host.places.read()).toEqual(new Map([[PART, { next: 4, unfinished: [4, 9] }]]))
  const batch = await again.host.deliver(batchOf(4, 9))
  expect(batch.outcome).toBe('started')
  expect(await again.host.places.read()).toEqual(new Map([[PART, { next: 10 }]]))

  // messages: what was begun is started by whoever finds it
  expect(await rejection(theirHost.deliver(messages('a', 'b')))).toMatchObject({ code: 'temporal-unavailable' })
  expect(await theirs.host.known(['a', 'b', 'c'])).toEqual(new Set(['a', 'b']))
  expect(await rejection(theirs.host.deliver(messages('b', 'c')))).toMatchObject({ name: 'MessagesKnown' })
  await other.engine.triggers.sweep()
  await other.engine.triggers.sweep()
  expect((await theirs.host.deliver(messages('c'))).outcome).toBe('started')
  expect(await again.host.known(['c'])).toEqual(new Set(['c']))
  const inputs = async (): Promise<string[]> => {
    const { items } = await one.engine.list({ limit: 200 })
    const all = await Promise.all(items.map(async ({ id }) => (await one.engine.describe(id)).input))
    return all.map((input) => JSON.stringify(input)).sort()
  }
  const wanted = ['{"from":4,"to":9}', '{"keys":["a","b"]}', '{"keys":["c"]}', '{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}']
  await until(async () => (await inputs()).length >= wanted.length, 'all executions')
  expect(await inputs()).toEqual(wanted)

  // an execution that was deleted does not come back with its event
  const first = (handled[0] as { executionId: string }).executionId
  await one.engine.result(first)
  await until(async () => (await one.engine.describe(first)).status === 'succeeded', 'its end')
  await one.engine.delete(first)
  expect(await again.host.deliver(record(0))).toEqual({ outcome: 'deduplicated', executionId: first })
  expect(await again.host.places.read()).toEqual(new Map([[PART, { next: 10 }]]))

  // all servers go on where it was sought
  let readers: unknown[] = []
  one.sources.resolve = async () => {
    // a busy server may need longer than it is given
    await until(() => other.sources.current === undefined, 'the end of the source of the other server')
    readers = [one.sources.current, other.sources.current]
    return new Map([[PART, 1]])
  }
  await one.engine.triggers.seek('f', 'orders', 'earliest')
  // nobody has read while the place was found
  expect(readers).toEqual([undefined, undefined])
  await until(() => other.sources.current?.host.generation === 1, 'the new generation of the other server')
  expect(await other.sources.current!.host.places.read()).toEqual(new Map([[PART, { next: 1 }]]))
  const fresh = await other.sources.current!.host.deliver(record(1))
  expect(fresh.outcome).toBe('started')

  // and where they were, where it could not be
  one.sources.resolve = () => {
    throw new Error('the broker is away')
  }
  expect(await rejection(one.engine.triggers.seek('f', 'orders', 'earliest'))).toMatchObject({ code: 'connection-unavailable' })
  await until(() => [one, other].every(({ sources }) => sources.current?.host.generation === 1), 'sources of the same generation')
})

it('a batch that was begun, and is filtered by another definition, is left behind', { timeout: 120_000 }, async () => {
  const one = await serve()
  const batched = (filter: string, more: object = {}) =>
    one.engine.deploy({ ...flow, flow: 'filtered', triggers: [{ ...TRIGGER, filter, ...more }] })
  const sourceOf = async (seen?: Source): Promise<Source> => {
    const found = (): Source | undefined => one.sources.all.findLast(({ host, stopped }) => host.flow === 'filtered' && !stopped)
    await until(() => found() !== undefined && found() !== seen, 'a source')
    return found()!
  }
  await batched('$.from >= 0')
  const first = await sourceOf()
  first.host.places.note(PART, 4)
  await first.host.places.flush()
  const durable = await one.engine.durableHost()
  const start = durable.start.bind(durable)
  durable.start = () => Promise.reject(new EngineError('temporal-unavailable', 'for a moment'))
  expect(await rejection(first.host.deliver(batchOf(4, 9)))).toMatchObject({ code: 'temporal-unavailable' })
  durable.start = start
  await batched('$.from > 4')
  const second = await sourceOf(first)
  expect(await second.host.places.read()).toEqual(new Map([[PART, { next: 4, unfinished: [4, 9] }]]))
  expect(await second.host.deliver(batchOf(4, 9))).toEqual({ outcome: 'filtered' })
  expect(await second.host.places.read()).toEqual(new Map([[PART, { next: 10 }]]))
  expect((await second.host.deliver(batchOf(10, 12))).outcome).toBe('started')

  // the same of one of which the input can't be made any more
  durable.start = () => Promise.reject(new EngineError('temporal-unavailable', 'for a moment'))
  expect(await rejection(second.host.deliver(batchOf(13, 14)))).toMatchObject({ code: 'temporal-unavailable' })
  durable.start = start
  await batched('$.from.deep > 4')
  const third = await sourceOf(second)
  await third.host.places.read()
  expect(await third.host.deliver(batchOf(13, 14))).toEqual({ outcome: 'skipped' })
  expect(await third.host.places.read()).toEqual(new Map([[PART, { next: 15 }]]))
})

it('messages that were begun, with their bytes, wait for a version that is not there', { timeout: 120_000 }, async () => {
  const one = await serve()
  await one.engine.deploy({ ...flow, flow: 'waiting', triggers: [{ ...TRIGGER, version: 'v1' }] })
  const found = (): Source | undefined => one.sources.all.find(({ host }) => host.flow === 'waiting')
  await until(() => found() !== undefined, 'a source')
  const { host } = found()!
  const original = { bytes: Buffer.from('{ "x": 1 }'), contentType: 'application/json' }
  expect(await rejection(host.deliver({ ...messages('x', 'y'), original }))).toMatchObject({ code: 'version-not-found' })
  const { triggers } = await one.engine.durableHost()
  expect(await triggers.progress.left!(0, 10)).toMatchObject([
    { flow: 'waiting', original: { base64: original.bytes.toString('base64'), contentType: 'application/json' } },
  ])
  await one.engine.triggers.sweep()
  expect(await one.engine.list({ flow: 'waiting' })).toMatchObject({ items: [] })
  expect((await one.engine.triggers.get('waiting', 'orders')).counts).toMatchObject({ skipped: 0 })
  await one.engine.catalogue.publish('waiting', { version: 'v1' })
  await one.engine.triggers.sweep()
  const inputs = async (): Promise<unknown[]> => {
    const { items } = await one.engine.list({ flow: 'waiting' })
    return Promise.all(items.map(async ({ id }) => (await one.engine.describe(id)).input))
  }
  await until(async () => (await inputs()).length > 0, 'its execution')
  expect(await inputs()).toEqual([{ keys: ['x', 'y'] }])
  await until(async () => (await triggers.progress.left!(0, 10)).length === 0, 'nothing left')
})

it('messages that were begun, and whose flow was deleted, start it when it is there again', { timeout: 120_000 }, async () => {
  const one = await serve()
  const deploy = () => one.engine.deploy({ ...flow, flow: 'deleted', triggers: [TRIGGER] })
  const sourceOf = async (seen?: Source): Promise<Source> => {
    const found = (): Source | undefined => one.sources.all.findLast(({ host, stopped }) => host.flow === 'deleted' && !stopped)
    await until(() => found() !== undefined && found() !== seen, 'a source')
    return found()!
  }
  await deploy()
  const first = await sourceOf()
  const durable = await one.engine.durableHost()
  const start = durable.start.bind(durable)
  durable.start = () => Promise.reject(new EngineError('temporal-unavailable', 'as if it had died here'))
  expect(await rejection(first.host.deliver(messages('d', 'e')))).toMatchObject({ code: 'temporal-unavailable' })
  await one.engine.catalogue.remove('deleted')
  durable.start = start
  await until(async () => {
    await one.engine.triggers.sweep()
    return (await first.host.known(['d', 'e'])).size === 0
  }, 'the batch to be forgotten')
  expect(await durable.triggers.progress.left!(0, 10)).toEqual([])
  await until(
    () =>
      deploy().then(
        () => true,
        () => false,
      ),
    'the flow to be there again',
  )
  const second = await sourceOf(first)
  expect(await second.host.known(['d', 'e'])).toEqual(new Set())
  expect((await second.host.deliver(messages('d'))).outcome).toBe('started')
})
