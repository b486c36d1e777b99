import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Registry } from '../../../../engine/temporal/registry/registry.ts'
import { registryLab } from './lab.ts'

const lab = registryLab()
const MIB = 1024 * 1024
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex')
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fnflow-payloads-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const stores = {
  'a table': (scope: string): Promise<Registry> => lab.open({ scope }),
  'a folder': (scope: string): Promise<Registry> => lab.open({ scope, payloadFolder: folder }),
}

/** Owners are ids of executions; whatever they are, they stay apart and inside of the folder. */
const OWNERS = ['plain', 'with.dots', '..', '.', '.hidden', 'a/b', '../../etc', '~', 'ü 😀', 'x'.repeat(500), 'CON', 'a\\b', '%2e%2e', '']

describe.for(Object.entries(stores))('payloads in %s', ([name, open]) => {
  let counter = 0
  /** Two processes with one store. */
  const pair = async (): Promise<[Registry, Registry]> => {
    const scope = `${name}-${counter++}`
    return [await open(scope), await open(scope)]
  }

  test('come back by owner and hash', async () => {
    const [writer, reader] = await pair()
    const values = [new Uint8Array(), Uint8Array.of(0), Buffer.from('{"a":1}'), Buffer.from('text '.repeat(5000)), randomBytes(20_000)]
    for (const value of values) {
      const hash = await writer.payloads.put('e', value)
      expect(hash).toBe(sha256(value))
      for (const registry of [reader, writer]) expect(equal(await registry.payloads.get('e', hash), value)).toBe(true)
    }
  })

  test('a view on a larger buffer is stored as the view', async () => {
    const [writer, reader] = await pair()
    const whole = randomBytes(100_000)
    const hash = await writer.payloads.put('e', whole.subarray(500, 50_500))
    expect(equal(await reader.payloads.get('e', hash), whole.subarray(500, 50_500))).toBe(true)
    const copy = Uint8Array.from(whole.subarray(500, 50_500))
    whole.fill(0)
    expect(equal(await writer.payloads.get('e', hash), copy)).toBe(true)
  })

  test.for([
    ['of 6 MiB that shrink', () => Buffer.from('0123456789abcdef'.repeat((6 * MIB) / 16))],
    ['of 6 MiB that do not', () => randomBytes(6 * MIB)],
    [
      'of 64 MiB that shrink',
      () =>
        Buffer.from(
          randomBytes(16 * MIB)
            .toString('hex')
            .repeat(2),
        ),
    ],
    ['of 64 MiB that do not', () => randomBytes(64 * MIB)],
  ] as const)('%s', { timeout: 180_000 }, async ([, make]) => {
    const [writer, reader] = await pair()
    const value = make()
    const hash = await writer.payloads.put('e', value)
    expect(equal(await reader.payloads.get('e', hash), value)).toBe(true)
  })

  test('owners stay apart, whatever they are called', async () => {
    const [writer, reader] = await pair()
    for (const owner of OWNERS) await writer.payloads.put(owner, Buffer.from(`of ${owner}`))
    for (const owner of OWNERS) {
      const hash = sha256(Buffer.from(`of ${owner}`))
      expect(Buffer.from(await reader.payloads.get(owner, hash)).toString()).toBe(`of ${owner}`)
      for (const other of OWNERS.filter((it) => it !== owner)) await expect(reader.payloads.get(other, hash)).rejects.toThrow('is not in')
    }
    expect(readdirSync(join(folder, '..'))).not.toContain('etc')
  })

  test('are common to all scopes, as workers are', async () => {
    const [one] = await pair()
    const [other] = await pair()
    const value = randomBytes(100)
    const hash = await one.payloads.put('e', value)
    expect(equal(await other.payloads.get('e', hash), value)).toBe(true)
    expect((await one.scoped('any')).payloads).toBe(one.payloads)
  })

  test('putting the same again, and in many processes at once, keeps one', async () => {
    const [one, other] = await pair()
    for (const value of [Buffer.from('small'), randomBytes(200_000)]) {
      const hashes = await Promise.all(Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? one : other).payloads.put('e', value)))
      expect(new Set(hashes)).toEqual(new Set([sha256(value)]))
      expect(equal(await other.payloads.get('e', hashes[0]!), value)).toBe(true)
    }
  })

  test('one that is missing is named by owner and hash', async () => {
    const [one] = await pair()
    const hash = 'ab'.repeat(32)
    await expect(one.payloads.get('some-execution', hash)).rejects.toMatchObject({
      name: 'EngineError',
      code: 'store-unusable',
      message: expect.stringMatching(new RegExp(`${hash}.*some-execution`)),
    })
  })

  test.for(['', 'abc', '../../../../etc/passwd', 'AB'.repeat(32), `${'ab'.repeat(32)}/`])('%j is no hash', async (hash) => {
    const [one] = await pair()
    await expect(one.payloads.get('e', hash)).rejects.toMatchObject({ code: 'store-unusable', message: expect.stringContaining('SHA-256') })
  })

  test('those of a deleted owner are gone, also from memory, and can be put again', async () => {
    const [one, other] = await pair()
    const values = [Buffer.from('a'), randomBytes(100_000)]
    const hashes = await Promise.all(values.map((value) => one.payloads.put('e', value)))
    const kept = await one.payloads.put('f', values[0]!)
    await one.payloads.deleteOwner('e')
    await one.payloads.deleteOwner('e')
    for (const hash of hashes)
      for (const registry of [one, other]) await expect(registry.payloads.get('e', hash)).rejects.toThrow('is not in')
    expect(await other.payloads.get('f', kept)).toHaveLength(1)
    for (const value of values) await one.payloads.put('e', value)
    for (const hash of hashes) expect(await other.payloads.get('e', hash)).toBeDefined()
  })

  test('many that read one at the same time read it once', async () => {
    const [one, other] = await pair()
    const hash = await one.payloads.put('e', randomBytes(100_000))
    const read = await Promise.all(Array.from({ length: 20 }, () => other.payloads.get('e', hash)))
    expect(new Set(read).size).toBe(1)
  })
})

