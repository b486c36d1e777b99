import { timingSafeEqual } from 'node:crypto'
import { hashOf, type KeyStore, type Role, type StoredKey } from './api-key.ts'

/** A key that the configuration gives. */
export interface ConfiguredKey {
  readonly name: string
  readonly role: Role
  readonly flows?: readonly string[]
  readonly key: string
}

type Keys = readonly StoredKey[]

const NONE: Keys = []

/** What is at hand is told at once: each request passes here. */
type Soon<T> = T | Promise<T>

/**
 * The keys that a server takes: those of its configuration, and those of the store as they are now.
 *
 * 1. Once there was a key, the server asks for one until it ends: whoever removes the last key, or loses the file, does not open the door.
 * 2. A key is found by its hash, so that no time tells how much of a guess is right; the hashes themselves are compared in constant time.
 */
export class KeyRing {
  private readonly configured: Keys
  private readonly store: KeyStore | undefined
  private indexed: { readonly of: Keys; readonly byPrefix: ReadonlyMap<string, Keys> } | null = null
  private had: boolean

  constructor(configured: readonly ConfiguredKey[] = [], store?: KeyStore) {
    this.configured = configured.map(({ key, ...rest }) => ({ ...rest, hash: hashOf(key), createdAt: 0 }))
    this.store = store
    this.had = this.configured.length > 0
  }

  /** Whether a key is needed at all. Rejects with EngineError where the store cannot be asked. */
  areNeeded(): Soon<boolean> {
    if (this.had || this.store === undefined) return this.had
    return soon(this.store.current(false), (keys) => (this.had ||= keys.length > 0))
  }

  /** The key that this is; undefined for none. Rejects with EngineError where the store cannot be asked. */
  find(key: string): Soon<StoredKey | undefined> {
    const hash = hashOf(key)
    if (this.store === undefined) return this.among(NONE, hash)
    const { store } = this
    return soon(store.current(false), (keys) => this.among(keys, hash) ?? soon(store.current(true), (now) => this.among(now, hash)))
  }

  close(): Promise<void> {
    return this.store?.close() ?? Promise.resolve()
  }

  private among(stored: Keys, hash: string): StoredKey | undefined {
    if (this.indexed?.of !== stored) this.indexed = { of: stored, byPrefix: indexOf([...this.configured, ...stored]) }
    const wanted = Buffer.from(hash, 'hex')
    return this.indexed.byPrefix.get(prefixOf(hash))?.find((key) => timingSafeEqual(Buffer.from(key.hash, 'hex'), wanted))
  }
}

/** The first bytes of a hash lead to the key: whoever does not know a key does not choose them. */
function prefixOf(hash: string): string {
  return hash.slice(0, 16)
}

function indexOf(keys: Keys): ReadonlyMap<string, Keys> {
  const byPrefix = new Map<string, StoredKey[]>()
  for (const key of keys) byPrefix.set(prefixOf(key.hash), [...(byPrefix.get(prefixOf(key.hash)) ?? []), key])
  return byPrefix
}

/** `then` without a promise where there is none. */
function soon<T, Result>(value: Soon<T>, then: (value: T) => Soon<Result>): Soon<Result> {
  return value instanceof Promise ? value.then(then) : then(value)
}
