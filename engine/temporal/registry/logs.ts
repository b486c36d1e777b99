import type { LogLine } from '../../../executors/contract.ts'
import type { Database } from './database.ts'
import type { LogRange, StoredLine } from '../../log-lines.ts'
import type { NewLogLine } from './types.ts'

interface LogRow {
  readonly seq: number
  readonly attempt: number | null
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
      `INSERT INTO fnflow.logs (scope, execution, node, time, request, level, line, attempt)
       SELECT $1, execution, node, time, request, level, line, attempt
       FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::integer[])
         WITH ORDINALITY AS l (execution, node, time, request, level, line, attempt, at)
       ORDER BY at`,
      [
        this.scope,
        lines.map(({ execution }) => execution),
        lines.map(({ node }) => node ?? null),
        lines.map(({ time }) => Math.trunc(time)),
        lines.map(({ request }) => request),
        lines.map(({ level }) => level),
        lines.map(({ text }) => JSON.stringify(text)),
        lines.map(({ attempt }) => attempt ?? null),
      ],
      { name: 'append-logs', repeatable: false },
    )
  }

  async of(execution: string, range: LogRange): Promise<StoredLine[]> {
    const columns = 'SELECT seq, time, node, request, level, line, attempt FROM fnflow.logs WHERE scope = $1 AND execution = $2'
    const { limit } = range
    const [sql, values] =
      range.order === 'written'
        ? [`${columns} AND time >= $3 AND seq > $4 ORDER BY seq LIMIT $5`, [range.since, range.behind, limit]]
        : [`${columns} AND (time, seq) > ($3, $4) ORDER BY time, seq LIMIT $5`, [range.behind?.time ?? -1, range.behind?.seq ?? -1, limit]]
    const rows = await this.db.rows<LogRow>(sql as string, [this.scope, execution, ...(values as number[])])
    return rows.map(({ seq, time, node, request, level, line, attempt }) => ({
      seq,
      time,
      requestId: request,
      level,
      text: JSON.parse(line) as string,
      ...(node === null ? {} : { node }),
      ...(attempt === null ? {} : { attempt }),
    }))
  }
}
