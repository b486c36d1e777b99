import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { migrateSchema } from '../../../../engine/temporal/registry/migrate.ts'
import { newDatabase } from '../services.ts'
import { registryLab, withClient } from './lab.ts'

const lab = registryLab()
const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

function folderWith(files: Readonly<Record<string, string>>): { readonly url: URL; write(name: string, sql: string): void } {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-migrations-'))
  folders.push(folder)
  const write = (name: string, sql: string): void => writeFileSync(join(folder, name), sql)
  for (const [name, sql] of Object.entries(files)) write(name, sql)
  return { url: pathToFileURL(`${folder}/`), write }
}

const STEPS = {
  '0002-second.sql': 'INSERT INTO steps VALUES (2); CREATE TABLE second (n int);',
  '0010-tenth.sql': 'INSERT INTO steps VALUES (10);',
  '0001-first.sql': 'CREATE TABLE steps (n int); INSERT INTO steps VALUES (1);',
  'notes.txt': 'not SQL',
}
const migrate = (url: string, folder: URL, more = true): Promise<void> =>
  withClient(url, (client) => migrateSchema(client, 'fnflow', more, [folder]))
const steps = async (url: string): Promise<number[]> =>
  (await lab.sql<{ n: number }>('SELECT n FROM fnflow.steps', [], url)).map(({ n }) => n)
const versions = async (url: string): Promise<number[]> =>
  (await lab.sql<{ version: number }>('SELECT version FROM fnflow.migrations ORDER BY version', [], url)).map(({ version }) => version)

test('migrations run once each, in order, also when many begin at the same time', async () => {
  const url = await newDatabase()
  const { url: folder, write } = folderWith(STEPS)
  await Promise.all(Array.from({ length: 10 }, () => migrate(url, folder)))
  await migrate(url, folder)
  expect(await steps(url)).toEqual([1, 2, 10])
  write('0011-eleventh.sql', 'INSERT INTO steps VALUES (11)')
  await expect(migrate(url, folder, false)).rejects.toMatchObject({ code: 'store-unusable' })
  await Promise.all(Array.from({ length: 10 }, () => migrate(url, folder)))
  await migrate(url, folder, false)
  expect(await steps(url)).toEqual([1, 2, 10, 11])
  expect(await versions(url)).toEqual([1, 2, 10, 11])
})

test('one that fails leaves those before it, and is tried again the next time', async () => {
  const url = await newDatabase()
  const { url: folder, write } = folderWith(STEPS)
  write('0010-tenth.sql', 'INSERT INTO steps VALUES (10); INSERT INTO nowhere VALUES (1);')
  await expect(migrate(url, folder)).rejects.toThrow('nowhere')
  expect(await steps(url)).toEqual([1, 2])
  expect(await versions(url)).toEqual([1, 2])
  write('0010-tenth.sql', 'INSERT INTO steps VALUES (10)')
  await migrate(url, folder)
  expect(await steps(url)).toEqual([1, 2, 10])
})

test('an older program refuses what a newer one has made', async () => {
  const url = await newDatabase()
  const { url: newer } = folderWith(STEPS)
  const { url: older } = folderWith({ '0001-first.sql': STEPS['0001-first.sql'] })
  await migrate(url, newer)
  await expect(migrate(url, older)).rejects.toMatchObject({
    code: 'store-unusable',
    message: expect.stringMatching(/version 10,.*version 1/),
  })
})

test('without its files the program says so', async () => {
  await expect(migrate(lab.url(), folderWith({}).url)).rejects.toMatchObject({
    code: 'store-unusable',
    message: expect.stringContaining('install fnflow again'),
  })
})

test('processes that are killed while they open leave a database that opens', async () => {
  const url = await newDatabase()
  const registry = new URL('../../../../engine/temporal/registry/registry.ts', import.meta.url).href
  const program = `
    const { Registry } = await import(${JSON.stringify(registry)})
    await import('pg')
    console.log('ready')
    const registry = await Registry.open({ url: process.argv[1], scope: 'killed' })
    await registry.saveRecords([])
    setInterval(() => {}, 1000)`
  // from before the first statement to after the last, which takes some 100 ms
  const delays = [0, 5, 10, 20, 30, 45, 60, 90]
  for (let at = 0; at < delays.length; at += 2) {
    await Promise.all(
      delays.slice(at, at + 2).map(async (delay) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', program, url], { stdio: ['ignore', 'pipe', 'inherit'] })
        const exited = once(child, 'exit')
        await once(child.stdout, 'data')
        await new Promise((resolve) => setTimeout(resolve, delay))
        child.kill('SIGKILL')
        await exited
      }),
    )
  }
  const opened = await lab.open({ url, scope: 'killed' })
  await opened.savePlan('h', '{}')
  expect(await lab.sql('SELECT count(*)::int AS scopes FROM fnflow.scopes', [], url)).toEqual([{ scopes: 1 }])
})
