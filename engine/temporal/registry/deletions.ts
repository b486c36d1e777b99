import type { Database } from './database.ts'
import { deleteRecords } from './retention.ts'

const BATCH = 1000

/** Executions that somebody has deleted, for as long as Temporal may have them. */
export class Deletions {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  /** Notes that a run of an execution is deleted, and deletes what there is of it: the note first, so that nothing comes back in between. */
  async delete(execution: string, runId: string): Promise<void> {
    const sql = 'INSERT INTO fnflow.deleted (scope, execution, run_id, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING'
    await this.db.change(sql, [this.scope, execution, runId, Date.now()])
    await deleteRecords(this.db, this.scope, [execution])
  }

  async has(execution: string, runId: string): Promise<boolean> {
    const sql = 'SELECT 1 AS found FROM fnflow.deleted WHERE scope = $1 AND execution = $2 AND run_id = $3'
    return (await this.db.row(sql, [this.scope, execution, runId], { name: 'is-deleted' })) !== undefined
  }

  /** Those of some runs that are deleted, by `execution/run`. */
  async among(runs: readonly { readonly id: string; readonly runId: string }[]): Promise<Set<string>> {
    if (runs.length === 0) return new Set()
    const sql = `SELECT d.execution, d.run_id FROM unnest($2::text[], $3::text[]) AS wanted (id, run_id)
      JOIN fnflow.deleted AS d ON d.scope = $1 AND d.execution = wanted.id AND d.run_id = wanted.run_id`
    const ids = [runs.map(({ id }) => id), runs.map(({ runId }) => runId)]
    const rows = await this.db.rows<{ execution: string; run_id: string }>(sql, [this.scope, ...ids], { name: 'deleted-among' })
    return new Set(rows.map(({ execution, run_id: runId }) => `${execution}/${runId}`))
  }

  /** Ids of the lanes whose journals are kept, for an execution. */
  async lanesOf(execution: string): Promise<string[]> {
    const sql = 'SELECT id FROM fnflow.lanes WHERE scope = $1 AND execution = $2'
    return (await this.db.rows<{ id: string }>(sql, [this.scope, execution])).map(({ id }) => id)
  }

  /** Some of the notes that are older. */
  async forget(before: number): Promise<void> {
    const sql = `DELETE FROM fnflow.deleted WHERE scope = $1 AND (execution, run_id) IN (
      SELECT execution, run_id FROM fnflow.deleted WHERE scope = $1 AND at <= $2 ORDER BY at LIMIT $3)`
    await this.db.change(sql, [this.scope, before, BATCH])
  }
}
