import type { SQLInputValue } from 'node:sqlite'
import type { ListOptions } from '../api.ts'
import { badCursor, checkList, type CheckedFilter } from '../list-options.ts'
import { stretches, type Stretch } from './list-queries.ts'
import type { ExecutionRow, Store } from './store.ts'

/** What a list shows; the columns behind them are big. */
export const LIST_COLUMNS =
  'key, id, flow, version, plan, core, status, started_at, ended_at, depth, parent, parent_place, parent_node, retry_of, error, trigger, ' +
  '(SELECT name FROM names WHERE names.key = executions.key) AS name'

/** Rows that are looked at for one page where no index holds all of the filter: what a page may cost. */
const MOST_LOOKED_AT = 5000

interface Sql {
  readonly sql: string
  readonly values: readonly SQLInputValue[]
}

export interface RowPage {
  readonly rows: readonly ExecutionRow[]
  readonly nextCursor?: string
}

/**
 * One page of executions, newest first, by index alone. An index gives the order of keys within one flow and state, so a list over several
 * is merged from one look-up each; a sort in SQLite would read all of them. Where a part of the filter is in no index, a page ends when it has
 * looked at so many rows, with fewer items than its limit, and a cursor. Throws EngineError `bad-option`.
 */
export function listRows(store: Store, options: ListOptions): RowPage {
  const { filter, limit, cursor } = checkList(options)
  const { from, before } = rangeOf(store, filter, cursor)
  const keys: number[] = []
  /** From here on down not everything was looked at. */
  let floor = from
  for (const stretch of stretches(store, filter)) {
    const found = keysOf(store, stretch, from, before, limit + 1)
    for (const { key } of found) keys.push(key)
    if (found.length <= limit && stretch.filters.length > 0) floor = Math.max(floor, lowest(store, stretch, from, before))
  }
  keys.sort((a, b) => b - a)
  const complete = keys.filter((key) => key >= floor)
  const shown = complete.slice(0, limit)
  const rows = shown.flatMap((key) => {
    const row = store.get<ExecutionRow>(`SELECT ${LIST_COLUMNS} FROM executions WHERE key = ?`, key)
    return row !== undefined && isWithin(filter, row) ? [row] : []
  })
  if (complete.length > limit) return { rows, nextCursor: cursorOf(shown.at(-1) as number) }
  return floor > from ? { rows, nextCursor: cursorOf(floor) } : { rows }
}

function keysOf(store: Store, stretch: Stretch, from: number, before: number, most: number): { readonly key: number }[] {
  const { sql, values } = keysSql(stretch, from, before, most)
  return store.all<{ key: number }>(sql, ...values)
}

/** @internal The newest keys of a stretch that pass its filters. */
export function keysSql(stretch: Stretch, from: number, before: number, most: number): Sql {
  const { table, filters } = stretch
  if (filters.length === 0) {
    const { sql, values } = rangeSql(stretch, from, before)
    return { sql: `${sql} LIMIT ?`, values: [...values, most] }
  }
  // the inner limit bounds what is looked at; the outer one ends it as soon as the page is full
  const isOwn = table === 'executions'
  const { sql, values } = rangeSql(stretch, from, before, isOwn ? filters.map(({ column }) => column) : [])
  const where = filters.map((filter) => filter.sql(isOwn ? filter.column : `e.${filter.column}`)).join(' AND ')
  const rows = isOwn ? `(${sql} LIMIT ?) AS s` : `(${sql} LIMIT ?) AS s CROSS JOIN executions AS e ON e.key = s.key`
  const all = [...values, MOST_LOOKED_AT, ...filters.flatMap((filter) => filter.values), most]
  return { sql: `SELECT s.key FROM ${rows} WHERE ${where} LIMIT ?`, values: all }
}

/** The last of the rows that {@link keysOf} could look at; `from` where those were all. */
function lowest(store: Store, stretch: Stretch, from: number, before: number): number {
  const { sql, values } = rangeSql(stretch, from, before)
  const last = store.get<{ key: number }>(`${sql} LIMIT 1 OFFSET ?`, ...values, MOST_LOOKED_AT - 1)
  return last?.key ?? from
}

function rangeSql({ table, where, values }: Stretch, from: number, before: number, more: readonly string[] = []): Sql {
  const columns = [...new Set(['key', ...more])].join(', ')
  const sql = `SELECT ${columns} FROM ${table} WHERE ${where}${where === '' ? '' : ' AND '}key < ? AND key >= ? ORDER BY key DESC`
  return { sql, values: [...values, before, from] }
}

/** Keys grow with the time of the start: a time is a key. */
function rangeOf(store: Store, { startedAfter, startedBefore }: CheckedFilter, cursor: string | undefined) {
  const from = startedAfter === undefined ? 0 : keyAt(store, startedAfter)
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : keyOf(cursor)
  return { from, before: startedBefore === undefined ? before : Math.min(before, keyAt(store, startedBefore)) }
}

/** The key of the first execution that started at a time or later, by halving; one behind the last where there is none. */
export function keyAt(store: Store, time: number): number {
  let low = 1
  let high = Number(store.get('SELECT max(key) AS key FROM executions')?.['key'] ?? 0) + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const sql = 'SELECT key, started_at FROM executions WHERE key >= ? ORDER BY key LIMIT 1'
    const row = store.get<{ key: number; started_at: number }>(sql, middle)
    if (row === undefined || row.started_at >= time) high = middle
    else low = row.key + 1
  }
  return low
}

/** A clock that was put back leaves keys whose times are out of order. */
function isWithin({ startedAfter, startedBefore }: CheckedFilter, { started_at: at }: ExecutionRow): boolean {
  return (startedAfter === undefined || at >= startedAfter) && (startedBefore === undefined || at < startedBefore)
}

function cursorOf(key: number): string {
  return Buffer.from(String(key)).toString('base64url')
}

function keyOf(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString()
  if (!/^\d{1,15}$/.test(text)) throw badCursor()
  return Number(text)
}
