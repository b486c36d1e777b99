import { KEY_KEPT_MS } from '../../idempotency.ts'
import type { Database } from './database.ts'

/** Keys that are deleted in one statement. */
const BATCH = 100
/** Epoch milliseconds by the database's clock: those of the servers may differ by more than a lease. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
const IS_OLD = `k.created_at <= ${NOW} - ${KEY_KEPT_MS}`

/** What a key came to when it was claimed. `repeated`: a request with it was begun before, under this id. */
export type StoredClaim =
  | { readonly state: 'claimed'; readonly id: string; readonly repeated: boolean }
  | { readonly state: 'answered'; readonly answer: Uint8Array }
  | { readonly state: 'held' }
  | { readonly state: 'other-content' }

/** The keys of requests, and who holds them. Repeating any of these statements does no harm. */
export class RequestKeys {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  /** Makes the row, or takes over one whose owner is gone; `id` is the request's, unless it had one. */
  async claim(key: Uint8Array, content: Uint8Array, id: string, owner: string, leaseMs: number): Promise<StoredClaim> {
    for (;;) {
      const claimed = await this.db.row<{ id: string }>(
        `INSERT INTO fnflow.request_keys AS k (scope, key, content, id, created_at, owner, lease_until)
         VALUES ($1, $2, $3, $4, ${NOW}, $5, ${NOW} + $6)
         ON CONFLICT (scope, key) DO UPDATE SET
           content = excluded.content, owner = excluded.owner, lease_until = excluded.lease_until, answer = NULL,
           id = CASE WHEN ${IS_OLD} THEN excluded.id ELSE k.id END,
           created_at = CASE WHEN ${IS_OLD} THEN excluded.created_at ELSE k.created_at END
         WHERE ${IS_OLD} OR k.answer IS NULL AND k.content = excluded.content AND (k.owner = excluded.owner OR k.lease_until <= ${NOW})
         RETURNING k.id`,
        [this.scope, key, content, id, owner, leaseMs],
        { name: 'claim-key' },
      )
      if (claimed !== undefined) return { state: 'claimed', id: claimed.id, repeated: claimed.id !== id }
      const row = await this.db.row<{ same: boolean; answer: Buffer | null }>(
        'SELECT content = $3 AS same, CASE WHEN content = $3 THEN answer END AS answer FROM fnflow.request_keys WHERE scope = $1 AND key = $2',
        [this.scope, key, content],
        { name: 'key' },
      )
      // none: it was deleted between the two
      if (row === undefined) continue
      if (!row.same) return { state: 'other-content' }
      return row.answer === null ? { state: 'held' } : { state: 'answered', answer: row.answer }
    }
  }

  /** True when the answer is stored; false where the key is another's by now. */
  async keep(key: Uint8Array, owner: string, answer: Uint8Array): Promise<boolean> {
    const sql = `UPDATE fnflow.request_keys SET answer = $4
      WHERE scope = $1 AND key = $2 AND owner = $3 AND (answer IS NULL OR answer = $4)`
    return (await this.db.change(sql, [this.scope, key, owner, answer], { name: 'keep-answer' })) > 0
  }

  async answer(key: Uint8Array): Promise<Uint8Array | undefined> {
    const sql = 'SELECT answer FROM fnflow.request_keys WHERE scope = $1 AND key = $2'
    return (await this.db.row<{ answer: Buffer | null }>(sql, [this.scope, key]))?.answer ?? undefined
  }

  /** Lengthens the leases of what still runs. */
  async renew(keys: readonly Uint8Array[], owner: string, leaseMs: number): Promise<void> {
    const sql = `UPDATE fnflow.request_keys SET lease_until = ${NOW} + $4
      WHERE scope = $1 AND key = ANY ($2::bytea[]) AND owner = $3 AND answer IS NULL`
    await this.db.change(sql, [this.scope, keys, owner, leaseMs])
  }

  async drop(key: Uint8Array, owner: string): Promise<void> {
    const sql = 'DELETE FROM fnflow.request_keys WHERE scope = $1 AND key = $2 AND owner = $3 AND answer IS NULL'
    await this.db.change(sql, [this.scope, key, owner])
  }

  /** Lets whoever asks next take the key over. */
  async release(key: Uint8Array, owner: string): Promise<void> {
    const sql = 'UPDATE fnflow.request_keys SET lease_until = 0 WHERE scope = $1 AND key = $2 AND owner = $3 AND answer IS NULL'
    await this.db.change(sql, [this.scope, key, owner])
  }

  /** Deletes keys that are past their time, of any scope; resolves to whether there may be more. */
  async prune(): Promise<boolean> {
    const sql = `DELETE FROM fnflow.request_keys WHERE (scope, key) IN
      (SELECT k.scope, k.key FROM fnflow.request_keys AS k WHERE ${IS_OLD} ORDER BY k.created_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`
    return (await this.db.change(sql, [])) === BATCH
  }
}
