import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { rejection } from '../calls.ts'
import { hashOf, newKey, type StoredKey } from '../../../engine/keys/api-key.ts'
import { KeyRing } from '../../../engine/keys/key-ring.ts'
import { KeysFile } from '../../../engine/keys/keys-file.ts'
import { folderWith, ROOT } from '../../cli/support.ts'

const stored = (name: string, key: string = newKey(), more: Partial<StoredKey> = {}): StoredKey => ({
  name,
  role: 'viewer',
  hash: hashOf(key),
  createdAt: 1,
  ...more,
})

describe('a key', () => {
  it('is random, and says what it is', () => {
    const keys = Array.from({ length: 1000 }, newKey)
    expect(new Set(keys).size).toBe(1000)
    // 256 bits
    for (const key of keys) expect(key).toMatch(/^fnflow_[A-Za-z0-9_-]{43}$/)
  })
})

describe('keys.json', () => {
  it('keeps keys as hashes, for its owner alone', async () => {
    const folder = join(folderWith(), 'deep/er')
    const file = new KeysFile(folder)
    expect(await file.list()).toEqual([])
    const key = newKey()
    expect(await file.add(stored('a', key, { flows: ['x'] }))).toBe(true)
    expect(await file.add(stored('a'))).toBe(false)
    expect(await file.add(stored('b'))).toBe(true)
    const text = readFileSync(join(folder, 'keys.json'), 'utf8')
    expect(text).not.toContain(key)
    expect(text).not.toContain(key.slice(7))
    expect(statSync(join(folder, 'keys.json')).mode & 0o777).toBe(0o600)
    expect(await new KeysFile(folder).list()).toMatchObject([{ name: 'a', role: 'viewer', flows: ['x'], hash: hashOf(key) }, { name: 'b' }])
    expect(await file.remove('a')).toBe(true)
    expect(await file.remove('a')).toBe(false)
    expect((await file.list()).map(({ name }) => name)).toEqual(['b'])
    // nothing half written stays
    expect(readdirSync(folder).sort()).toEqual(['keys.json', 'keys.lock'])
  })

  it('loses none of those that many processes add at once, and is whole for whoever reads meanwhile', async () => {
    const folder = folderWith()
    const script = `
      import { KeysFile } from ${JSON.stringify(join(ROOT, 'engine/keys/keys-file.ts'))}
      const file = new KeysFile(process.argv[1])
      for (let at = 0; at < 5; at++)
        await file.add({ name: process.argv[2] + at, role: 'viewer', hash: 'a'.repeat(64), createdAt: 1 })`
    const reader = new KeysFile(folder, (error) => {
      throw error
    })
    const ends = ['a', 'b', 'c', 'd'].map(
      (name) =>
        new Promise<number | null>((resolve) =>
          spawn(process.execPath, ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', script, folder, name], {
            stdio: 'inherit',
          }).on('close', resolve),
        ),
    )
    let done = false
    const all = Promise.all(ends).finally(() => (done = true))
    let most = 0
    while (!done) {
      const { length } = reader.current(true)
      expect(length).toBeGreaterThanOrEqual(most)
      most = length
      await sleep(5)
    }
    expect(await all).toEqual([0, 0, 0, 0])
    expect(await reader.list()).toHaveLength(20)
  })

  it.each([
    ['nonsense', /it is no JSON/],
    ['{}', /no list keys/],
    ['{"keys":[{}]}', /has not name/],
    [JSON.stringify({ keys: [stored('a', 'x', { role: 'king' as never })] }), /a role is/],
    [JSON.stringify({ keys: [stored('a', 'x', { hash: 'secret' })] }), /the hash of key a is none/],
    [JSON.stringify({ keys: [{ ...stored('a'), flow: ['x'] }] }), /unknown member flow/],
    [JSON.stringify({ keys: [stored('a', 'x', { flows: 'x' as never })] }), /has not name/],
  ])('that is %s is no key to anything', async (text, reason) => {
    const folder = folderWith({ 'keys.json': text })
    expect(await rejection(new KeysFile(folder).list())).toMatchObject({
      code: 'store-unusable',
      message: expect.stringMatching(reason) as unknown,
    })
    expect(await rejection(new KeysFile(folder).add(stored('b')))).toMatchObject({ code: 'store-unusable' })
    expect(() => new KeysFile(folder).current(true)).toThrow(reason)
    expect(readFileSync(join(folder, 'keys.json'), 'utf8')).toBe(text)
  })
})

describe('a server beside keys.json', () => {
  it('takes a key as soon as it is there, and no longer than it is', async () => {
    const file = new KeysFile(folderWith())
    const ring = new KeyRing([], file)
    expect(await ring.areNeeded()).toBe(false)
    const [key, other] = [newKey(), newKey()]
    await file.add(stored('a', key, { role: 'operator', flows: ['x'] }))
    expect(await ring.find(key)).toMatchObject({ name: 'a', role: 'operator', flows: ['x'] })
    expect(await ring.find(other)).toBeUndefined()
    await expect.poll(() => ring.areNeeded()).toBe(true)
    await file.add(stored('b', other))
    expect(await ring.find(other)).toMatchObject({ name: 'b' })
    await file.remove('a')
    await expect.poll(() => ring.find(key)).toBeUndefined()
  })

  it('does not open when the last key, or the file, is gone', async () => {
    const folder = folderWith()
    const file = new KeysFile(folder)
    const key = newKey()
    await file.add(stored('a', key))
    const ring = new KeyRing([], file)
    expect(await ring.areNeeded()).toBe(true)
    rmSync(join(folder, 'keys.json'))
    await expect.poll(() => ring.find(key)).toBeUndefined()
    expect(await ring.areNeeded()).toBe(true)
  })

  it('keeps to the keys from before while the file is broken, and says so once', async () => {
    const folder = folderWith()
    const errors: unknown[] = []
    const file = new KeysFile(folder, (error) => errors.push(error))
    const key = newKey()
    await file.add(stored('a', key))
    const ring = new KeyRing([], file)
    expect(await ring.find(key)).toMatchObject({ name: 'a' })
    writeFileSync(join(folder, 'keys.json'), '{"keys": [')
    for (let at = 0; at < 3; at++) expect(await ring.find(newKey())).toBeUndefined()
    expect(await ring.find(key)).toMatchObject({ name: 'a' })
    expect(errors).toMatchObject([{ code: 'store-unusable' }])
  })

  it('does not take a first file that it cannot read for none', () => {
    const folder = folderWith()
    const ring = new KeyRing([], new KeysFile(folder))
    expect(ring.areNeeded()).toBe(false)
    writeFileSync(join(folder, 'keys.json'), '{"keys": [')
    expect(() => ring.find(newKey())).toThrow(/it is no JSON/)
  })

  it('takes the keys of its configuration beside them', async () => {
    const [key, other] = [newKey(), newKey()]
    const file = new KeysFile(folderWith())
    const ring = new KeyRing([{ name: 'configured', role: 'admin', key }], file)
    expect(ring.areNeeded()).toBe(true)
    await file.add(stored('a', other))
    expect(await ring.find(key)).toMatchObject({ name: 'configured', role: 'admin' })
    expect(await ring.find(other)).toMatchObject({ name: 'a' })
    expect(await new KeyRing([{ name: 'configured', role: 'admin', key }]).find(key)).toMatchObject({ name: 'configured' })
  })
})
