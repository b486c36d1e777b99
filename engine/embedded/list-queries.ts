/** Which stretches of which index hold the executions of a list. */
import { API_TRIGGER } from '../intake.ts'
import type { SQLInputValue } from 'node:sqlite'
import type { ExecutionStatus } from '../api.ts'
import type { CheckedFilter, TriggerFilter } from '../list-options.ts'
import type { Store } from './store.ts'

/** Of nearly all executions of an API: it has no entry in `started_by`. */
export const PLAIN_TRIGGER = '{"type":"api"}'

/** One stretch of an index, in the order of keys, and what of it is wanted. */
export interface Stretch {
  /** The table with column `key`. */
  readonly table: string
  /** SQL with `?` for the values; the empty text: the whole table. */
  readonly where: string
  readonly values: readonly SQLInputValue[]
  /** What no index holds, of columns of `executions`; empty: all of it is wanted. */
  readonly filters: readonly Condition[]
}

/** A condition on one column. */
export interface Condition {
  readonly column: string
  sql(column: string): string
  readonly values: readonly SQLInputValue[]
}

/** The stretches whose union is what the filter wants; no execution is in two of them. */
export function stretches(store: Store, filter: CheckedFilter): Stretch[] {
  const { flows, statuses, trigger, parent, name } = filter
  const inFlows = flows === undefined ? [] : [isIn('flow', flows)]
  const inStatuses = statuses === undefined ? [] : [isIn('status', statuses)]
  const byTrigger = trigger === undefined ? [] : [triggerCondition(trigger)]
  if (name !== undefined) {
    const fromParent = parent === undefined ? [] : [isIn('parent', [parent])]
    return (flows ?? [undefined]).map((flow) =>
      stretch('names', flow === undefined ? { name } : { name, flow }, [...fromParent, ...inStatuses, ...byTrigger]),
    )
  }
  if (parent !== undefined) return [stretch('executions', { parent }, [...inFlows, ...inStatuses, ...byTrigger])]
  if (trigger !== undefined && trigger.type !== 'api')
    return startedBy(store, trigger, flows).map((own) => stretch('started_by', own, inStatuses))
  if (statuses === undefined)
    return (flows ?? [undefined]).map((flow) => stretch('executions', flow === undefined ? {} : { flow }, byTrigger))
  return statuses.flatMap((status) => {
    // not in the index of states: nearly all have succeeded
    if (status === 'succeeded')
      return (flows ?? [undefined]).map((flow) =>
        stretch('executions', flow === undefined ? {} : { flow }, [isIn('status', [status]), ...byTrigger]),
      )
    return (flows ?? flowsWith(store, status)).map((flow): Stretch => {
      const found = stretch('executions', { status, flow }, byTrigger)
      // the second condition lets SQLite take the partial index
      return { ...found, where: `${found.where} AND status <> 'succeeded'` }
    })
  })
}

function stretch(table: string, where: Readonly<Record<string, string>>, filters: readonly Condition[]): Stretch {
  return {
    table,
    where: Object.keys(where)
      .map((column) => `${column} = ?`)
      .join(' AND '),
    values: Object.values(where),
    filters,
  }
}

function isIn(column: string, values: readonly string[]): Condition {
  return { column, sql: (name) => `${name} IN (${values.map(() => '?').join(',')})`, values }
}

/** The text of the column begins with type and name, as {@link triggerText} writes it. */
function triggerCondition({ type, name }: TriggerFilter): Condition {
  const beginning = `{"type":${JSON.stringify(type)}${name === undefined ? '' : `,"name":${JSON.stringify(name)}`}`
  return { column: 'trigger', sql: (name) => `substr(${name}, 1, ?) = ?`, values: [[...beginning].length, beginning] }
}

/** A trigger as its column has it: type and name first. */
export function triggerText(trigger: { readonly type: string; readonly name?: string }): string {
  if (trigger === API_TRIGGER) return PLAIN_TRIGGER
  const { type, name, ...more } = trigger
  return JSON.stringify({ type, ...(name === undefined ? {} : { name }), ...more })
}

/** The flows that have executions in a state: from one to the next by index. */
function flowsWith(store: Store, status: ExecutionStatus): string[] {
  const sql = "SELECT flow FROM executions WHERE status = ? AND status <> 'succeeded' AND flow > ? ORDER BY flow LIMIT 1"
  return [...eachAfter((after) => store.get<{ flow: string }>(sql, status, after)?.flow)]
}

/** The stretches of one trigger, or of all of its type: one for each flow and name that there is. */
function startedBy(store: Store, { type, name }: TriggerFilter, flows: readonly string[] | undefined): Record<string, string>[] {
  const nextFlow = 'SELECT flow FROM started_by WHERE type = ? AND flow > ? ORDER BY flow LIMIT 1'
  const nextName = 'SELECT name FROM started_by WHERE type = ? AND flow = ? AND name > ? ORDER BY name LIMIT 1'
  const wanted = flows ?? [...eachAfter((after) => store.get<{ flow: string }>(nextFlow, type, after)?.flow)]
  return wanted.flatMap((flow) => {
    if (name !== undefined) return [{ type, flow, name }]
    const unnamed = store.get('SELECT 1 FROM started_by WHERE type = ? AND flow = ? AND name = ? LIMIT 1', type, flow, '')
    const names = eachAfter((after) => store.get<{ name: string }>(nextName, type, flow, after)?.name)
    return [...(unnamed === undefined ? [] : ['']), ...names].map((each) => ({ type, flow, name: each }))
  })
}

function* eachAfter(next: (after: string) => string | undefined): Generator<string, void, undefined> {
  for (let after = ''; ;) {
    const found = next(after)
    if (found === undefined) return
    yield (after = found)
  }
}
