import type { LogLine } from '../../../executors/contract.ts'
import type { Database } from './database.ts'
import type { NewLogLine, StoredLogLine } from './types.ts'

interface LogRow {
  readonly time: number
  readonly node: string | null
  readonly request: string
  readonly level: LogLine['level']
  readonly line: string
}

/** The functions' lines. */
export class Logs {
  private readonly db: Database
  private readonly scope: number

  constructor(db: Database, scope: number) {
    this.db = db
    this.scope = scope
  }

  async append(lines: readonly NewLogLine[]): Promise<void> {
    if (lines.length === 0) return
    await this.db.change(
      `INSERT INTO fnflow.logs (scope, execution, node, time, request, level, line)
       SELECT $1, execution, node, time, request, level, line
       FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
         WITH ORDINALITY AS l (execution, node, time, request, level, line, at)
       ORDER BY at`,
      [
        this.scope,
        lines.map(({ execution }) => execution),
        lines.map(({ node }) => node ?? null),
        lines.map(({ time }) => Math.trunc(time)),
        lines.map(({ request }) => request),
        lines.map(({ level }) => level),
        lines.map(({ text }) => JSON.stringify(text)),
      ],
      { name: 'append-logs', repeatable: false },
    )
  }

  /** In the order in which they were written. */
  async of(execution: string): Promise<StoredLogLine[]> {
    const sql = 'SELECT time, node, request, level, line FROM fnflow.logs WHERE scope = $1 AND execution = $2 ORDER BY seq'
    const rows = await this.db.rows<LogRow>(sql, [this.scope, execution])
    return rows.map(({ time, node, request, level, line }) => ({
      time,
      requestId: request,
      level,
      text: JSON.parse(line) as string,
      ...(node === null ? {} : { node }),
    }))
  }
}
