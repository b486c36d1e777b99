import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import type { ExecutionRecord } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import { MIGRATIONS } from '../../../engine/embedded/schema.ts'
import { rejection } from '../calls.ts'
import { hostOf, Lab, until } from '../lab.ts'

const pass = (flow: string, n: unknown, more: object = {}): object => ({
  flow,
  ...more,
  start: 'p',
  nodes: { p: { type: 'pass', params: { n } } },
})
const asks = { flow: 'asks', start: 'a', nodes: { a: { type: 'callback', function: 'echo' } } }

let lab: Lab | undefined
const folders: string[] = []
afterEach(async () => {
  await lab?.end()
  lab = undefined
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-catalogue-'))
  folders.push(folder)
  return folder
}

async function statuses(engine: Lab['engine'], flow: string): Promise<ExecutionRecord['status'][]> {
  const all: ExecutionRecord[] = []
  for (let cursor: string | undefined; ;) {
    const { items, nextCursor } = await engine.list({ flow, limit: 200, ...(cursor === undefined ? {} : { cursor }) })
    all.push(...items)
    if (nextCursor === undefined) return all.map(({ status }) => status)
    cursor = nextCursor
  }
}

describe('a deletion by force', () => {
  it('that a crash interrupts goes on with the next engine', async () => {
    lab = await Lab.open([asks])
    const { engine } = lab
    await engine.catalogue.publish('asks')
    await Promise.all(Array.from({ length: 300 }, () => engine.start('asks')))
    const removing = engine.catalogue.remove('asks', { force: true })
    removing.catch(() => undefined)
    const { store } = hostOf(engine)
    const count = (): number => store.get<{ n: number }>("SELECT count(*) AS n FROM executions WHERE status = 'cancelled'")!.n
    while (count() < 50) await new Promise((resolve) => setImmediate(resolve))
    expect(count()).toBeLessThan(300)
    await lab.crash()
    expect(await rejection(lab.engine.catalogue.versions('asks'))).toMatchObject({ code: 'flow-not-found' })
    // one of that name that is made at once is another one
    await lab.engine.deploy(asks)
    const mine = await lab.engine.start('asks')
    await until(async () => (await statuses(lab!.engine, 'asks')).filter((status) => status === 'running').length === 1, 'all cancelled')
    expect(await mine.describe()).toMatchObject({ status: 'running' })
    await until(() => hostOf(lab!.engine).store.get('SELECT 1 FROM flow_deletions') === undefined, 'the note is gone')
    expect(await rejection(lab.engine.catalogue.remove('asks'))).toMatchObject({ code: 'flow-running' })
  })

  it('is whole or has not begun, whenever the process is killed', async () => {
    const child = new URL('./catalogue-child.ts', import.meta.url).pathname
    for (const ms of [0, 5, 10, 20, 40, 80]) {
      const store = newFolder()
      const printed = await new Promise<string>((resolve, reject) => {
        const process_ = spawn(process.execPath, [child, store, '400'], { stdio: ['ignore', 'pipe', 'inherit'] })
        let output = ''
        process_.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString()
          if (output.includes('ready')) setTimeout(() => process_.kill('SIGKILL'), ms)
        })
        process_.on('error', reject)
        process_.on('close', () => resolve(output))
      })
      expect(printed).toContain('ready')
      const engine = (await createEngine({ store, functions: { ask: () => null } })) as Lab['engine']
      const found = await engine.catalogue.get('asks').catch(() => null)
      if (found === null) {
        await until(async () => (await statuses(engine, 'asks')).every((status) => status === 'cancelled'), `all cancelled after ${ms} ms`)
      } else {
        expect(printed).not.toContain('deleted')
        expect(await engine.catalogue.aliases('asks')).toMatchObject([{ alias: 'prod' }])
        expect(new Set(await statuses(engine, 'asks'))).toEqual(new Set(['running']))
      }
      await engine.close()
    }
  })
})

it('of a start and a deletion at one moment one is refused', async () => {
  lab = await Lab.open([])
  for (let round = 0; round < 20; round++) {
    await lab.engine.deploy(asks)
    const starting = (): Promise<unknown> => lab!.engine.start('asks')
    const removing = async (): Promise<unknown> => lab!.engine.catalogue.remove('asks')
    const later = async (what: () => Promise<unknown>): Promise<unknown> => {
      for (let at = 0; at < round; at++) await Promise.resolve()
      return what()
    }
    const results = await Promise.allSettled(round % 2 === 0 ? [removing(), later(starting)] : [starting(), later(removing)])
    expect(results.map(({ status }) => status).sort(), `round ${round}`).toEqual(['fulfilled', 'rejected'])
    await lab.engine.catalogue.remove('asks', { force: true }).catch(() => undefined)
  }
})

