import type { Database } from './database.ts'
import type { EndedRecord } from './types.ts'

/** Executions per statement: it must not hold up what runs. */
const BATCH = 100
const STATUSES: readonly EndedRecord['status'][] = ['succeeded', 'failed', 'cancelled', 'timedOut']

/**
 * Deletes executions that ended before `before` (epoch ms) with all that belongs to them, `limit` at most; resolves to how many.
 * `deletePayloads` is called with their ids before their records go, so that whatever is interrupted is found again.
 */
export async function prune(
  db: Database,
  scope: number,
  options: { readonly before: number; readonly limit: number; readonly deletePayloads: (ids: readonly string[]) => Promise<void> },
): Promise<number> {
  const { before, limit, deletePayloads } = options
  let deleted = 0
  for (const status of STATUSES) {
    while (deleted < limit) {
      const wanted = Math.min(BATCH, limit - deleted)
      // what ended long ago started before: the walk begins at the oldest and stops early
      const rows = await db.rows<{ id: string }>(
        `SELECT id FROM fnflow.executions WHERE scope = $1 AND status = $2 AND started_at < $3 AND ended_at < $3
         ORDER BY started_at, id LIMIT $4`,
        [scope, status, before, wanted],
      )
      if (rows.length === 0) break
      const ids = rows.map(({ id }) => id)
      await deletePayloads(ids)
      deleted += await deleteRecords(db, scope, ids)
      if (rows.length < wanted) break
    }
  }
  return deleted
}

/** Tables with rows of executions, and their column with its id; the records last, so that whatever is interrupted is found again. */
const TABLES = [
  ['logs', 'execution'],
  ['lanes', 'execution'],
  ['callbacks', 'execution'],
  ['retries', 'of'],
  ['executions', 'id'],
] as const

/** By the ids themselves rather than in one statement that joins: whatever PostgreSQL believes of the tables, that goes by index. */
async function deleteRecords(db: Database, scope: number, ids: readonly string[]): Promise<number> {
  let deleted = 0
  for (const [table, column] of TABLES)
    deleted = await db.change(`DELETE FROM fnflow.${table} WHERE scope = $1 AND ${column} = ANY ($2::text[])`, [scope, ids])
  return deleted
}
