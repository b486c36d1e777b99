import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { EngineError } from '../errors.ts'
import { checkKey, type KeyStore, type StoredKey } from './api-key.ts'

const FILE = 'keys.json'
/** Held locked while the file is written; the kernel lets go of it when the process dies. */
const LOCK = 'keys.lock'
const LOCK_WAIT_MS = 10_000
/** A running server sees a change within this. */
const LOOK_EVERY_MS = 250

/**
 * The keys in the store's folder, for the embedded engine. `keys.json` is replaced as a whole, so that whoever reads it, a running server too, finds
 * either the old keys or the new ones; those who write take turns. Only its owner may read it.
 */
export class KeysFile implements KeyStore {
  private readonly folder: string
  private readonly path: string
  private readonly onError: (error: unknown) => void
  private known: { readonly stamp: string; readonly keys: readonly StoredKey[] } | null = null
  private lookedAt = -Infinity

  /**
   * @param folder Of the store.
   * @param onError Told once when a file that was changed cannot be read, while the keys from before stay in force.
   */
  constructor(folder: string, onError: (error: unknown) => void = () => undefined) {
    this.folder = folder
    this.path = join(folder, FILE)
    this.onError = onError
  }

  async list(): Promise<readonly StoredKey[]> {
    return this.read()
  }

  async add(key: StoredKey): Promise<boolean> {
    return this.change((keys) => (keys.some(({ name }) => name === key.name) ? undefined : [...keys, key]))
  }

  async remove(name: string): Promise<boolean> {
    return this.change((keys) => (keys.some((key) => key.name === name) ? keys.filter((key) => key.name !== name) : undefined))
  }

  current(fresh: boolean): readonly StoredKey[] {
    const now = performance.now()
    if (this.known !== null && !fresh && now - this.lookedAt < LOOK_EVERY_MS) return this.known.keys
    this.lookedAt = now
    const stamp = this.stamp()
    if (this.known?.stamp === stamp) return this.known.keys
    try {
      this.known = { stamp, keys: this.read() }
    } catch (error) {
      // where there was none, nobody may take what cannot be read for no keys
      if (this.known === null || this.known.keys.length === 0) throw error
      this.known = { stamp, keys: this.known.keys }
      this.onError(error)
    }
    return this.known.keys
  }

  async close(): Promise<void> {}

  private stamp(): string {
    const stat = statSync(this.path, { bigint: true, throwIfNoEntry: false })
    return stat === undefined ? '' : `${stat.ino} ${stat.mtimeNs} ${stat.size}`
  }

  private read(): readonly StoredKey[] {
    let text: string
    try {
      text = readFileSync(this.path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw this.unusable((error as Error).message, 'Check that it may be read', error)
    }
    try {
      return keysOf(JSON.parse(text))
    } catch (error) {
      // the text stays out of the message: V8 quotes it
      const reason = error instanceof SyntaxError ? 'it is no JSON' : (error as Error).message
      throw this.unusable(reason, 'Restore it, or remove it and make new keys (fnflow keys add)')
    }
  }

  /** Resolves to false where `changed` is undefined. */
  private async change(make: (keys: readonly StoredKey[]) => readonly StoredKey[] | undefined): Promise<boolean> {
    const { DatabaseSync } = await import('node:sqlite')
    let unlock = (): void => undefined
    try {
      if (statSync(this.folder, { throwIfNoEntry: false }) === undefined) mkdirSync(this.folder, { recursive: true })
      const lock = new DatabaseSync(join(this.folder, LOCK))
      unlock = () => lock.close()
      lock.exec(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}; BEGIN EXCLUSIVE`)
      const keys = make(this.read())
      if (keys === undefined) return false
      this.write(keys)
      return true
    } catch (error) {
      if (error instanceof EngineError) throw error
      throw this.unusable((error as Error).message, 'Check that the folder may be written', error)
    } finally {
      unlock()
    }
  }

  private write(keys: readonly StoredKey[]): void {
    const temporary = `${this.path}.${randomBytes(6).toString('hex')}.tmp`
    try {
      const file = openSync(temporary, 'wx', 0o600)
      try {
        writeSync(file, `${JSON.stringify({ keys }, null, 2)}\n`)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
      renameSync(temporary, this.path)
    } catch (error) {
      rmSync(temporary, { force: true })
      throw error
    }
    // the new name is safe only with its folder
    const folder = openSync(this.folder, 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  }

  private unusable(reason: string, remedy: string, cause?: unknown): EngineError {
    return new EngineError('store-unusable', `the API keys in ${this.path} cannot be used: ${reason}. ${remedy}.`, { cause })
  }
}

/** Throws Error for what `add` cannot have written: a key that is half understood might let too much through. */
function keysOf(value: unknown): readonly StoredKey[] {
  const { keys } = (value ?? {}) as { readonly keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('it has no list keys')
  return keys.map((key: unknown) => {
    const { name, role, flows, hash, createdAt, ...more } = (key ?? {}) as { readonly [Key in keyof StoredKey]: unknown }
    const isList = Array.isArray(flows) && flows.every((flow) => typeof flow === 'string')
    if (typeof name !== 'string' || typeof role !== 'string' || typeof createdAt !== 'number' || !(flows === undefined || isList))
      throw new Error('a key in it has not name, role, flows, hash and createdAt')
    if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) throw new Error(`the hash of key ${name} is none`)
    const [unknown] = Object.keys(more)
    if (unknown !== undefined) throw new Error(`key ${name} has an unknown member ${unknown}`)
    const found = key as StoredKey
    checkKey(found)
    return found
  })
}