describe('what is damaged is noticed', () => {
  const hash = sha256(Buffer.from('right'))

  test('in the table', async () => {
    const [one, other] = [await lab.open({ scope: 'damaged' }), await lab.open({ scope: 'damaged' })]
    await one.payloads.put('e', Buffer.from('right'))
    await lab.sql("UPDATE fnflow.payloads SET data = 'wrong' WHERE hash = $1", [Buffer.from(hash, 'hex')])
    await expect(other.payloads.get('e', hash)).rejects.toMatchObject({
      code: 'store-unusable',
      message: expect.stringContaining('is damaged'),
    })
    await lab.sql('UPDATE fnflow.payloads SET deflated = true WHERE hash = $1', [Buffer.from(hash, 'hex')])
    await expect(other.payloads.get('e', hash)).rejects.toMatchObject({ message: expect.stringContaining('is damaged') })
  })

  test('in the folder, where what a killed process began is not taken for a payload', async () => {
    const own = mkdtempSync(join(folder, 'own-'))
    const open = (): Promise<Registry> => lab.open({ scope: '', payloadFolder: own })
    const [one, other] = [await open(), await open()]
    await one.payloads.put('e', Buffer.from('right'))
    const owner = join(own, sha256(Buffer.from('e', 'utf16le')).slice(0, 2), 'e')
    expect(readdirSync(owner)).toEqual([hash])
    writeFileSync(join(owner, `${hash}.x.tmp`), 'rig')
    writeFileSync(join(owner, hash), 'rig')
    await expect(other.payloads.get('e', hash)).rejects.toMatchObject({
      code: 'store-unusable',
      message: expect.stringContaining('is damaged'),
    })
    await one.payloads.deleteOwner('e')
    expect(existsSync(owner)).toBe(false)
  })
})

test('a folder that cannot be written to says so', async () => {
  const file = join(folder, 'a-file')
  writeFileSync(file, '')
  const registry = await lab.open({ payloadFolder: file })
  await expect(registry.payloads.put('e', Buffer.from('x'))).rejects.toMatchObject({
    code: 'store-failed',
    message: expect.stringContaining(file),
  })
})
