import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { CodeFolder } from '../../../engine/function-uploads/code-folder.ts'
import { archiveHash } from '../../../executors/archive/unpack.ts'
import { readZip } from '../../../executors/archive/zip.ts'
import { folderWith } from '../../cli/support.ts'
import { zipOf } from '../../executors/zips.ts'

afterEach(() => vi.unstubAllEnvs())

const archiveOf = (content: string) => {
  const bytes = zipOf([{ name: 'index.mjs', content }])
  return { bytes, hash: archiveHash(bytes), contents: readZip(bytes) }
}
const isEmpty = (folder: string) => readdirSync(folder).length === 0

describe('the folder of functions’ code', () => {
  it('keeps what was replaced for as long as it may be needed', async () => {
    const root = join(folderWith(), 'functions')
    const [one, other] = [archiveOf('one'), archiveOf('other')]
    const patient = await CodeFolder.open(root, new Set())
    await patient.keep(one.hash, one.contents)
    await patient.keep(other.hash, other.contents)
    for (let n = 0; n < 3; n++) patient.retain(new Set([other.hash]))
    await patient.close()
    expect(readdirSync(root).sort()).toEqual([one.hash, other.hash].sort())

    const hasty = await CodeFolder.open(root, new Set([one.hash, other.hash]), 0)
    hasty.retain(new Set([other.hash]))
    hasty.retain(new Set([one.hash, other.hash]))
    hasty.retain(new Set([other.hash]))
    // it comes back while it is about to go
    hasty.retain(new Set([other.hash]))
    await hasty.keep(one.hash, one.contents)
    expect(existsSync(join(root, one.hash, 'index.mjs'))).toBe(true)
    hasty.retain(new Set([other.hash]))
    hasty.retain(new Set([other.hash]))
    await hasty.close()
    expect(readdirSync(root)).toEqual([other.hash])
  })

  it('is of one process, and goes with it, or is swept by the next one', async () => {
    const tmp = folderWith()
    vi.stubEnv('TMPDIR', tmp)
    const living = await CodeFolder.open(null, new Set())
    const killed = join(tmp, 'fnflow-functions-killed')
    mkdirSync(join(killed, 'code'), { recursive: true })
    writeFileSync(join(killed, 'lock.db'), '')
    for (const name of readdirSync(tmp)) utimesSync(join(tmp, name), 0, 0)
    const second = await CodeFolder.open(null, new Set())
    expect(existsSync(killed)).toBe(false)
    const { hash, contents, bytes } = archiveOf('x')
    await living.keep(hash, contents)
    const read = vi.fn(async () => bytes as Uint8Array)
    await second.fetch(hash, read)
    await second.fetch(hash, read)
    expect(read).toHaveBeenCalledTimes(1)
    for (const folder of [living, second]) {
      expect(existsSync(join(folder.root, hash, 'index.mjs'))).toBe(true)
      await folder.close()
    }
    expect(isEmpty(tmp)).toBe(true)
  })

  it('takes no code from a store that is not what it is called', async () => {
    vi.stubEnv('TMPDIR', folderWith())
    const folder = await CodeFolder.open(null, new Set())
    const { hash, bytes } = archiveOf('x')
    await expect(folder.fetch(hash, async () => undefined)).rejects.toThrow(/not in the store/)
    await expect(folder.fetch(hash, async () => archiveOf('y').bytes)).rejects.toThrow(/damaged/)
    const outside = zipOf([{ name: '../x' }])
    await expect(folder.fetch(archiveHash(outside), async () => outside)).rejects.toThrow(/leads out/)
    await folder.fetch(hash, async () => bytes)
    expect(readdirSync(folder.root)).toEqual([hash])
    await folder.close()
  })
})
