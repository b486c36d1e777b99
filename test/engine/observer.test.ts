import { afterEach, expect, it } from 'vitest'
import { createEngine } from '../../engine/create-engine.ts'
import type { Engine } from '../../engine/api.ts'
import type { EngineObserver } from '../../engine/observer.ts'
import { folderWith } from '../cli/support.ts'

const engines: Engine[] = []
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close()
})

const functions = {
  double: ({ n }: { n: number }) => ({ n: n * 2 }),
  fails: () => {
    throw new Error('on purpose')
  },
}
const STEPS = {
  flow: 'steps',
  start: 'a',
  nodes: {
    a: { type: 'function', function: 'double', next: 'b' },
    b: { type: 'wait', seconds: 1, next: 'c' },
    c: { type: 'function', function: 'fails' },
  },
} as const

async function open(store?: string): Promise<Engine> {
  const engine = await createEngine({ functions, ...(store === undefined ? {} : { store }) })
  engines.push(engine)
  return engine
}

function noting(): { readonly notes: string[]; readonly durations: Map<string, number>; readonly observer: EngineObserver } {
  const notes: string[] = []
  const durations = new Map<string, number>()
  return {
    notes,
    durations,
    observer: {
      executionStarted: (flow) => notes.push(`started ${flow}`),
      executionEnded: (flow, status) => notes.push(`ended ${flow} ${status}`),
      nodeEnded(flow, type, ms) {
        notes.push(`node ${flow} ${type}`)
        durations.set(`${flow} ${type}`, ms)
      },
      invocationEnded: (name, status) => notes.push(`invoked ${name} ${status}`),
      committed: (ms) => durations.set('commit', ms),
    },
  }
}

it.each(['standard', 'express'] as const)('an observer is told of what a %s flow does, once each, until it stops', async (mode) => {
  const engine = await open()
  const { notes, durations, observer } = noting()
  await engine.deploy({ ...STEPS, mode })
  const stop = engine.observe(observer)
  await expect(engine.run('steps', { input: { n: 1 } })).rejects.toThrow(/on purpose/)
  expect(notes).toEqual([
    'started steps',
    'invoked default/double 200',
    'node steps function',
    'node steps wait',
    'invoked default/fails 430',
    'node steps function',
    'ended steps failed',
  ])
  expect(durations.get('steps wait')).toBeGreaterThanOrEqual(1000)
  expect(durations.has('commit')).toBe(mode === 'standard')
  stop()
  await expect(engine.run('steps', { input: { n: 1 } })).rejects.toThrow(/on purpose/)
  expect(notes).toHaveLength(7)
})

it('nodes that a retry or rerun takes over are not told of: they took their time elsewhere', async () => {
  const engine = await open()
  const nodes = { ...STEPS.nodes, b: { type: 'pass', next: 'c' } }
  await engine.deploy({ ...STEPS, nodes })
  const { id } = await engine.start('steps', { input: { n: 1 } })
  await expect(engine.result(id)).rejects.toThrow(/on purpose/)
  for (const again of [() => engine.retry(id), () => engine.rerun(id, { from: 'c' })]) {
    const { notes, observer } = noting()
    const stop = engine.observe(observer)
    await expect((await again()).result()).rejects.toThrow(/on purpose/)
    stop()
    expect(notes).toEqual(['started steps', 'invoked default/fails 430', 'node steps function', 'ended steps failed'])
  }
})

it('what goes on behind a restart is told once, with its whole duration', async () => {
  const store = folderWith()
  const first = await open(store)
  const before = noting()
  first.observe(before.observer)
  await first.deploy(STEPS)
  const { id } = await first.start('steps', { input: { n: 1 } })
  await expect.poll(async () => (await first.nodes(id)).at(-1)?.id).toBe('b')
  await first.close()
  expect(before.notes).toEqual(['started steps', 'invoked default/double 200', 'node steps function'])
  const second = await open(store)
  const after = noting()
  second.observe(after.observer)
  await expect(second.result(id)).rejects.toThrow(/on purpose/)
  expect(after.notes).toEqual(['node steps wait', 'invoked default/fails 430', 'node steps function', 'ended steps failed'])
  expect(after.durations.get('steps wait')).toBeGreaterThanOrEqual(1000)
})

it('two observers are told the same', async () => {
  const engine = await open()
  const [one, other] = [noting(), noting()]
  engine.observe(one.observer)
  const stop = engine.observe(other.observer)
  await engine.deploy({ ...STEPS, mode: 'express', nodes: { a: { type: 'function', function: 'double' } } })
  await engine.run('steps', { input: { n: 1 } })
  stop()
  await engine.run('steps', { input: { n: 1 } })
  expect(one.notes).toHaveLength(8)
  expect(other.notes).toEqual(one.notes.slice(0, 4))
})

it('says what it stands on', async () => {
  expect(await (await open()).health()).toEqual({ dependencies: {} })
  const engine = await open(folderWith())
  expect(await engine.health()).toEqual({ dependencies: { store: { state: 'ok' } } })
  expect(engine.instances()).toEqual([])
})
