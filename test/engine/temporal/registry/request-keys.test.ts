import { expect, test } from 'vitest'
import type { RequestKeys } from '../../../../engine/temporal/registry/request-keys.ts'
import { endConnections, registryLab } from './lab.ts'

const lab = registryLab()
const DAY_MS = 86_400_000
const LEASE_MS = 60_000
const key = Buffer.alloc(32, 'k')
const content = Buffer.alloc(32, 'c')
const other = Buffer.alloc(32, 'o')

const claim = (keys: RequestKeys, owner: string, id: string, leaseMs = LEASE_MS, asked: Uint8Array = content) =>
  keys.claim(key, asked, id, owner, leaseMs)

test('of twenty claims at once, from several processes, one has the key', async () => {
  const registries = await Promise.all(Array.from({ length: 4 }, () => lab.open({ scope: 'race' })))
  const claims = await Promise.all(Array.from({ length: 20 }, (_, at) => claim(registries[at % 4]!.requestKeys, `owner-${at}`, `id-${at}`)))
  expect(claims.filter(({ state }) => state === 'claimed')).toHaveLength(1)
  expect(claims.filter(({ state }) => state === 'held')).toHaveLength(19)
})

test('a key is held as long as its lease is renewed, and then taken over with its id', async () => {
  const { requestKeys: keys } = await lab.open()
  expect(await claim(keys, 'a', 'first')).toEqual({ state: 'claimed', id: 'first', repeated: false })
  expect(await claim(keys, 'b', 'second')).toEqual({ state: 'held' })
  expect(await claim(keys, 'b', 'second', LEASE_MS, other)).toEqual({ state: 'other-content' })
  // its owner asks again: the answer of the statement was lost
  expect(await claim(keys, 'a', 'first')).toEqual({ state: 'claimed', id: 'first', repeated: false })
  await keys.renew([key], 'b', -1)
  expect(await claim(keys, 'b', 'second')).toEqual({ state: 'held' })
  await keys.renew([key, other], 'a', -1)
  // what may have had its effect is not another request's
  expect(await claim(keys, 'b', 'second', LEASE_MS, other)).toEqual({ state: 'other-content' })
  expect(await claim(keys, 'b', 'second')).toEqual({ state: 'claimed', id: 'first', repeated: true })
  // the first owner was only slow
  expect(await keys.keep(key, 'a', Buffer.from('late'))).toBe(false)
  await keys.drop(key, 'a')
  await keys.release(key, 'a')
  expect(await claim(keys, 'c', 'third')).toEqual({ state: 'held' })
  await keys.release(key, 'b')
  expect(await claim(keys, 'c', 'third')).toEqual({ state: 'claimed', id: 'first', repeated: true })
})

test('an answer is kept once, for its scope, over broken connections', async () => {
  const registry = await lab.open({ scope: 'kept' })
  const { requestKeys: keys } = registry
  await claim(keys, 'a', 'first')
  await endConnections(lab)
  const answer = Buffer.alloc(7 * 1024 * 1024, 'answer')
  expect(await keys.keep(key, 'a', answer)).toBe(true)
  expect(await keys.keep(key, 'a', answer)).toBe(true)
  expect(await keys.keep(key, 'a', Buffer.from('another'))).toBe(false)
  await keys.drop(key, 'a')
  const claimed = await claim(keys, 'b', 'second')
  expect(claimed.state === 'answered' && answer.equals(claimed.answer)).toBe(true)
  expect(answer.equals((await keys.answer(key))!)).toBe(true)
  expect(await claim(keys, 'b', 'second', LEASE_MS, other)).toEqual({ state: 'other-content' })
  expect((await claim((await lab.open()).requestKeys, 'b', 'second')).state).toBe('claimed')
})

test('a request that came to nothing leaves nothing', async () => {
  const { requestKeys: keys } = await lab.open()
  await claim(keys, 'a', 'first')
  await keys.drop(key, 'a')
  expect(await claim(keys, 'b', 'second', LEASE_MS, other)).toEqual({ state: 'claimed', id: 'second', repeated: false })
})

test('keys are new after 7 days, and deleted, a hundred at a time', async () => {
  const { requestKeys: keys } = await lab.open({ scope: 'old' })
  await claim(keys, 'a', 'first')
  await keys.keep(key, 'a', Buffer.from('answer'))
  await lab.sql('UPDATE fnflow.request_keys SET created_at = created_at - $1', [7 * DAY_MS - 60_000])
  expect(await claim(keys, 'b', 'second')).toMatchObject({ state: 'answered' })
  await lab.sql('UPDATE fnflow.request_keys SET created_at = created_at - 60000')
  expect(await claim(keys, 'b', 'second', LEASE_MS, other)).toEqual({ state: 'claimed', id: 'second', repeated: false })
  expect(await keys.answer(key)).toBeUndefined()
  for (let at = 0; at < 130; at++) await keys.claim(Buffer.alloc(32, `n${at}`), content, `n${at}`, 'a', LEASE_MS)
  await lab.sql('UPDATE fnflow.request_keys SET created_at = created_at - $1 WHERE key <> $2', [8 * DAY_MS, key])
  expect(await keys.prune()).toBe(true)
  expect(await keys.prune()).toBe(false)
  const left = await lab.sql<{ id: string }>('SELECT id FROM fnflow.request_keys')
  expect(left).toEqual([{ id: 'second' }])
})
