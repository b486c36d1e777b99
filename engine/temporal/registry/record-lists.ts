import type { ExecutionRecord } from '../../api.ts'
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
 * @internal The statement, or null where nothing can match. An index gives the order within one status (and flow), so the list is merged from one
 * range for each, read no further than the page: the cost does not grow with the table. Only what no index holds (a flow among the children of one
 * parent, calls of the API) is filtered along such a range.
 */
export function listQuery(scope: number, filter: RecordFilter): { readonly sql: string; readonly values: readonly unknown[] } | null {
  const statuses = filter.statuses === undefined ? ENDED : ENDED.filter((status) => filter.statuses?.includes(status))
  const { parent, name, trigger, before, startedAfter, startedBefore } = filter
  // U+0000 is in no row, and PostgreSQL would refuse it
  const flows = filter.flows?.filter((flow) => !flow.includes('\0'))
  if (statuses.length === 0 || flows?.length === 0) return null
  const values: unknown[] = [scope]
  const parameter = (value: unknown): string => `$${values.push(value)}`
  const conditions: string[] = []
  const origin =
    parent !== undefined ? originOfParent(parent) : trigger?.name === undefined ? undefined : originOfTrigger(trigger.type, trigger.name)
  const byType = trigger !== undefined && trigger.name === undefined && trigger.type !== 'api'
  /** The index whose column is asked for first; the others' are only filtered, from which the empty text keeps PostgreSQL. */
  const index = name !== undefined ? 'name' : origin !== undefined ? 'origin' : byType ? 'trigger' : flows !== undefined ? 'flow' : 'status'
  const column = (text: string, of: string): string => (index === of ? text : `${text} || ''`)
  if (name !== undefined) conditions.push(`name = ${parameter(name)}`)
  if (origin !== undefined) conditions.push(`${column('origin', 'origin')} = ${parameter(origin)}`)
  if (byType) conditions.push(`${column('trigger_type', 'trigger')} = ${parameter(trigger.type)}`)
  if (flows !== undefined && index !== 'flow') conditions.push(`flow || '' = ANY (${parameter(flows)}::text[])`)
  if (trigger !== undefined && !byType && (trigger.name === undefined || parent !== undefined))
    conditions.push(...triggerConditions(trigger, parameter))
  if (before !== undefined) conditions.push(`(started_at, id) < (${parameter(before.startedAt)}, ${parameter(before.id)})`)
  if (startedAfter !== undefined) conditions.push(`started_at >= ${parameter(startedAfter)}`)
  if (startedBefore !== undefined) conditions.push(`started_at < ${parameter(startedBefore)}`)
  const limit = parameter(filter.limit)
  const owners = index === 'flow' ? (flows ?? []).map((flow) => [`flow = ${parameter(flow)}`]) : [[]]
  const ranges = statuses.flatMap((status) => {
    const wanted = parameter(status)
    return owners.map((owner) => {
      const where = ['scope = $1', `status = ${wanted}`, ...owner, ...conditions].join(' AND ')
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
