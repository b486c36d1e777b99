import type { Database } from './database.ts'
import type { EndedRecord } from './types.ts'

/** Executions per statement: it must not hold up what runs. */
const BATCH = 100
const STATUSES: readonly EndedRecord['status'][] = ['succeeded', 'failed', 'cancelled', 'timedOut']

interface DueRow {
  readonly id: string
  readonly started_at: number
  readonly parent: string | null
  /** Of the parent's record. */
  readonly parent_ended_at: number | null
}

/** How far what is due was looked through. What had to stay is looked at again in another walk only, so that it does not cost each time. */
export class PruneWalk {
  /** The last one looked at, by status. */
  readonly behind = new Map<EndedRecord['status'], { readonly startedAt: number; readonly id: string }>()
  /** When parents without a record ended, as far as somebody was asked. */
  readonly ends = new Map<string, number | undefined>()
}

export interface PruneOptions {
  /** What ended before is due, epoch ms. */
  readonly before: number
  readonly limit: number
  /** When an execution ended that has no record, epoch ms: Infinity while it runs, undefined where there is none. */
  readonly endOf: (id: string) => Promise<number | undefined>
  /** Absent: from the beginning. */
  readonly walk?: PruneWalk
  /** Called with ids before their records go, so that whatever is interrupted is found again. */
  readonly deletePayloads: (ids: readonly string[]) => Promise<void>
}

/** @internal What ended long ago started before: the walk begins at the oldest and stops early. */
export const DUE = `SELECT id, started_at, parent,
    (SELECT p.ended_at FROM fnflow.executions AS p WHERE p.scope = e.scope AND p.id = e.parent COLLATE "C") AS parent_ended_at
  FROM fnflow.executions AS e
  WHERE scope = $1 AND status = $2 AND started_at < $3 AND ended_at < $3 AND (started_at, id) > ($5, $6)
  ORDER BY started_at, id LIMIT $4`

/**
 * Deletes executions that are due, with all that belongs to them, `limit` at most; resolves to how many. A child stays for as long as its parent runs,
 * and until that is due as well: what the child came to stands in the parent's history as a reference to the child's payloads.
 */
export async function prune(db: Database, scope: number, options: PruneOptions): Promise<number> {
  const { before, limit, deletePayloads, walk = new PruneWalk() } = options
  let deleted = 0
  for (const status of STATUSES) {
    while (deleted < limit) {
      const wanted = Math.min(BATCH, limit - deleted)
      const { startedAt, id } = walk.behind.get(status) ?? { startedAt: Number.MIN_SAFE_INTEGER, id: '' }
      const rows = await db.rows<DueRow>(DUE, [scope, status, before, wanted, startedAt, id])
      const ids = await expendable(rows, options, walk)
      if (ids.length > 0) {
        await deletePayloads(ids)
        deleted += await deleteRecords(db, scope, ids)
      }
      const last = rows.at(-1)
      if (last !== undefined) walk.behind.set(status, { startedAt: last.started_at, id: last.id })
      if (rows.length < wanted) break
    }
  }
  return deleted
}

/** Those that no parent needs any more. */
async function expendable(rows: readonly DueRow[], { before, endOf }: PruneOptions, { ends }: PruneWalk): Promise<string[]> {
  const ids: string[] = []
  for (const { id, parent, parent_ended_at: recorded } of rows) {
    if (parent !== null && recorded === null && !ends.has(parent)) ends.set(parent, await endOf(parent))
    const end = parent === null ? undefined : (recorded ?? ends.get(parent))
    if (end === undefined || end < before) ids.push(id)
  }
  return ids
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
export async function deleteRecords(db: Database, scope: number, ids: readonly string[]): Promise<number> {
  let deleted = 0
  // a name stays taken for its time: whoever repeats the start must not start anew
  await db.change('UPDATE fnflow.names SET kept = false WHERE scope = $1 AND execution = ANY ($2::text[])', [scope, ids])
  for (const [table, column] of TABLES)
    deleted = await db.change(`DELETE FROM fnflow.${table} WHERE scope = $1 AND ${column} = ANY ($2::text[])`, [scope, ids])
  return deleted
}
