import { afterEach, expect, it } from 'vitest'
import { LocalEngine } from '../../../engine/internal.ts'
import { folderWith } from '../../cli/support.ts'

/** More than are kept in memory while they wait. */
const MANY = 1100
const FLOW = {
  flow: 'asks',
  start: 'a',
  nodes: { a: { type: 'callback', function: 'ask', output: '$.answer', next: 'b' }, b: { type: 'function', function: 'holds' } },
}

let engine: LocalEngine
afterEach(() => engine.close())

it('what only waited when it was let go of is not read at a start; what has gone on since then is, and goes on', async () => {
  const store = folderWith()
  const tokens = new Map<number, string>()
  const held: number[] = []
  const functions = {
    ask: ({ n }: { n: number }, { callback }: { callback: { token: string } }) => void tokens.set(n, callback.token),
    holds: ({ n }: { n: number }) => {
      held.push(n)
      return new Promise(() => undefined)
    },
  }
  const open = async (): Promise<void> => {
    engine = await LocalEngine.open({ store, functions })
  }
  const answer = (n: number): Promise<void> => engine.callback(tokens.get(n) as string, { status: 'succeeded', output: { answer: { n } } })
  await open()
  await engine.deploy(FLOW)
  for (let n = 0; n < MANY; n++) await engine.start('asks', { input: { n } })
  await expect.poll(() => tokens.size, { timeout: 20_000 }).toBe(MANY)
  // the oldest were let go of: one of them comes back, and goes on
  await answer(0)
  await expect.poll(() => held).toEqual([0])
  await engine.abandon()

  await open()
  const { store: health } = (await engine.health()).dependencies
  expect(health?.state).toBe('recovering')
  expect(health?.left).toBeLessThan(MANY)
  await expect.poll(() => held, { timeout: 20_000 }).toEqual([0, 0])
  // one that nobody has read yet
  await answer(1)
  await expect.poll(() => held).toEqual([0, 0, 1])
  await expect.poll(async () => (await engine.health()).dependencies['store']?.state, { timeout: 20_000 }).toBe('ok')
  expect((await engine.list({ status: 'running', limit: 200 })).items).toHaveLength(200)
}, 60_000)

it('whoever is to be told of callbacks that wait is told of all', async () => {
  const store = folderWith()
  const told = new Set<string>()
  const open = async (): Promise<void> => {
    engine = await LocalEngine.open({ store, functions: { ask: () => null }, onCallback: ({ execution }) => told.add(execution) })
  }
  await open()
  await engine.deploy(FLOW)
  for (let n = 0; n < MANY; n++) await engine.start('asks', { input: { n } })
  await expect.poll(() => told.size, { timeout: 20_000 }).toBe(MANY)
  await engine.abandon()
  told.clear()
  await open()
  await expect.poll(() => told.size, { timeout: 20_000 }).toBe(MANY)
}, 60_000)
