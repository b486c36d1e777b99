import type { SQLInputValue } from 'node:sqlite'
import type { ExecutionStatus, ListOptions } from '../api.ts'
import { EngineError } from '../errors.ts'
import { checkLimit } from '../execution-info.ts'
import type { ExecutionRow, Store } from './store.ts'

const STATUSES: readonly ExecutionStatus[] = ['running', 'succeeded', 'failed', 'cancelled', 'timedOut']

const COLUMNS =
  'key, id, flow, version, plan, core, status, started_at, ended_at, depth, parent, parent_place, parent_node, retry_of, error, trigger'

/**
 * One page of executions, newest first, by index alone. An index gives the order of keys within one flow and state, so a list over several
 * is merged from one look-up each; a sort in SQLite would read all of them. Throws EngineError `bad-option`.
 */
export function listRows(store: Store, options: ListOptions): { readonly rows: readonly ExecutionRow[]; readonly nextCursor?: string } {
  const limit = checkLimit(options.limit)
  const before = options.cursor === undefined ? Number.MAX_SAFE_INTEGER : keyOf(options.cursor)
  const keys: number[] = []
  for (const { sql, values } of queries(store, options)) {
    const full = `SELECT key FROM executions WHERE ${sql}${sql === '' ? '' : ' AND '}key < ? ORDER BY key DESC LIMIT ?`
    for (const { key } of store.all<{ key: number }>(full, ...values, before, limit + 1)) keys.push(key)
  }
  keys.sort((a, b) => b - a)
  const shown = keys.slice(0, limit)
  const rows = shown.flatMap((key) => store.get<ExecutionRow>(`SELECT ${COLUMNS} FROM executions WHERE key = ?`, key) ?? [])
  return keys.length > limit ? { rows, nextCursor: Buffer.from(String(shown.at(-1))).toString('base64url') } : { rows }
}

/** @internal What {@link listRows} asks, one query per stretch of an index. */
export function queries(store: Store, { flow, status, parent }: ListOptions): { readonly sql: string; readonly values: SQLInputValue[] }[] {
  const statuses = status === undefined ? [...STATUSES] : [...new Set([status].flat())]
  for (const wanted of statuses) {
    if (!STATUSES.includes(wanted))
      throw new EngineError('bad-option', `no executions have status ${wanted}; known: ${STATUSES.join(', ')}`)
  }
  const flows = flow === undefined ? undefined : [...new Set([flow].flat())]
  const all = statuses.length === STATUSES.length
  // the plus keeps SQLite from taking an index for what only filters
  if (parent !== undefined) {
    const oneOf = (column: string, of: readonly string[]): string => ` AND +${column} IN (${of.map(() => '?').join(',')})`
    const sql = `parent = ?${flows === undefined ? '' : oneOf('flow', flows)}${all ? '' : oneOf('status', statuses)}`
    return [{ sql, values: [parent, ...(flows ?? []), ...(all ? [] : statuses)] }]
  }
  if (all) return flows === undefined ? [{ sql: '', values: [] }] : flows.map((name) => ({ sql: 'flow = ?', values: [name] }))
  return statuses.flatMap((wanted) => {
    // not in the index of states: nearly all have succeeded
    if (wanted === 'succeeded') {
      if (flows === undefined) return [{ sql: '+status = ?', values: [wanted] }]
      return flows.map((name) => ({ sql: 'flow = ? AND +status = ?', values: [name, wanted] }))
    }
    return (flows ?? flowsWith(store, wanted)).map((name) => ({
      sql: "status = ? AND status <> 'succeeded' AND flow = ?",
      values: [wanted, name],
    }))
  })
}

/** The flows that have executions in a state: from one to the next by index. */
function flowsWith(store: Store, status: ExecutionStatus): string[] {
  const flows: string[] = []
  const sql = "SELECT flow FROM executions WHERE status = ? AND status <> 'succeeded' AND flow > ? ORDER BY flow LIMIT 1"
  for (let after = ''; ;) {
    const next = store.get<{ flow: string }>(sql, status, after)
    if (next === undefined) return flows
    flows.push((after = next.flow))
  }
}

function keyOf(cursor: unknown): number {
  const text = typeof cursor === 'string' ? Buffer.from(cursor, 'base64url').toString() : ''
  if (!/^\d{1,15}$/.test(text)) throw new EngineError('bad-option', 'this cursor is not one of a list')
  return Number(text)
}
