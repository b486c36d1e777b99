import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createEngine } from '../../engine/create-engine.ts'
import type { Engine } from '../../engine/api.ts'
import { hostOf } from './lab.ts'

let folder: string
let store: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fnflow-store-'))
  store = join(folder, 'store')
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const functions = { echo: (event: unknown) => event }
const open = (): Promise<Engine> => createEngine({ store, functions })
const echo = { flow: 'echo', start: 'e', nodes: { e: { type: 'function', function: 'echo' } } }
const file = (): string => join(store, 'fnflow.db')

async function filled(count = 1): Promise<void> {
  const engine = await open()
  await engine.deploy(echo)
  for (let at = 0; at < count; at++) await engine.run('echo', { id: `e${at}`, input: { at, text: 'x'.repeat(500) } })
  await engine.close()
}

it('what is new is for its owner alone to read', async () => {
  const engine = await open()
  await engine.deploy(echo)
  await engine.run('echo', { input: 1 })
  const modes = ['', 'lock.db', 'fnflow.db', 'fnflow.db-wal'].map((name) => (statSync(join(store, name)).mode & 0o777).toString(8))
  await engine.close()
  expect(modes).toEqual(['700', '600', '600', '600'])
})

it('a second process, and a second engine in this one, is told that the store is in use; a killed owner lets go of it', async () => {
  const script = `
    const { createEngine } = await import(${JSON.stringify(new URL('../../engine/create-engine.ts', import.meta.url).href)})
    await createEngine({ store: process.argv[1] }); console.log('open'); setInterval(() => {}, 1000)`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script, store], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(owner.stdout, 'data')
  await expect(open()).rejects.toMatchObject({
    name: 'EngineError',
    code: 'store-locked',
    message: expect.stringMatching(/in use by another process.*Stop that one, or name another folder/),
  })
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  const engine = await open()
  await expect(open()).rejects.toMatchObject({ code: 'store-locked' })
  await engine.close()
  await (await open()).close()
})

it.for([
  ['garbage', (path: string) => writeFileSync(path, Buffer.alloc(20_000, 'garbage '))],
  ['a torn first page', (path: string) => truncateSync(path, 700)],
  ['a torn end', (path: string) => truncateSync(path, Math.floor(statSync(path).size / 3))],
  [
    'zeros in the middle',
    (path: string) => {
      const bytes = readFileSync(path)
      writeFileSync(path, bytes.fill(0, 4096, bytes.length - 4096))
    },
  ],
  [
    'another database',
    (path: string) => {
      rmSync(path)
      const db = new DatabaseSync(path)
      db.exec('CREATE TABLE mine (x); PRAGMA user_version = 1')
      db.close()
    },
  ],
] as const)('a damaged file is told of clearly: %s', async ([, damage]) => {
  await filled(40)
  damage(file())
  const refusal = await open().then(
    async (engine) => {
      // opened, as the damage lies deeper: whatever reads it says so
      const results = await Promise.allSettled([
        engine.list({ limit: 200 }),
        ...Array.from({ length: 40 }, (_, at) => engine.nodes(`e${at}`)),
      ])
      await engine.close()
      return (results.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined)?.reason as unknown
    },
    (error: unknown) => error,
  )
  expect(refusal).toMatchObject({ name: 'EngineError', message: expect.stringMatching(/restore the folder from a backup|cannot be used/) })
})

