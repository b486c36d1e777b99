import type { KeyStore, Role, StoredKey } from '../../keys/api-key.ts'
import type { Database } from './database.ts'

/** Every server knows a change within twice this. */
const CACHE_MS = 1_000
/** Nobody who tries keys that are none makes the database work more often than this. */
const FRESH_MS = 100

interface KeyRow {
  readonly name: string
  readonly role: Role
  readonly flows: readonly string[] | null
  readonly hash: string
  readonly created_at: number
}

/** The API keys of a scope. */
export class ApiKeys implements Omit<KeyStore, 'close'> {
  private readonly db: Database
  private readonly scope: number
  private known: { readonly keys: readonly StoredKey[]; readonly at: number } | null = null
  private reading: Promise<readonly StoredKey[]> | null = null

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  async list(): Promise<readonly StoredKey[]> {
    const sql = 'SELECT name, role, flows, hash, created_at FROM fnflow.api_keys WHERE scope = $1 ORDER BY created_at, name'
    return (await this.db.rows<KeyRow>(sql, [this.scope])).map(({ created_at, flows, ...row }) => ({
      ...row,
      ...(flows === null ? {} : { flows }),
      createdAt: created_at,
    }))
  }

  async add({ name, role, flows, hash, createdAt }: StoredKey): Promise<boolean> {
    // by the hash its own repetition, after a connection that broke, knows it
    const sql = `INSERT INTO fnflow.api_keys (scope, name, role, flows, hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (scope, name) DO UPDATE SET hash = excluded.hash WHERE api_keys.hash = excluded.hash`
    return (await this.db.change(sql, [this.scope, name, role, flows ?? null, hash, createdAt])) > 0
  }

  async remove(name: string): Promise<boolean> {
    return (await this.db.change('DELETE FROM fnflow.api_keys WHERE scope = $1 AND name = $2', [this.scope, name])) > 0
  }

  current(fresh: boolean): readonly StoredKey[] | Promise<readonly StoredKey[]> {
    const age = this.known === null ? Infinity : performance.now() - this.known.at
    if (this.known !== null && age < (fresh ? FRESH_MS : CACHE_MS)) return this.known.keys
    const reading = (this.reading ??= this.read())
    // soon enough: a request waits for the database only where what is known is too old
    if (this.known === null || fresh || age >= 2 * CACHE_MS) return reading
    reading.catch(() => undefined)
    return this.known.keys
  }

  private async read(): Promise<readonly StoredKey[]> {
    const at = performance.now()
    try {
      const keys = await this.list()
      this.known = { keys, at }
      return keys
    } finally {
      this.reading = null
    }
  }
}
