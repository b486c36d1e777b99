import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EmbeddedKeys } from '../../../engine/embedded/request-keys.ts'
import { EngineError } from '../../../engine/errors.ts'
import { KeyedRequests, type RequestTurn } from '../../../engine/idempotency.ts'
import { Journal, Store } from '../../../engine/internal.ts'
import { MemoryKeys } from '../../../engine/memory-keys.ts'

const DAY_MS = 86_400_000
const bytes = (text: string): Uint8Array => Buffer.from(text.padEnd(32))

let store: Store
let journal: Journal
let keys: EmbeddedKeys
beforeEach(async () => {
  store = await Store.open(':memory:')
  journal = new Journal(store, () => undefined)
  keys = new EmbeddedKeys(store, journal)
})
afterEach(() => {
  vi.useRealTimers()
  keys.close()
  journal.abandon()
  store.close()
})

async function turnOf(key: string, content = 'content'): Promise<RequestTurn> {
  const claimed = await keys.claim(bytes(key), bytes(content))
  if (typeof claimed === 'string' || claimed.turn === undefined) throw new Error(`no turn: ${JSON.stringify(claimed)}`)
  return claimed.turn
}

const rows = (): number => store.all('SELECT seq FROM request_keys').length

describe('the row of a request', () => {
  it('is written by the first thing that the request writes, in its transaction, and by nobody else', async () => {
    const turn = await turnOf('a')
    journal.write(() => undefined)
    expect(rows()).toBe(0)
    await turn.run(async () => {
      await Promise.resolve()
      journal.write(() => store.run("INSERT INTO meta (key, value) VALUES ('effect', 'x')"))
    })
    expect(rows()).toBe(1)
    journal.abandon()
    expect([rows(), store.all("SELECT key FROM meta WHERE key = 'effect'").length]).toEqual([0, 0])
  })

  it('gives the request its id again, and its answer when there is one', async () => {
    const turn = await turnOf('a')
    expect(turn.repeated).toBe(false)
    turn.run(() => journal.write(() => undefined))
    await journal.settled()
    const again = await turnOf('a')
    expect([again.id, again.repeated]).toEqual([turn.id, true])
    expect(await keys.claim(bytes('a'), bytes('other'))).toBe('other-content')
    await again.keep(bytes('answer'))
    expect(await keys.claim(bytes('a'), bytes('content'))).toEqual({ answer: new Uint8Array(bytes('answer')) })
    // an answer stays, whoever comes late
    await turn.drop()
    await journal.settled()
    expect(await keys.claim(bytes('a'), bytes('content'))).toHaveProperty('answer')
  })

  it('goes when the request came to nothing', async () => {
    const turn = await turnOf('a')
    turn.run(() => journal.write(() => undefined))
    await turn.drop()
    expect((await turnOf('a', 'other')).id).not.toBe(turn.id)
  })
})

describe('keys', () => {
  it('are kept 7 days, then they are new, and then deleted, the oldest first and little by little', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
    for (let at = 0; at < 450; at++) await (await turnOf(`old-${at}`)).keep(bytes('answer'))
    vi.setSystemTime(Date.now() + 7 * DAY_MS - 1)
    expect(await keys.claim(bytes('old-0'), bytes('content'))).toHaveProperty('answer')
    const late = await turnOf('late')
    await late.keep(bytes('answer'))
    vi.setSystemTime(Date.now() + 1)
    expect((await turnOf('old-0', 'other')).repeated).toBe(false)
    keys.close()
    keys = new EmbeddedKeys(store, journal)
    const seen: number[] = []
    for (let step = 0; step < 5; step++) {
      await vi.advanceTimersByTimeAsync(25)
      await journal.settled()
      seen.push(rows())
    }
    expect(seen).toEqual([251, 51, 1, 1, 1])
  })

  it('with large answers are deleted in small transactions', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
    for (let at = 0; at < 6; at++) await (await turnOf(`large-${at}`)).keep(new Uint8Array(5 * 1024 * 1024))
    vi.setSystemTime(Date.now() + 8 * DAY_MS)
    keys.close()
    keys = new EmbeddedKeys(store, journal)
    await vi.advanceTimersByTimeAsync(25)
    await journal.settled()
    expect(rows()).toBe(4)
  })
})

describe('requests with one key', () => {
  const content = bytes('content')
  const begin = (requests: KeyedRequests, signal?: AbortSignal) =>
    requests.begin({ key: bytes('k'), content, ...(signal === undefined ? {} : { signal }) })

  it('run one at a time, until one of them has an answer', async () => {
    const requests = new KeyedRequests(async () => keys)
    const first = (await begin(requests)).turn!
    const told: string[] = []
    const others = Array.from({ length: 5 }, async (_, at) => {
      const { turn, answer } = await begin(requests)
      told.push(turn === undefined ? Buffer.from(answer).toString().trim() : `turn ${at}`)
      await turn?.keep(bytes('answer'))
    })
    await expect(requests.begin({ key: bytes('k'), content: bytes('other') })).rejects.toMatchObject({ code: 'conflict' })
    await first.drop()
    await Promise.all(others)
    expect(told).toEqual(['turn 0', 'answer', 'answer', 'answer', 'answer'])
  })

  it('stop waiting when their clients leave', async () => {
    const requests = new KeyedRequests(async () => keys)
    const first = (await begin(requests)).turn!
    const leaving = new AbortController()
    const waiting = begin(requests, leaving.signal).catch((error: unknown) => error)
    leaving.abort()
    expect(await waiting).toBeInstanceOf(EngineError)
    await first.release()
    expect((await begin(requests)).turn).toBeDefined()
  })

  it('do not hang on a store that fails', async () => {
    let isBroken = true
    const requests = new KeyedRequests(async () => {
      if (isBroken) throw new EngineError('store-failed', 'broken')
      return keys
    })
    await expect(begin(requests)).rejects.toMatchObject({ code: 'store-failed' })
    isBroken = false
    const { turn } = await begin(requests)
    const keep = vi.spyOn(journal, 'settled').mockRejectedValueOnce(new EngineError('store-failed', 'broken'))
    await expect(turn!.keep(bytes('answer'))).rejects.toMatchObject({ code: 'store-failed' })
    keep.mockRestore()
    expect(await begin(requests)).toHaveProperty('answer')
  })
})

it('without a store, the oldest keys make room for new ones', async () => {
  const memory = new MemoryKeys()
  const keep = async (key: string, answer: Uint8Array): Promise<void> => {
    const claimed = await memory.claim(bytes(key), bytes('content'))
    if (typeof claimed !== 'string') await claimed.turn?.keep(answer)
  }
  const isKept = async (key: string): Promise<boolean> =>
    Object.hasOwn((await memory.claim(bytes(key), bytes('content'))) as object, 'answer')
  for (let at = 0; at < 10_001; at++) await keep(`k${at}`, bytes('answer'))
  expect([await isKept('k0'), await isKept('k1'), await isKept('k10000')]).toEqual([false, true, true])
  expect(await memory.claim(bytes('k1'), bytes('other'))).toBe('other-content')
  const large = new Uint8Array(6 * 1024 * 1024)
  for (let at = 0; at < 12; at++) await keep(`l${at}`, large)
  expect([await isKept('k10000'), await isKept('l0'), await isKept('l11')]).toEqual([false, false, true])
})
