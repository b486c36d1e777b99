import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EngineOptions } from '../../../engine/api.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import { rejection, until } from '../calls.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const COUNT = 60

let place: EngineOptions & { readonly store: string }
const opened: LocalEngine[] = []

async function serve(more: EngineOptions = {}): Promise<LocalEngine> {
  const engine = await LocalEngine.open({ ...place, ...more })
  opened.push(engine)
  return engine
}

beforeAll(async () => {
  const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
  place = { engine: 'temporal', store, temporal: { address, namespace, taskQueue: 'batches' } }
})
afterAll(async () => {
  await Promise.all(opened.map((engine) => engine.close()))
})

/** A server that stands still when it has begun so many executions, until it is let go on. */
async function halted(engine: LocalEngine, most: number): Promise<{ readonly reached: () => boolean; readonly goOn: () => void }> {
  const durable = await engine.durableHost()
  const start = durable.start.bind(durable)
  const gate = Promise.withResolvers<void>()
  let begun = 0
  durable.start = async (...given) => {
    if (++begun > most) await gate.promise
    return start(...given)
  }
  return { reached: () => begun > most, goOn: gate.resolve }
}

it(
  'a batch is taken over from a server that stands still, and from one that died, and does nothing twice',
  { timeout: 180_000 },
  async () => {
    const clientOnly = { temporal: { ...place.temporal, worker: false } }
    const broken = (): never => {
      throw new Error('as it is')
    }
    const one = await serve({ functions: { broken } })
    await one.deploy({ flow: 'bad', start: 'n', nodes: { n: { type: 'function', function: 'broken' } } })
    await Promise.all(Array.from({ length: COUNT }, (_, at) => one.start('bad', { id: `e${at}` })))
    const failed = async (): Promise<number> => {
      let found = 0
      for (let cursor: string | undefined; ;) {
        const page = await one.list({ flow: 'bad', status: 'failed', limit: 200, ...(cursor === undefined ? {} : { cursor }) })
        found += page.items.length
        cursor = page.nextCursor
        if (cursor === undefined) return found
      }
    }
    await until(async () => (await failed()) === COUNT, 'all have failed')

    const database = new pg.Client({ connectionString: place.store })
    await database.connect()
    /** As its time would, which is a minute. */
    const endLease = async (): Promise<void> => {
      const { rowCount } = await database.query('UPDATE fnflow.batches SET lease_until = 0 WHERE ended_at IS NULL')
      expect(rowCount).toBe(1)
    }
    const first = await halted(one, 25)
    await one.batches.create({ action: 'retry', filter: { flow: 'bad', status: 'failed' }, id: 'b' })
    await until(first.reached, 'the first server at work')
    // in the middle of its second step
    expect(await one.batches.get('b')).toMatchObject({ status: 'running', total: COUNT })
    const other = await serve(clientOnly)
    const second = await halted(other, 10)
    await endLease()
    other.batches.wake()
    await until(second.reached, 'the second server at work')
    // what the first one says now is not counted any more
    first.goOn()
    await other.abandon()
    await endLease()
    const third = await serve(clientOnly)
    third.batches.wake()
    await until(async () => (await third.batches.get('b')).status === 'completed', 'the end of the batch')
    expect(await third.batches.get('b')).toMatchObject({ total: COUNT, succeeded: COUNT, failed: 0, errors: [] })
    second.goOn()

    const retried = async (): Promise<string[]> => {
      const all: string[] = []
      for (let cursor: string | undefined; ;) {
        const page = await third.list({ trigger: 'retry', limit: 200, ...(cursor === undefined ? {} : { cursor }) })
        all.push(...page.items.map(({ retryOf }) => retryOf as string))
        cursor = page.nextCursor
        if (cursor === undefined) return all.sort()
      }
    }
    await until(async () => (await retried()).length >= COUNT, 'the retries in the list')
    expect(await retried()).toEqual(Array.from({ length: COUNT }, (_, at) => `e${at}`).sort())
    await database.end()
  },
)

it('starts past limits are refused, those of other servers counted, and a repetition finds its own', { timeout: 120_000 }, async () => {
  const temporal = { ...place.temporal, namespace: await newNamespace(), taskQueue: 'limits' }
  const limited = { store: await newDatabase(), temporal, limits: { executions: 3 } }
  const engine = await serve(limited)
  await engine.deploy({ flow: 'f', start: 'n', nodes: { n: { type: 'wait', seconds: 3600 } } })
  const ids = ['a', 'b', 'c']
  for (const id of ids) await engine.start('f', { id })
  expect(await rejection(engine.start('f', { id: 'd' }))).toMatchObject({ code: 'too-many-executions', status: 429 })
  expect(await rejection(engine.start('f'))).toMatchObject({ code: 'too-many-executions' })
  expect((await engine.start('f', { id: 'b' })).existed).toBe(true)
  // another server knows of them as soon as lists do
  await until(async () => (await engine.list({ flow: 'f', status: 'running' })).items.length === 3, 'all in the list')
  const other = await serve({ ...limited, temporal: { ...temporal, worker: false } })
  expect(await rejection(other.start('f', { id: 'd' }))).toMatchObject({ code: 'too-many-executions' })
  expect(await rejection(engine.describe('d'))).toMatchObject({ code: 'execution-not-found' })
  await engine.stop('a')
  const started = async (): Promise<boolean> => {
    try {
      await other.start('f', { id: 'd' })
      return true
    } catch (error) {
      expect(error).toMatchObject({ code: 'too-many-executions' })
      return false
    }
  }
  await until(started, 'room for another')
  expect((await engine.list({ flow: 'f', status: 'running' })).items.map(({ id }) => id).sort()).not.toContain('a')
})

it('starts beyond limits.startsPerSecond are refused', { timeout: 120_000 }, async () => {
  const engine = await serve({ temporal: { ...place.temporal, worker: false }, limits: { startsPerSecond: 1 } })
  await engine.deploy({ flow: 'many', start: 'n', nodes: { n: { type: 'pass' } } })
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => engine.start('many')))
  const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.length).toBeLessThan(20)
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'too-many-executions' })
})
