import { LANE_SEPARATOR } from '../../../workflows/protocol/shapes.ts'
import type { Database } from './database.ts'
import { decodeJournal, encodeJournal } from './encoding.ts'
import { readable } from './records.ts'

/** Journals of lanes, by the lanes' workflow ids, which begin with their execution's. */
export class Lanes {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  /** The first stays. */
  async save(id: string, journal: readonly unknown[]): Promise<void> {
    const sql =
      'INSERT INTO fnflow.lanes (scope, execution, id, journal) VALUES ($1, $2, $3, $4) ON CONFLICT (scope, execution, id) DO NOTHING'
    await this.db.change(sql, [this.scope, executionOf(id), id, await encodeJournal(journal)], { name: 'save-lane' })
  }

  /** Those of the lanes whose journals are here. */
  async having(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set()
    // one by one by the key, as executions are
    const sql = `SELECT found.id FROM unnest($2::text[], $3::text[]) AS wanted (execution, id), LATERAL (
      SELECT l.id FROM fnflow.lanes AS l WHERE l.scope = $1 AND l.execution = wanted.execution AND l.id = wanted.id LIMIT 1) AS found`
    const rows = await this.db.rows<{ id: string }>(sql, [this.scope, ids.map(executionOf), ids], { name: 'has-lane' })
    return new Set(rows.map(({ id }) => id))
  }

  async journal(id: string): Promise<readonly unknown[] | undefined> {
    const sql = 'SELECT journal FROM fnflow.lanes WHERE scope = $1 AND execution = $2 AND id = $3'
    const row = await this.db.row<{ journal: Buffer }>(sql, [this.scope, executionOf(id), id])
    return row === undefined ? undefined : readable(id, decodeJournal(row.journal))
  }
}

function executionOf(id: string): string {
  const at = id.indexOf(LANE_SEPARATOR)
  return at < 0 ? id : id.slice(0, at)
}
