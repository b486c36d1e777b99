import { createHash, createHmac, randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { callbackToken, derivedId, derivedIdAt, newId, storeId, tokenHash } from '../../engine/ids.ts'

it('new ids are UUIDs of version 7, each greater than the one before, with random ends', () => {
  const ids = Array.from({ length: 20_000 }, () => newId())
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(ids.every((id, at) => at === 0 || id > (ids[at - 1] as string))).toBe(true)
  expect(new Set(ids.map((id) => id.slice(19))).size).toBe(ids.length)
  expect(new Set(ids.map((id) => id[19]))).toEqual(new Set(['8', '9', 'a', 'b']))
})

it('tokens are HMACs of their place, by the secret of the store', () => {
  const secret = randomBytes(32)
  const token = callbackToken(secret, 'execution', 'ask/é')
  expect(token).toBe(createHmac('sha256', secret).update('callback\0execution\0ask/é').digest('base64url'))
  expect(callbackToken(randomBytes(32), 'execution', 'ask/é')).not.toBe(token)
  expect(tokenHash(token)).toBe(createHash('sha256').update(token).digest('base64url'))
})

it('a store has one id, and each application in it', () => {
  const secret = randomBytes(32)
  expect(storeId(secret)).toBe(storeId(Uint8Array.from(secret)))
  const ids = [storeId(secret), storeId(secret, '1'), storeId(secret, '2'), storeId(randomBytes(32))]
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^[\w-]{12}$/)
})

it('a derived id follows from its parts', () => {
  expect(derivedId('a', 'b')).toBe(derivedId('a', 'b'))
  expect(derivedId('a', 'b')).not.toBe(derivedId('ab'))
  expect(derivedId('a', 'b')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

it('a derived id may begin with a time, by which it is ordered; one that is none changes nothing', () => {
  const at = 1_790_000_000_123
  expect(derivedIdAt(at, 'a', 'b')).toBe(derivedIdAt(at, 'a', 'b'))
  expect(derivedIdAt(at, 'a', 'b')).not.toBe(derivedIdAt(at, 'a', 'c'))
  expect(derivedIdAt(at, 'a', 'b')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(Number.parseInt(derivedIdAt(at, 'a').replace('-', '').slice(0, 12), 16)).toBe(at)
  expect(derivedIdAt(at, 'z') < derivedIdAt(at + 1, 'a')).toBe(true)
  for (const none of [NaN, -1, 2 ** 48, Infinity]) expect(derivedIdAt(none, 'a', 'b')).toBe(derivedId('a', 'b'))
})
