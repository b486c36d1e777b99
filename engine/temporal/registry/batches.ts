import type { BatchError, BatchRecord } from '../../batches/api.ts'
import {
  BATCH_KEPT_MS,
  batchOfRow,
  MOST_ERRORS,
  type BatchColumns,
  type BatchItem,
  type BatchStore,
  type BatchWork,
  type ItemResult,
} from '../../batches/store.ts'
import type { Database } from './database.ts'

interface BatchRow extends BatchColumns {
  readonly collected: boolean
  readonly errors: string[]
}

/** Longer than one step of a batch takes; each step begins it anew. */
const LEASE_MS = 60_000
const LOOK_MS = 10_000
const COLUMNS = 'id, action, filter, collected, cursor, total, succeeded, failed, errors, created_at, ended_at'

/** Batches of a cluster. Whoever has the lease does one; each write takes it along, and is refused where another process has it by now. */
export class BatchRows implements BatchStore {
  readonly lookMs = LOOK_MS
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  async create({ id, action, filter, createdAt }: Pick<BatchRecord, 'id' | 'action' | 'filter' | 'createdAt'>): Promise<void> {
    await this.db.change('DELETE FROM fnflow.batches WHERE scope = $1 AND ended_at < $2', [this.scope, createdAt - BATCH_KEPT_MS])
    const sql = `INSERT INTO fnflow.batches (scope, id, action, filter, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
    await this.db.change(sql, [this.scope, id, action, JSON.stringify(filter), createdAt])
  }

  async get(id: string): Promise<BatchRecord | undefined> {
    const row = await this.db.row<BatchRow>(`SELECT ${COLUMNS} FROM fnflow.batches WHERE scope = $1 AND id = $2`, [this.scope, id])
    return row === undefined ? undefined : recordOf(row)
  }

  async claim(owner: string): Promise<BatchWork | undefined> {
    const now = Date.now()
    // whoever is late by a moment finds the row taken, and looks for the next one the next time
    const sql = `UPDATE fnflow.batches SET lease_by = $2, lease_until = $4 WHERE scope = $1 AND ended_at IS NULL
        AND (lease_until <= $3 OR lease_by = $2) AND id = (
          SELECT id FROM fnflow.batches WHERE scope = $1 AND ended_at IS NULL AND (lease_until <= $3 OR lease_by = $2)
          ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING ${COLUMNS}`
    const row = await this.db.row<BatchRow>(sql, [this.scope, owner, now, now + LEASE_MS])
    if (row === undefined) return undefined
    return { ...recordOf(row), isCollected: row.collected, ...(row.cursor === null ? {} : { cursor: row.cursor }) }
  }

  async collect({ id, cursor: before }: BatchWork, owner: string, executions: readonly string[], cursor: string | null): Promise<boolean> {
    const sql = `WITH mine AS (
        UPDATE fnflow.batches SET total = total + cardinality($4::text[]), collected = $6, cursor = $7, lease_until = $8
        WHERE scope = $1 AND id = $2 AND lease_by = $3 AND NOT collected AND cursor IS NOT DISTINCT FROM $5
        RETURNING total - cardinality($4::text[]) AS first)
      INSERT INTO fnflow.batch_items (scope, batch, seq, execution)
      SELECT $1, $2, mine.first + e.at - 1, e.id FROM mine, unnest($4::text[]) WITH ORDINALITY AS e (id, at)`
    const values = [this.scope, id, owner, executions, before ?? null, cursor === null, cursor, Date.now() + LEASE_MS]
    const added = await this.db.change(sql, values)
    // a page of none adds nothing; a statement that was repeated finds what it has done
    return added === executions.length || (await this.has(id, owner))
  }

  async next(id: string, limit: number): Promise<BatchItem[]> {
    const sql = 'SELECT seq, execution FROM fnflow.batch_items WHERE scope = $1 AND batch = $2 ORDER BY seq LIMIT $3'
    return this.db.rows<{ seq: number; execution: string }>(sql, [this.scope, id, limit])
  }

  async done(id: string, owner: string, results: readonly ItemResult[]): Promise<boolean> {
    const errors = results.map(({ error }) => (error === undefined ? null : JSON.stringify(error)))
    // what is counted is what this very statement takes out
    const sql = `WITH gone AS (
        DELETE FROM fnflow.batch_items AS i USING unnest($4::bigint[], $5::text[]) AS r (seq, error)
        WHERE i.scope = $1 AND i.batch = $2 AND i.seq = r.seq
          AND EXISTS (SELECT 1 FROM fnflow.batches WHERE scope = $1 AND id = $2 AND lease_by = $3)
        RETURNING i.seq, r.error)
      UPDATE fnflow.batches SET lease_until = $6,
        succeeded = succeeded + (SELECT count(*) FROM gone WHERE error IS NULL),
        failed = failed + (SELECT count(*) FROM gone WHERE error IS NOT NULL),
        errors = (errors || ARRAY(SELECT error FROM gone WHERE error IS NOT NULL ORDER BY seq))[1:${MOST_ERRORS}],
        ended_at = CASE WHEN $7 THEN $8::bigint END
      WHERE scope = $1 AND id = $2 AND lease_by = $3`
    const now = Date.now()
    const seqs = results.map(({ seq }) => seq)
    return (await this.db.change(sql, [this.scope, id, owner, seqs, errors, now + LEASE_MS, results.length === 0, now])) > 0
  }

  private async has(id: string, owner: string): Promise<boolean> {
    const sql = 'SELECT 1 AS found FROM fnflow.batches WHERE scope = $1 AND id = $2 AND lease_by = $3'
    return (await this.db.row(sql, [this.scope, id, owner])) !== undefined
  }
}

function recordOf(row: BatchRow): BatchRecord {
  return batchOfRow(
    row,
    row.errors.map((error) => JSON.parse(error) as BatchError),
  )
}
