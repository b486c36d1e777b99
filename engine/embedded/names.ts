import { inputHash, NAME_KEPT_MS, nameOfDeleted, nameTaken } from '../names.ts'
import type { DurableStart } from './contract.ts'
import type { Store } from './store.ts'

/** So many are forgotten at once. */
const BATCH = 1000

/**
 * The execution that has a start's name; undefined where it is free. Look and start must be in one turn of the event loop: what is written is
 * visible at once. Throws EngineError `conflict`.
 */
export function namedExecution(store: Store, flow: string, { name, input }: DurableStart): string | undefined {
  if (name === undefined) return undefined
  const sql = 'SELECT execution, input, at FROM names WHERE name = ? AND flow = ? ORDER BY key DESC LIMIT 1'
  const taken = store.get<{ execution: string; input: string; at: number }>(sql, name, flow)
  if (taken === undefined || taken.at <= Date.now() - NAME_KEPT_MS) return undefined
  const { execution } = taken
  if (taken.input !== inputHash(input)) throw nameTaken(flow, name, execution)
  if (store.get('SELECT 1 FROM executions WHERE id = ?', execution) === undefined) throw nameOfDeleted(flow, name, execution)
  return execution
}

/** Takes the name, in the transaction of the start. */
export function takeName(store: Store, key: number, flow: string, { id, name, input }: DurableStart): void {
  if (name === undefined) return
  const sql = 'INSERT INTO names (key, execution, flow, name, input, at) VALUES (?,?,?,?,?,?)'
  store.run(sql, key, id, flow, name, inputHash(input), Date.now())
}

/** Forgets names that are free again and whose executions are gone: keys grow with time, so these are the first ones. */
export function forgetNames(store: Store): void {
  const sql = `DELETE FROM names WHERE key IN (SELECT key FROM names ORDER BY key LIMIT ?) AND at <= ?
    AND NOT EXISTS (SELECT 1 FROM executions WHERE executions.key = names.key)`
  store.run(sql, BATCH, Date.now() - NAME_KEPT_MS)
}