it('what a failed store has lost is not started, and what was deleted in vain is', async () => {
  lab = await Lab.open([pass('a', 1), pass('b', 1)])
  const { engine } = lab
  const { store, journal } = hostOf(engine)
  const { commit } = store
  store.commit = () => {
    throw new Error('no space')
  }
  const changes = await Promise.allSettled([
    engine.deploy(pass('a', 2)),
    engine.deploy(pass('c', 1)),
    engine.catalogue.remove('b'),
    engine.catalogue.publish('a'),
  ])
  for (const change of changes) expect(change).toMatchObject({ status: 'rejected', reason: { code: 'store-failed' } })
  store.commit = commit
  await until(() => journal.failure === null, 'the store takes writes again')
  expect(await engine.run('a')).toEqual({ n: 1 })
  expect(await engine.run('b')).toEqual({ n: 1 })
  expect(await rejection(engine.run('c'))).toMatchObject({ code: 'flow-not-found' })
  expect((await engine.catalogue.versions('a')).items).toEqual([])
})

it('a child that was started before a crash is that child, whatever its reference leads to by now', async () => {
  const child = { flow: 'child', start: 'h', nodes: { h: { type: 'function', function: 'held' } } }
  const parent = { flow: 'parent', start: 's', nodes: { s: { type: 'subflow', flow: 'child:prod' } } }
  lab = await Lab.open([child])
  await lab.engine.catalogue.publish('child')
  await lab.engine.catalogue.setAlias('child', 'prod', { version: '1' })
  await lab.engine.deploy(parent)
  const { id } = await lab.engine.start('parent')
  await lab.called('held')
  await lab.engine.catalogue.removeAlias('child', 'prod')
  await lab.crash()
  const call = await lab.called('held', 2)
  call.resolve({ from: 'the child' })
  expect(await lab.engine.result(id)).toEqual({ from: 'the child' })
  expect((await lab.engine.list({ flow: 'child' })).items).toHaveLength(1)
})

it('executions of express flows in this process keep a flow, too', async () => {
  lab = await Lab.open([{ flow: 'fast', mode: 'express', start: 'h', nodes: { h: { type: 'function', function: 'held' } } }])
  const execution = await lab.engine.start('fast')
  expect(await rejection(lab.engine.catalogue.remove('fast'))).toMatchObject({ code: 'flow-running' })
  await lab.engine.catalogue.remove('fast', { force: true })
  expect(await rejection(execution.result())).toMatchObject({ executionStatus: 'cancelled' })
})

it('an engine without a store has a catalogue as long as it lives', async () => {
  const engine = await createEngine({ engine: 'express' })
  await engine.deploy(pass('early', 1, { mode: 'express' }))
  expect(await engine.catalogue.publish('early')).toMatchObject({ version: '1' })
  await engine.deploy(pass('early', 2, { mode: 'express' }))
  expect([await engine.run('early'), await engine.run('early:1')]).toEqual([{ n: 2 }, { n: 1 }])
  expect(await rejection(engine.catalogue.put(pass('slow', 1)))).toMatchObject({ code: 'not-express' })
  await engine.catalogue.remove('early')
  expect(await rejection(engine.run('early:1'))).toMatchObject({ code: 'flow-not-found' })
  await engine.close()
  expect(await rejection(engine.catalogue.list())).toMatchObject({ code: 'engine-closed' })
})

it('a store of before the catalogue is taken over; texts that it has not kept are to be put again', async () => {
  const store = newFolder()
  const made = await createEngine()
  const plans = await Promise.all([pass('b', 1), pass('a', 2, { mode: 'express' })].map((flow) => made.deploy(flow)))
  await made.close()
  mkdirSync(store, { recursive: true })
  const db = new DatabaseSync(join(store, 'fnflow.db'))
  db.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1`)
  plans.forEach(({ flow, hash, plan }, at) => {
    db.prepare('INSERT INTO plans (hash, plan) VALUES (?, ?)').run(hash, JSON.stringify(plan))
    db.prepare('INSERT INTO flows (name, hash, deployed_at) VALUES (?, ?, ?)').run(flow, hash, 1000 + at)
  })
  db.close()
  const engine = await createEngine({ store })
  expect((await engine.catalogue.list()).items).toMatchObject([
    { flow: 'a', mode: 'express', hash: plans[1]!.hash },
    { flow: 'b', mode: 'standard', etag: plans[0]!.hash },
  ])
  expect([await engine.run('a'), await engine.run('b')]).toEqual([{ n: 2 }, { n: 1 }])
  expect(await rejection(engine.catalogue.get('b'))).toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('put it again') as unknown,
  })
  await engine.catalogue.publish('b')
  await engine.catalogue.put(pass('b', 3), { ifMatch: [plans[0]!.hash] })
  expect(JSON.parse((await engine.catalogue.get('b')).text)).toEqual(pass('b', 3))
  expect([await engine.run('b'), await engine.run('b:1')]).toEqual([{ n: 3 }, { n: 1 }])
  await engine.close()
})
