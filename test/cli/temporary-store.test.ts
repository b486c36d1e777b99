import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, expect, it, vi } from 'vitest'
import { makeTemporaryStore, sweepTemporaryStores } from '../../cli/temporary-store.ts'
import { folderWith } from './support.ts'

afterEach(() => void vi.unstubAllEnvs())

it('a sweep removes what killed processes left, and nothing else', async () => {
  const tmp = folderWith({ 'fnflow-run-file': '', 'other/x': '' })
  vi.stubEnv('TMPDIR', tmp)
  const make = (locked: boolean): { folder: string; lock: DatabaseSync } => {
    const folder = makeTemporaryStore()
    const lock = new DatabaseSync(join(folder, 'lock.db'))
    if (locked) lock.exec('BEGIN EXCLUSIVE')
    else lock.close()
    return { folder, lock }
  }
  const owned = make(true)
  const left = make(false)
  const foreign = join(tmp, 'fnflow-of-a-user')
  mkdirSync(foreign)
  for (const folder of [owned.folder, left.folder, foreign]) utimesSync(folder, 0, 0)
  const young = make(false)
  writeFileSync(join(young.folder, 'fnflow.db'), '')

  await sweepTemporaryStores()
  expect([owned.folder, left.folder, young.folder, foreign].map((folder) => existsSync(folder))).toEqual([true, false, true, true])
  owned.lock.close()
})

it('where no folder can be made it says so, with exit code 3', () => {
  vi.stubEnv('TMPDIR', '/nowhere/at/all')
  expect(makeTemporaryStore).toThrow(expect.objectContaining({ exitCode: 3, message: expect.stringContaining('--store') as unknown }))
})