it('a lost WAL, a newer version, a file in place of the folder, and a folder that cannot be written', async () => {
  await filled()
  rmSync(`${file()}-wal`, { force: true })
  rmSync(`${file()}-shm`, { force: true })
  let engine = await open()
  expect((await engine.list()).items).toHaveLength(1)
  await engine.close()

  const db = new DatabaseSync(file())
  db.exec('PRAGMA user_version = 99')
  db.close()
  await expect(open()).rejects.toMatchObject({
    code: 'store-unusable',
    message: expect.stringMatching(/newer fnflow \(version 99.*upgrade fnflow/),
  })

  store = join(folder, 'file')
  writeFileSync(store, 'not a folder')
  await expect(open()).rejects.toMatchObject({ code: 'store-unusable' })
  expect(readFileSync(store, 'utf8')).toBe('not a folder')

  store = '/proc/fnflow-store'
  await expect(open()).rejects.toMatchObject({ code: 'store-unusable', message: expect.stringContaining('/proc/fnflow-store') })

  store = join(folder, 'deep', 'er', 'store')
  engine = await open()
  await engine.close()
  expect(existsSync(file())).toBe(true)

  // root may write everywhere but on what is mounted read-only
  const disk = mkdtempSync(join(folder, 'disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk])
  try {
    store = join(disk, 'store')
    await filled()
    execFileSync('mount', ['-o', 'remount,ro', disk])
    await expect(open()).rejects.toMatchObject({
      code: 'store-unusable',
      message: expect.stringMatching(/is not read-only and may be written/),
    })
    store = join(disk, 'another')
    await expect(open()).rejects.toMatchObject({
      code: 'store-unusable',
      message: expect.stringMatching(/is not read-only and may be written/),
    })
  } finally {
    execFileSync('umount', ['-l', disk])
  }
})

it('what was there and is not a store is left alone', async () => {
  mkdirSync(store)
  writeFileSync(join(store, 'notes.txt'), 'mine')
  await filled()
  expect(readFileSync(join(store, 'notes.txt'), 'utf8')).toBe('mine')
})

it('records are deleted some time after the end, in batches; what runs and what is younger stays', async () => {
  const engine = await open()
  await engine.deploy(echo)
  await engine.deploy({ flow: 'long', start: 'w', nodes: { w: { type: 'wait', seconds: 600 } } })
  await Promise.all(Array.from({ length: 450 }, (_, at) => engine.run('echo', { id: `e${at}`, input: at })))
  await engine.start('long', { id: 'long' })
  await engine.run('echo', { id: 'young', input: 1 })
  await engine.close()
  const db = new DatabaseSync(file())
  db.exec("UPDATE executions SET started_at = started_at - 1e7, ended_at = ended_at - 1e7 WHERE id <> 'young'")
  db.close()
  const again = await createEngine({ store, functions, retentionMs: 1e6 })
  await expect.poll(async () => (await again.list({ limit: 200 })).items.map(({ id }) => id), { timeout: 5000 }).toEqual(['young', 'long'])
  await again.close()
  const left = new DatabaseSync(file())
  const count = (table: string): unknown => left.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']
  expect([count('executions'), count('events'), count('logs'), count('timers')]).toEqual([2, 1, 0, 1])
  left.close()
})

it('data comes back as it went in: 5 MiB, every kind of text, __proto__ and lone surrogates', async () => {
  const nasty = JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":2},"":0,"\\u0000":"\\u0000","é😀":"\\ud800 \\udfff\\ud83d","n":[1e300,-0.1,5e-324]}',
  ) as object
  const input = { nasty, big: 'ü'.repeat(2.4 * 1024 * 1024), mega: 'x'.repeat(1024 * 1024) }
  const engine = await open()
  await engine.deploy({
    flow: 'data',
    start: 'e',
    nodes: {
      e: { type: 'function', function: 'echo', params: { all: '$' }, next: 'w' },
      w: { type: 'wait', seconds: 0.05, output: '$.all' },
    },
  })
  await engine.start('data', { id: 'd', input: input as never })
  await engine.close()
  const again = await open()
  const output = (await again.result('d')) as typeof input
  expect(JSON.stringify(output) === JSON.stringify(input)).toBe(true)
  expect(Object.keys(output.nasty)).toEqual(Object.keys(nasty))
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  const [record] = await again.nodes('d')
  expect(JSON.stringify(record!.output) === JSON.stringify({ all: input })).toBe(true)
  expect((await again.describe('d')).input).toEqual(input)
  await again.close()
})

it('a plan whose deployment was not written is written with the first execution', async () => {
  const engine = await open()
  const { journal } = hostOf(engine)
  journal.write(() => {
    throw new Error('no more')
  })
  await expect(engine.deploy(echo)).rejects.toMatchObject({ code: 'store-failed' })
  await expect(engine.start('echo')).rejects.toMatchObject({ code: 'flow-not-found' })
  await expect
    .poll(
      () =>
        engine.deploy(echo).then(
          () => 'deployed',
          () => 'failed',
        ),
      { timeout: 5000 },
    )
    .toBe('deployed')
  await engine.run('echo', { id: 'e', input: 1 })
  await engine.close()
  const again = await open()
  expect(await again.nodes('e')).toMatchObject([{ output: 1 }])
  expect(await again.run('echo', { input: 2 })).toBe(2)
  await again.close()
})
