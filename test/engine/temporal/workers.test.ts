import { setTimeout as sleep } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createEngine } from '../../../engine/create-engine.ts'
import type { Engine, EngineOptions, TemporalWorkerOptions } from '../../../engine/api.ts'
import { normalizeSpec } from '../../../executors/function-spec.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
let namespace: string
let store: string
let connection: Connection
const engines: Engine[] = []

beforeAll(async () => {
  namespace = await newNamespace()
  store = await newDatabase()
  connection = await Connection.connect({ address })
})

afterAll(async () => {
  for (const engine of engines) await engine.close()
  await connection?.close()
})

async function open(
  taskQueue: string,
  functions: NonNullable<EngineOptions['functions']>,
  worker: boolean | TemporalWorkerOptions = true,
): Promise<Engine> {
  const engine = await createEngine({ engine: 'temporal', store, temporal: { address, namespace, taskQueue, worker }, functions })
  engines.push(engine)
  return engine
}

it('two workers share the work, and one that leaves takes nothing with it', { timeout: 120_000 }, async () => {
  const delivered = { first: [] as string[], second: [] as string[] }
  const slow = (by: string[]) => async (event: { n: number }, context: { getRequestID(): string }) => {
    by.push(context.getRequestID())
    await sleep(100)
    return { n: event.n + 1 }
  }
  const first = await open('leaving', { slow: slow(delivered.first) as never }, { slots: 10 })
  const second = await open('leaving', { slow: slow(delivered.second) as never }, { slots: 10 })
  const nodes = Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e'].map((id, at, all) => [
      id,
      { type: 'function', function: 'slow', ...(all[at + 1] === undefined ? {} : { next: all[at + 1] }) },
    ]),
  )
  await second.deploy({ flow: 'five', start: 'a', nodes })
  const executions = await Promise.all(Array.from({ length: 40 }, () => second.start('five', { input: { n: 0 } })))
  await expect.poll(() => Math.min(delivered.first.length, delivered.second.length), { timeout: 60_000 }).toBeGreaterThan(5)
  // waits for what runs, as SIGTERM does
  await first.close()
  expect(await Promise.all(executions.map((execution) => execution.result()))).toEqual(Array(40).fill({ n: 5 }))
  const all = [...delivered.first, ...delivered.second]
  expect(new Set(all).size).toBe(200)
  expect(all).toHaveLength(200)
})

it('a stop ends a loop of 1,000 that runs, and its functions', { timeout: 120_000 }, async () => {
  let begun = 0
  let aborted = 0
  const engine = await open('stopped', {
    hold: (_event, context: { signal: AbortSignal }) => {
      begun += 1
      return new Promise((_, reject) =>
        context.signal.addEventListener('abort', () => {
          aborted += 1
          reject(new Error('aborted'))
        }),
      )
    },
  })
  await engine.deploy({
    flow: 'thousand',
    start: 'each',
    nodes: { each: { type: 'loop', items: '$.items', nodes: { f: { type: 'function', function: 'hold', params: { n: '$.item' } } } } },
  })
  const execution = await engine.start('thousand', { input: { items: Array.from({ length: 1000 }, (_, at) => at) } })
  await expect.poll(() => begun, { timeout: 60_000 }).toBeGreaterThan(50)
  await execution.stop()
  expect(await execution.describe()).toMatchObject({ status: 'cancelled' })
  const history = await new Client({ connection, namespace }).workflow.getHandle(execution.id).describe()
  expect(history.historyLength).toBeLessThan(1100)
  const running = begun
  await expect.poll(() => aborted, { timeout: 60_000 }).toBeGreaterThanOrEqual(running)
})

it('asynchronous functions and callbacks that wait hold no slot', { timeout: 120_000 }, async () => {
  let running = 0
  let most = 0
  const engine = await open(
    'slots',
    {
      long: async () => {
        running += 1
        most = Math.max(most, running)
        await sleep(3000)
        running -= 1
        return 'done'
      },
      ask: () => null,
      quick: () => 'quick',
    },
    { slots: 2 },
  )
  await engine.deploy({ flow: 'long', start: 'a', nodes: { a: { type: 'function', function: 'long', invoke: 'async' } } })
  await engine.deploy({ flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } })
  await engine.deploy({ flow: 'quick', start: 'a', nodes: { a: { type: 'function', function: 'quick' } } })
  const waiting = await Promise.all(Array.from({ length: 5 }, () => engine.start('asks')))
  const long = await Promise.all(Array.from({ length: 20 }, () => engine.start('long')))
  await expect.poll(() => running, { timeout: 30_000 }).toBeGreaterThan(5)
  expect(await engine.run('quick')).toBe('quick')
  expect(await Promise.all(long.map((execution) => execution.result()))).toEqual(Array(20).fill('done'))
  expect(most).toBeGreaterThan(2)
  for (const execution of waiting) await execution.stop()
})

it('a function that goes on for long is delivered once, and one that lost a race learns it', { timeout: 120_000 }, async () => {
  let deliveries = 0
  let aborted = false
  const engine = await open('long', {
    long: async () => {
      deliveries += 1
      await sleep(6000)
      return 'long'
    },
    quick: () => 'quick',
    held: (_event, context: { signal: AbortSignal }) =>
      new Promise((_, reject) =>
        context.signal.addEventListener('abort', () => {
          aborted = true
          reject(new Error('aborted'))
        }),
      ),
  })
  await engine.deploy({ flow: 'long', start: 'a', nodes: { a: { type: 'function', function: 'long' } } })
  await engine.deploy({
    flow: 'race',
    start: 'p',
    nodes: {
      p: { type: 'parallel', complete: 'any', branches: ['held', 'w'] },
      held: { type: 'function', function: 'held', next: 'j' },
      w: { type: 'wait', seconds: 1, next: 'q' },
      q: { type: 'function', function: 'quick', next: 'j' },
      j: { type: 'wait', seconds: 5 },
    },
  })
  const long = engine.run('long')
  const race = engine.run('race')
  await expect.poll(() => aborted, { timeout: 60_000 }).toBe(true)
  expect(await race).toEqual({ result: ['quick'] })
  expect(await long).toBe('long')
  expect(deliveries).toBe(1)
})

it('a function of a pool runs where that is polled, also in batches', { timeout: 120_000 }, async () => {
  const seen = { main: 0, pool: 0 }
  const spec = (by: 'main' | 'pool') => ({
    'default/load': normalizeSpec('load', {
      pool: 'imports',
      inline: ({ n }: { n: number }) => {
        seen[by] += 1
        return { n }
      },
    }),
  })
  const engine = await open('pools', spec('main'))
  await engine.deploy({ flow: 'one', start: 'a', nodes: { a: { type: 'function', function: 'load', params: { n: 1 } } } })
  await engine.deploy({
    flow: 'many',
    start: 'each',
    nodes: {
      each: { type: 'loop', items: '$.items', nodes: { f: { type: 'function', function: 'load', params: { n: '$.item' }, timeout: 5 } } },
    },
  })
  const one = await engine.start('one')
  const many = await engine.start('many', { input: { items: Array.from({ length: 300 }, (_, at) => at) } })
  await open('pools', spec('pool'), { queues: ['imports'], only: true })
  expect(await one.result()).toEqual({ n: 1 })
  expect(((await many.result()) as { result: unknown[] }).result).toHaveLength(300)
  expect(seen).toEqual({ main: 0, pool: 301 })
})
