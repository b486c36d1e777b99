import type { FlowFiles } from '../../flow-files.ts'
import type { Database } from './database.ts'

/** Notes of flow files in PostgreSQL, common to all servers of a scope. */
export class FlowFileNotes implements FlowFiles {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  async loaded(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.db.rows<{ file: string; hash: string }>('SELECT file, hash FROM fnflow.flow_files WHERE scope = $1', [
      this.scope,
    ])
    return new Map(rows.map(({ file, hash }) => [file, hash]))
  }

  async note(file: string, hash: string): Promise<void> {
    await this.db.change(
      `INSERT INTO fnflow.flow_files (scope, file, hash, loaded_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (scope, file) DO UPDATE SET hash = excluded.hash, loaded_at = excluded.loaded_at`,
      [this.scope, file, hash, Date.now()],
    )
  }
}
