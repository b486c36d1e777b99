import type { ExecutionRecord, ExecutionStatus } from '../../api.ts'
import { EngineError } from '../../errors.ts'
import type { Database } from './database.ts'
import { originOfParent, originOfTrigger } from './origin.ts'
import { LIST_COLUMNS, recordOfRow, type ListRow } from './records.ts'
import type { EndedRecord, RecordFilter } from './types.ts'

type EndedStatus = EndedRecord['status']
const ENDED: readonly EndedStatus[] = ['succeeded', 'failed', 'cancelled', 'timedOut']

/** One page, newest first (by start, then id). Throws EngineError. */
export async function listRecords(db: Database, scope: number, filter: RecordFilter): Promise<ExecutionRecord[]> {
  const query = listQuery(scope, filter)
  return query === null ? [] : (await db.rows<ListRow>(query.sql, query.values)).map(recordOfRow)
}

/**
 * @internal The statement, or null where nothing can match. An index gives the order within one status, so the list is merged from one range per
 * status and flow, each read no further than the page: the cost does not grow with the table. Only what no index holds (a flow among the children of one
 * parent, the type of a trigger without its name) is filtered along such a range.
 */
export function listQuery(scope: number, filter: RecordFilter): { readonly sql: string; readonly values: readonly unknown[] } | null {
  const statuses = statusesOf(filter.status)
  if (statuses.length === 0) return null
  const values: unknown[] = [scope]
  const parameter = (value: unknown): string => `$${values.push(value)}`
  const conditions: string[] = []
  const { flow, parent, trigger, before, startedAfter } = filter
  const origin =
    parent !== undefined ? originOfParent(parent) : trigger?.name === undefined ? undefined : originOfTrigger(trigger.type, trigger.name)
  if (origin !== undefined) conditions.push(`origin = ${parameter(origin)}`)
  // U+0000 is in no row, and PostgreSQL would refuse it
  const flows = flow === undefined ? undefined : [...new Set([flow].flat())].filter((name) => !name.includes('\0'))
  if (flows?.length === 0) return null
  // the empty text keeps PostgreSQL from taking an index for what only filters
  if (origin !== undefined && flows !== undefined) conditions.push(`flow || '' = ANY(${parameter(flows)}::text[])`)
  const within = origin !== undefined || flows === undefined ? [''] : flows.map((name) => `flow = ${parameter(name)}`)
  if (trigger !== undefined && (trigger.name === undefined || parent !== undefined))
    conditions.push(...triggerConditions(trigger, parameter))
  if (before !== undefined) conditions.push(`(started_at, id) < (${parameter(before.startedAt)}, ${parameter(before.id)})`)
  if (startedAfter !== undefined) conditions.push(`started_at >= ${parameter(startedAfter)}`)
  const limit = parameter(filter.limit)
  const ranges = statuses.flatMap((status) => {
    const ofStatus = ['scope = $1', `status = ${parameter(status)}`, ...conditions].join(' AND ')
    return within.map((ofFlow) => {
      const where = ofFlow === '' ? ofStatus : `${ofStatus} AND ${ofFlow}`
      return `(SELECT ${LIST_COLUMNS} FROM fnflow.executions WHERE ${where} ORDER BY started_at DESC, id DESC LIMIT ${limit})`
    })
  })
  if (ranges.length === 1) return { sql: ranges[0] ?? '', values }
  return { sql: `SELECT * FROM (${ranges.join(' UNION ALL ')}) AS r ORDER BY started_at DESC, id DESC LIMIT ${limit}`, values }
}

function triggerConditions(
  { type, name }: { readonly type: string; readonly name?: string },
  parameter: (value: unknown) => string,
): string[] {
  if (name !== undefined) return [`trigger = ${parameter(JSON.stringify({ type, name }))}`]
  // as JSON.stringify writes it: the type is the first member
  return [`starts_with(trigger, ${parameter(`{"type":${JSON.stringify(type)}`)})`]
}

function statusesOf(status: ExecutionStatus | readonly ExecutionStatus[] | undefined): EndedStatus[] {
  if (status === undefined) return [...ENDED]
  const wanted = new Set([status].flat())
  for (const name of wanted) {
    if (name !== 'running' && !ENDED.includes(name))
      throw new EngineError('bad-option', `no executions have status ${String(name)}; known: running, ${ENDED.join(', ')}`)
  }
  return ENDED.filter((name) => wanted.has(name))
}
