import { describe, expect, test } from 'vitest'
import { DatabaseErrors } from '../../../../engine/temporal/registry/database-errors.ts'
import {
  decodeJournal,
  decodeJson,
  decodeText,
  encodeJournal,
  encodeJson,
  encodeText,
} from '../../../../engine/temporal/registry/encoding.ts'
import { ByteLru } from '../../../../engine/temporal/registry/lru.ts'

describe('values', () => {
  test('are JSON as long as they are small, and can be told from what is deflated', async () => {
    expect((await encodeJson({ a: 'x' })).toString()).toBe('{"a":"x"}')
    const large = { a: 'x'.repeat(10_000) }
    const stored = await encodeJson(large)
    expect(stored.length).toBeLessThan(200)
    expect(await decodeJson(stored)).toEqual(large)
    for (const text of ['"x"', 'x'.repeat(3000), '{}']) expect(await decodeText(await encodeText(text))).toBe(text)
  })

  test('that are damaged are refused', async () => {
    await expect(decodeJson(Buffer.from('{"a"'))).rejects.toThrow(SyntaxError)
    await expect(decodeJson(Buffer.from([0x78, 1, 2, 3]))).rejects.toThrow()
  })

  test('a journal keeps its events apart, whatever is in them', async () => {
    const events = [{ a: 'line\nbreak' }, [], null, 'x', 1, '', '\0\ud800']
    expect(await decodeJournal(await encodeJournal(events))).toEqual(events)
    expect(await decodeJournal(await encodeJournal([]))).toEqual([])
  })

  test('a journal is put together from pieces, so that it may be longer than a string can be', async () => {
    const events = Array.from({ length: 40 }, (_, at) => ({ place: `n#${at}`, data: 'abcdefgh'.repeat(16 * 1024) }))
    const stored = await encodeJournal(events)
    expect(stored.length).toBeLessThan(1024 * 1024)
    expect(await decodeJournal(stored)).toEqual(events)
  })
})

describe('the cache', () => {
  test('keeps what was used last within its bytes', () => {
    const cache = new ByteLru<number>(100)
    cache.set('a', 1, 40)
    cache.set('b', 2, 40)
    expect(cache.get('a')).toBe(1)
    cache.set('c', 3, 40)
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3])
    cache.set('large', 4, 101)
    expect([cache.get('large'), cache.get('a')]).toEqual([undefined, 1])
    cache.set('a', 5, 60)
    expect([cache.get('a'), cache.get('c')]).toEqual([5, 3])
    cache.deleteWhere((key) => key === 'a')
    cache.set('d', 6, 60)
    expect([cache.get('a'), cache.get('c'), cache.get('d')]).toEqual([undefined, 3, 6])
  })
})

describe('errors', () => {
  const errors = new DatabaseErrors({ where: 'host:5432/db', schema: 'fnflow', user: 'me' }, 'p@ss word')

  test('lose the password in whatever form the driver quotes it', () => {
    for (const quoted of ['p@ss word', 'p%40ss%20word']) {
      for (const error of [errors.unusable(new Error(`bad ${quoted}!`)), errors.failed(new Error(`bad ${quoted}!`))]) {
        expect(error.message).toContain('bad ***!')
        expect(String((error.cause as Error).message)).not.toContain(quoted)
      }
    }
  })

  test('of a name with several addresses tell all', () => {
    const refused = new AggregateError([new Error('connect ECONNREFUSED ::1:5432'), new Error('connect ECONNREFUSED 127.0.0.1:5432')], '')
    expect(errors.unusable(refused).message).toMatch(
      /ECONNREFUSED ::1:5432, connect ECONNREFUSED 127\.0\.0\.1:5432\. See that PostgreSQL runs/,
    )
  })

  test.for([
    ['28P01', 'store-unusable', false, 'Correct user and password'],
    ['42P01', 'store-unusable', false, 'restore them from a backup'],
    ['53100', 'store-failed', true, 'the space that it lacks'],
    ['53300', 'store-failed', true, 'max_connections'],
    ['25006', 'store-failed', true, 'primary server'],
    ['57P01', 'store-failed', true, 'PostgreSQL runs'],
    ['22021', 'store-failed', false, 'log of PostgreSQL'],
  ] as const)('of SQLSTATE %s tell what to do', ([code, expected, passing, remedy]) => {
    const error = Object.assign(new Error('it says no'), { code, severity: 'ERROR' })
    expect(errors.failed(error)).toMatchObject({ code: expected, passing, message: expect.stringContaining(remedy) })
  })
})
