import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, expect, it, vi } from 'vitest'
import { createEngine } from '../../engine/create-engine.ts'
import { Store } from '../../engine/internal.ts'
import { hostOf } from './lab.ts'

const folders: string[] = []

afterEach(() => {
  vi.restoreAllMocks()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-resilience-'))
  folders.push(folder)
  return folder
}

it('a handler that holds up the event loop takes nothing off the time of the next node', async () => {
  const engine = await createEngine({
    engine: 'express',
    functions: {
      block: async () => {
        for (const end = Date.now() + 1500; Date.now() < end;);
        return {}
      },
      brief: () => new Promise((resolve) => setTimeout(() => resolve({ done: true }), 300)),
    },
  })
  await engine.deploy({
    flow: 'held-up',
    mode: 'express',
    start: 'a',
    nodes: { a: { type: 'function', function: 'block', next: 'b' }, b: { type: 'function', function: 'brief', timeout: 1 } },
  })
  expect(await engine.run('held-up')).toEqual({ done: true })
  await engine.close()
})

it('one failed read of the timers does not stop them', async () => {
  const engine = await createEngine({ store: newFolder() })
  await engine.deploy({ flow: 'pause', start: 'w', nodes: { w: { type: 'wait', seconds: 0.3 } } })
  const all = vi.spyOn(Store.prototype, 'all')
  const execution = await engine.start('pause')
  all.mockImplementationOnce(() => {
    throw new Error('disk I/O error')
  })
  expect(await execution.result()).toEqual({})
  await engine.close()
})

it('damaged rows do not keep the others from being listed, run and opened', async () => {
  const store = newFolder()
  const flow = (name: string): object => ({ flow: name, start: 'p', nodes: { p: { type: 'pass' } } })
  let engine = await createEngine({ store })
  await engine.deploy(flow('good'))
  await engine.deploy(flow('bad'))
  await (await engine.start('good', { id: 'damaged', trigger: { type: 'test' } })).result()
  await (await engine.start('good', { id: 'whole' })).result()
  await engine.close()
  const db = new DatabaseSync(join(store, 'fnflow.db'))
  db.exec("UPDATE executions SET trigger = '{', input = '{' WHERE id = 'damaged'")
  db.exec("UPDATE plans SET plan = '{' WHERE hash = (SELECT hash FROM flows WHERE name = 'bad')")
  db.close()

  engine = await createEngine({ store })
  expect((await engine.list()).items.map(({ id }) => id)).toEqual(['whole', 'damaged'])
  await expect(engine.describe('damaged')).rejects.toMatchObject({ code: 'store-unusable' })
  expect(await engine.run('good', { input: { a: 1 } })).toEqual({ a: 1 })
  await expect(engine.start('bad')).rejects.toMatchObject({ code: 'flow-not-found' })
  await engine.close()
})

it('an execution behind a large loop lets go of its iterations', async () => {
  const engine = await createEngine({ functions: { f: async ({ n }: { n: number }) => ({ n }) } })
  await engine.deploy({
    flow: 'large',
    start: 'each',
    nodes: {
      each: { type: 'loop', items: '$.list', next: 'drop', nodes: { f: { type: 'function', function: 'f', params: { n: '$.item' } } } },
      drop: { type: 'pass', params: { done: true }, next: 'w' },
      w: { type: 'wait', seconds: 60 },
    },
  })
  const list = Array.from({ length: 5000 }, (_, n) => n)
  const executions = []
  for (let at = 0; at < 3; at++) executions.push(await engine.start('large', { input: { list } }))
  for (const execution of executions) {
    await expect.poll(async () => (await engine.nodes(execution.id)).at(-1)?.id, { timeout: 10_000 }).toBe('w')
  }
  const { loaded } = hostOf(engine)
  for (const { id } of executions)
    expect((loaded.get(id) as { flow: { commands: unknown[] } }).flow.commands.length).toBeLessThanOrEqual(64)
  for (const execution of executions) await execution.stop()
  await engine.close()
})
