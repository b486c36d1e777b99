import { placeOf } from '../../dsl/core/place.ts'
import { CORE_VERSION } from '../../dsl/core/machine.ts'
import { NodeRun, type Command, type Timer } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import { tokenHash } from '../ids.ts'
import type { DurableStart, Outcome } from './contract.ts'
import type { EmbeddedExecution } from './execution.ts'
import { PLAIN_TRIGGER, triggerText } from './list-queries.ts'
import { countEnd } from './statistics.ts'
import type { EventRow, ExecutionRow, Store } from './store.ts'

/** The row of a new execution: the start event of its journal. */
export function insertExecution(store: Store, { key, start: info, deployed, depth }: EmbeddedExecution, start: DurableStart): void {
  const trigger = start.trigger === undefined ? null : triggerText(start.trigger)
  store.run(
    'INSERT INTO executions (key, id, flow, version, plan, core, status, started_at, depth, parent, parent_place, parent_node, retry_of, trigger, input) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)',
    key,
    start.id,
    deployed.name,
    deployed.version,
    deployed.hash,
    CORE_VERSION,
    'running',
    info.startedAt,
    depth,
    start.parent?.execution ?? null,
    start.parent?.place ?? null,
    start.parent?.node ?? null,
    start.retryOf ?? null,
    trigger,
    JSON.stringify(start.input),
  )
  if (start.traceparent !== undefined) store.run('INSERT INTO traces (execution, traceparent) VALUES (?,?)', key, start.traceparent)
  if (start.trigger !== undefined && trigger !== PLAIN_TRIGGER) {
    const { type, name = '' } = start.trigger
    store.run('INSERT INTO started_by (type, flow, name, key) VALUES (?,?,?,?)', type, deployed.name, name, key)
  }
}

/** Takes an execution out of the store, with all that belongs to it but its name, which stays taken. */
export function deleteExecution(store: Store, key: number): void {
  const row = store.get<{ flow: string; trigger: string | null }>('SELECT flow, trigger FROM executions WHERE key = ?', key)
  if (row === undefined) return
  const startedBy = row.trigger === null || row.trigger === PLAIN_TRIGGER ? null : triggerOf(row.trigger)
  if (startedBy !== null) {
    const { type, name = '' } = startedBy
    store.run('DELETE FROM started_by WHERE type = ? AND flow = ? AND name = ? AND key = ?', type, row.flow, name, key)
  }
  for (const table of ['events', 'logs', 'callbacks', 'timers', 'traces', 'resting'])
    store.run(`DELETE FROM ${table} WHERE execution = ?`, key)
  store.run('DELETE FROM executions WHERE key = ?', key)
}

/** Of a damaged column null: what points there from `started_by` finds no row. */
function triggerOf(text: string): { readonly type: string; readonly name?: string } | null {
  try {
    return JSON.parse(text) as { type: string; name?: string }
  } catch {
    return null
  }
}

export function insertEvent(store: Store, key: number, { seq, time, kind, place, data }: EventRow): void {
  store.run('INSERT INTO events (execution, seq, time, kind, place, data) VALUES (?,?,?,?,?,?)', key, seq, time, kind, place, data)
}

/** Writes what must be found without folding: timers, callback tokens, the end. */
export function writeCommands(store: Store, execution: EmbeddedExecution, commands: readonly Command[]): void {
  const { key } = execution
  for (const command of commands) {
    if (command instanceof NodeRun) {
      if (command.kind === 'invoke' && command.node.plan.type === 'callback') bindToken(store, execution, command)
    } else if (command.kind === 'timer') {
      store.run(
        'INSERT OR REPLACE INTO timers (execution, place, purpose, due) VALUES (?,?,?,?)',
        key,
        timerPlace(command),
        command.purpose,
        command.due,
      )
    } else if (command.kind === 'clear') deleteTimer(store, key, timerPlace(command.timer), command.timer.purpose)
    else if (command.kind === 'end') writeEnd(store, execution)
  }
}

function writeEnd(store: Store, { key, flow, deployed }: EmbeddedExecution): void {
  countEnd(store, deployed.name, flow.status, flow.start.startedAt, flow.now)
  store.run(
    'UPDATE executions SET status = ?, ended_at = ?, output = ?, error = ? WHERE key = ?',
    flow.status,
    flow.now,
    flow.status === 'succeeded' ? JSON.stringify(flow.output) : null,
    flow.error === null ? null : JSON.stringify(flow.error),
    key,
  )
}

function bindToken(store: Store, execution: EmbeddedExecution, run: NodeRun): void {
  const place = placeOf(run)
  const hash = tokenHash(execution.callbackAt(place).token)
  store.run('INSERT OR IGNORE INTO callbacks (hash, execution, place, used) VALUES (?,?,?,0)', hash, execution.key, place)
}

export function deleteTimer(store: Store, key: number, place: string, purpose: string): void {
  store.run('DELETE FROM timers WHERE execution = ? AND place = ? AND purpose = ?', key, place, purpose)
}

/** Puts a timer off, so that it is not in the way of the others. */
export function postponeTimer(store: Store, key: number, place: string, purpose: string, due: number): void {
  store.run('UPDATE timers SET due = ? WHERE execution = ? AND place = ? AND purpose = ?', due, key, place, purpose)
}

function timerPlace(timer: Timer): string {
  return timer.run === null ? '' : placeOf(timer.run)
}

export function outcomeOf(row: ExecutionRow): Outcome {
  return {
    id: row.id,
    status: row.status,
    output: row.output === null ? null : (JSON.parse(row.output) as Json),
    error: row.error === null ? null : (JSON.parse(row.error) as ErrorDocument),
  }
}
