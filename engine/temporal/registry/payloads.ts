import { createHash } from 'node:crypto'
import { EngineError } from '../../errors.ts'
import { ByteLru } from './lru.ts'
import type { PayloadStore } from './types.ts'

const CACHE_BYTES = 64 * 1024 * 1024
/** What is put is likely to be read soon, and by the same process; larger ones would push out too much else. */
const KEEP_PUT_BYTES = 8 * 1024 * 1024
/**
 * How long a process believes that what it has put is still there. Bounded, since another process may delete an owner and the same bytes be put for
 * it again: retention must be longer than this.
 */
const BELIEVE_MS = 60_000
const NOTE_BYTES = 200
const NOTES_BYTES = 20_000 * NOTE_BYTES

/** Where the bytes lie. `hash` is the SHA-256 in hex. */
export interface PayloadBackend {
  /** For messages. */
  readonly where: string
  /** From this size on it is asked whether the bytes are there, before they are written. */
  readonly askBytes: number
  has(owner: string, hash: string): Promise<boolean>
  /** Writing what is there does nothing. */
  write(owner: string, hash: string, data: Uint8Array): Promise<void>
  /** Undefined if there is none. */
  read(owner: string, hash: string): Promise<Uint8Array | undefined>
  deleteOwners(owners: readonly string[]): Promise<void>
}

/** A payload store over a backend: hashes, checks, and keeps what was used last in memory. */
export class CachedPayloads implements PayloadStore {
  private readonly backend: PayloadBackend
  private readonly cache = new ByteLru<Uint8Array>(CACHE_BYTES)
  private readonly stored = new ByteLru<number>(NOTES_BYTES)
  private readonly reading = new Map<string, Promise<Uint8Array>>()

  constructor(backend: PayloadBackend) {
    this.backend = backend
  }

  async put(owner: string, data: Uint8Array): Promise<string> {
    const hash = sha256(data)
    const key = keyOf(owner, hash)
    const until = this.stored.get(key)
    if (until !== undefined && performance.now() < until) return hash
    const there = data.length >= this.backend.askBytes && (await this.backend.has(owner, hash))
    if (!there) await this.backend.write(owner, hash, data)
    this.stored.set(key, performance.now() + BELIEVE_MS, NOTE_BYTES)
    // a copy (slice() of a Buffer is none): the bytes are the caller's, perhaps of a much larger buffer
    if (data.length <= KEEP_PUT_BYTES) this.cache.set(key, new Uint8Array(data), data.length)
    return hash
  }

  get(owner: string, hash: string): Promise<Uint8Array> {
    const key = keyOf(owner, hash)
    const cached = this.cache.get(key)
    if (cached !== undefined) return Promise.resolve(cached)
    let reading = this.reading.get(key)
    if (reading === undefined) {
      reading = this.read(owner, hash, key).finally(() => this.reading.delete(key))
      this.reading.set(key, reading)
    }
    return reading
  }

  deleteOwner(owner: string): Promise<void> {
    return this.deleteOwners([owner])
  }

  async deleteOwners(owners: readonly string[]): Promise<void> {
    this.forget(owners)
    await this.backend.deleteOwners(owners)
    // what was read or written meanwhile
    this.forget(owners)
  }

  private forget(owners: readonly string[]): void {
    const gone = new Set(owners)
    const matches = (key: string): boolean => gone.has(ownerOf(key))
    this.cache.deleteWhere(matches)
    this.stored.deleteWhere(matches)
  }

  private async read(owner: string, hash: string, key: string): Promise<Uint8Array> {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new EngineError('store-unusable', `a payload is named by its SHA-256 in hex, not ${hash}`)
    const data = await this.backend.read(owner, hash)
    const named = `payload ${hash} of execution ${owner}`
    if (data === undefined) {
      const remedy = 'Restore it from a backup; records that were deleted by retention have none any more'
      throw new EngineError('store-unusable', `${named} is not in ${this.backend.where}. ${remedy}.`)
    }
    if (sha256(data) !== hash)
      throw new EngineError('store-unusable', `${named} is damaged in ${this.backend.where}. Restore it from a backup.`)
    this.cache.set(key, data, data.length)
    return data
  }
}

function keyOf(owner: string, hash: string): string {
  return `${owner}\0${hash}`
}

function ownerOf(key: string): string {
  return key.slice(0, key.lastIndexOf('\0'))
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
