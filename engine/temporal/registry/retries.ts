import type { Database } from './database.ts'

/** Which execution is the retry of another: one at a time, decided here. */
export class Retries {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  /** Undefined when `id` is now the retry of `of`; otherwise the one that is. */
  async claim(of: string, id: string): Promise<string | undefined> {
    for (;;) {
      const sql = 'INSERT INTO fnflow.retries (scope, of, id) VALUES ($1, $2, $3) ON CONFLICT (scope, of) DO NOTHING'
      if ((await this.db.change(sql, [this.scope, of, id])) > 0) return undefined
      const row = await this.db.row<{ id: string }>('SELECT id FROM fnflow.retries WHERE scope = $1 AND of = $2', [this.scope, of])
      // none: it was deleted between the two
      if (row !== undefined) return row.id === id ? undefined : row.id
    }
  }

  /** True when `id` has taken the place of `previous`, false when another had. */
  async replace(of: string, previous: string, id: string): Promise<boolean> {
    // `id` itself: the statement is repeated when its connection breaks
    const sql = 'UPDATE fnflow.retries SET id = $4 WHERE scope = $1 AND of = $2 AND id IN ($3, $4)'
    return (await this.db.change(sql, [this.scope, of, previous, id])) > 0
  }
}
