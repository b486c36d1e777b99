import { NAME_KEPT_MS } from '../../names.ts'
import type { Database } from './database.ts'

interface NameHolder {
  readonly execution: string
  /** Hash. */
  readonly input: string
  /** False: its execution was deleted. */
  readonly kept: boolean
}

interface NewName {
  readonly flow: string
  readonly name: string
  readonly execution: string
  readonly input: string
}

const BATCH = 1000

/** Which execution has a name: one at a time, decided here. */
export class Names {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  /** Takes the name if it is free, or free again; resolves to who has it then. */
  async claim({ flow, name, execution, input }: NewName): Promise<NameHolder> {
    const now = Date.now()
    for (;;) {
      const sql = `INSERT INTO fnflow.names AS n (scope, flow, name, execution, input, at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (scope, flow, name) DO UPDATE SET execution = excluded.execution, input = excluded.input, at = excluded.at, kept = true
        WHERE n.at <= $7`
      if ((await this.db.change(sql, [this.scope, flow, name, execution, input, now, now - NAME_KEPT_MS])) > 0)
        return { execution, input, kept: true }
      const found = 'SELECT execution, input, kept FROM fnflow.names WHERE scope = $1 AND flow = $2 AND name = $3'
      const row = await this.db.row<NameHolder>(found, [this.scope, flow, name])
      // none: it was forgotten between the two
      if (row !== undefined) return row
    }
  }

  /** Takes it from an execution that never began; false where somebody else was faster. */
  async replace({ flow, name, execution, input }: NewName, previous: string): Promise<boolean> {
    // `execution` itself: the statement is repeated when its connection breaks
    const sql = `UPDATE fnflow.names SET execution = $4, input = $5, at = $6
      WHERE scope = $1 AND flow = $2 AND name = $3 AND kept AND execution IN ($4, $7)`
    return (await this.db.change(sql, [this.scope, flow, name, execution, input, Date.now(), previous])) > 0
  }

  /** Some of those that are free again; what is still there of their executions stays. */
  async forget(): Promise<void> {
    const sql = `DELETE FROM fnflow.names WHERE scope = $1 AND (flow, name) IN (
      SELECT flow, name FROM fnflow.names WHERE scope = $1 AND at <= $2 ORDER BY at LIMIT $3)`
    await this.db.change(sql, [this.scope, Date.now() - NAME_KEPT_MS, BATCH])
  }
}
