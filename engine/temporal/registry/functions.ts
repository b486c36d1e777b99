import type { Database } from './database.ts'
import type { FunctionRoute, WorkerFunction } from './types.ts'

/** A worker's functions are known to all within this. */
const CACHE_MS = 2_000

/** Where functions run, as the workers write it when they start. */
export class FunctionRoutes {
  private readonly db: Database
  private readonly scope: number
  private cached: { readonly routes: Promise<ReadonlyMap<string, FunctionRoute>>; readonly until: number } | null = null

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  async save(functions: readonly WorkerFunction[]): Promise<void> {
    // once each, since a statement may change a row once; sorted, so that two workers that start together do not wait for each other
    const byRef = new Map(functions.map((entry) => [entry.ref, entry]))
    const entries = [...byRef.values()].sort((a, b) => (a.ref < b.ref ? -1 : 1))
    if (entries.length === 0) return
    await this.db.change(
      `INSERT INTO fnflow.functions (scope, ref, queue, timeout_ms, worker, saved_at)
       SELECT $1, ref, queue, timeout_ms, worker, $2 FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[]) AS f (ref, queue, timeout_ms, worker)
       ON CONFLICT (scope, ref) DO UPDATE
       SET queue = excluded.queue, timeout_ms = excluded.timeout_ms, worker = excluded.worker, saved_at = excluded.saved_at`,
      [
        this.scope,
        Date.now(),
        entries.map(({ ref }) => ref),
        entries.map(({ queue }) => queue),
        entries.map(({ timeoutMs }) => timeoutMs ?? null),
        entries.map(({ worker }) => worker),
      ],
    )
    this.cached = null
  }

  /** They have changed. */
  forget(): void {
    this.cached = null
  }

  /** By reference; at most 2 s old. */
  routes(): Promise<ReadonlyMap<string, FunctionRoute>> {
    const now = performance.now()
    if (this.cached !== null && now < this.cached.until) return this.cached.routes
    const routes = this.read()
    const cached = { routes, until: now + CACHE_MS }
    this.cached = cached
    routes.catch(() => {
      if (this.cached === cached) this.cached = null
    })
    return routes
  }

  private async read(): Promise<ReadonlyMap<string, FunctionRoute>> {
    const rows = await this.db.rows<{ ref: string; queue: string; timeout_ms: number | null }>(
      'SELECT ref, queue, timeout_ms FROM fnflow.functions WHERE scope = $1',
      [this.scope],
    )
    return new Map(
      rows.map(({ ref, queue, timeout_ms }) => [ref, { queue, ...(timeout_ms === null ? {} : { timeoutMs: timeout_ms }) }] as const),
    )
  }
}
