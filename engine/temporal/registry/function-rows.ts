import type { FunctionStore, SharedFunctions, StoredFunction } from '../../function-uploads/api.ts'
import type { Database, Transaction } from './database.ts'
import { FunctionCode } from './function-code.ts'

interface Row {
  readonly key: string
  readonly definition: Buffer
  readonly code: string | null
  readonly etag: string
  readonly made_by: string | null
}

const COLUMNS = 'key, definition, code, etag, made_by'
/** Who has written a route (functions.ts), where that is no worker. */
const PUT = 'put'

/** Functions that were put, of all servers and workers of a scope. */
export class FunctionRows implements FunctionStore {
  readonly folder = null
  readonly shared: SharedFunctions
  private readonly db: Database
  private readonly scope: number
  private readonly code: FunctionCode
  private readonly rerouted: () => void

  /** @param rerouted Told when the routes of functions have changed. */
  constructor(db: Database, scope: number, rerouted: () => void) {
    this.db = db
    this.scope = scope
    this.rerouted = rerouted
    const code = new FunctionCode(db, scope)
    this.code = code
    this.shared = {
      version: () => this.version(),
      saveCode: (hash, archive) => code.save(hash, archive),
      code: (hash) => code.read(hash),
    }
  }

  async all(): Promise<readonly StoredFunction[]> {
    const rows = await this.db.rows<Row>(`SELECT ${COLUMNS} FROM fnflow.put_functions WHERE scope = $1 ORDER BY key`, [this.scope])
    return rows.map(storedOf)
  }

  async find(key: string): Promise<StoredFunction | undefined> {
    const sql = `SELECT ${COLUMNS} FROM fnflow.put_functions WHERE scope = $1 AND key = $2`
    const row = await this.db.row<Row>(sql, [this.scope, key])
    return row === undefined ? undefined : storedOf(row)
  }

  async save(stored: StoredFunction, before: string | null): Promise<'saved' | 'changed' | 'no-code'> {
    const { key, definition, code, etag, madeBy } = stored
    const outcome = await this.db.transaction(async (tx) => {
      await this.begin(tx)
      const found = await this.current(tx, key)
      if ((found?.etag ?? null) !== before) return 'changed' as const
      // what was replaced is in use until now
      const isThere = await this.code.use(tx, code, found?.code ?? null)
      if (!isThere) return 'no-code' as const
      await tx.change(
        `INSERT INTO fnflow.put_functions (scope, key, definition, code, etag, made_by) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (scope, key) DO UPDATE
         SET definition = excluded.definition, code = excluded.code, etag = excluded.etag, made_by = excluded.made_by`,
        [this.scope, key, Buffer.from(definition), code, etag, madeBy],
      )
      const { queue, timeoutMs } = routeOf(definition)
      await tx.change(
        `INSERT INTO fnflow.functions (scope, ref, queue, timeout_ms, worker, saved_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (scope, ref) DO UPDATE
         SET queue = excluded.queue, timeout_ms = excluded.timeout_ms, worker = excluded.worker, saved_at = excluded.saved_at`,
        [this.scope, key, queue, timeoutMs, PUT, Date.now()],
      )
      return 'saved' as const
    })
    this.rerouted()
    return outcome
  }

  async remove(key: string, before: string): Promise<boolean> {
    const isGone = await this.db.transaction(async (tx) => {
      await this.begin(tx)
      const found = await this.current(tx, key)
      if (found?.etag !== before) return false
      await this.code.use(tx, found.code, null)
      await tx.change('DELETE FROM fnflow.put_functions WHERE scope = $1 AND key = $2', [this.scope, key])
      await tx.change('DELETE FROM fnflow.functions WHERE scope = $1 AND ref = $2 AND worker = $3', [this.scope, key, PUT])
      return true
    })
    this.rerouted()
    return isGone
  }

  private async version(): Promise<number> {
    const row = await this.db.row<{ version: number }>('SELECT version FROM fnflow.function_changes WHERE scope = $1', [this.scope])
    return row?.version ?? 0
  }

  /** Holds all other changes until this one is over. */
  private async begin(tx: Transaction): Promise<void> {
    await tx.change(
      `INSERT INTO fnflow.function_changes AS c (scope, version) VALUES ($1, 1)
       ON CONFLICT (scope) DO UPDATE SET version = c.version + 1`,
      [this.scope],
    )
    await this.code.sweep(tx)
  }

  private current(tx: Transaction, key: string): Promise<{ readonly etag: string; readonly code: string | null } | undefined> {
    return tx.row('SELECT etag, code FROM fnflow.put_functions WHERE scope = $1 AND key = $2', [this.scope, key])
  }
}

function storedOf({ key, definition, code, etag, made_by: madeBy }: Row): StoredFunction {
  return { key, definition: definition.toString(), code, etag, madeBy }
}

/** Where workers run it. */
function routeOf(definition: string): { readonly queue: string; readonly timeoutMs: number } {
  const { pool, gpu, timeout } = JSON.parse(definition) as {
    readonly pool?: string
    readonly gpu: { readonly type: string } | null
    readonly timeout: number
  }
  return { queue: gpu === null ? (pool ?? '') : `gpu.${gpu.type}`, timeoutMs: Math.round(timeout * 1000) }
}
