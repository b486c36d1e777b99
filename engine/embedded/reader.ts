import type { Recorder } from '../../dsl/core/state.ts'
import { outstanding } from '../../dsl/core/machine.ts'
import { NodeRun } from '../../dsl/core/state.ts'
import type { Plan } from '../../dsl/plan.ts'
import type { LogLine } from '../../executors/contract.ts'
import type { ExecutionRecord, ListOptions, NodeRecord } from '../api.ts'
import { EngineError } from '../errors.ts'
import type { DeployedFlow } from '../execution-info.ts'
import { NodeView } from '../view.ts'
import { recordOf } from './execution.ts'
import type { EmbeddedHost } from './embedded-host.ts'
import { fold, type Folder } from './fold.ts'
import type { ExecutionRow, LogRow, Store } from './store.ts'

const LIST_COLUMNS =
  'key, id, flow, version, plan, core, status, started_at, ended_at, depth, parent, parent_place, parent_node, retry_of, error, trigger'

/** What is read of a store: lists by index, views by folding the journal. Call it when the journal is settled. */
export class Reader {
  private readonly store: Store
  private readonly host: EmbeddedHost

  constructor(store: Store, host: EmbeddedHost) {
    this.store = store
    this.host = host
  }

  /** Throws EngineError `execution-not-found`. */
  row(id: string): ExecutionRow {
    const row = this.store.execution(id)
    if (row === undefined) throw new EngineError('execution-not-found', `no execution ${id}`)
    return row
  }

  record(id: string, withData: boolean): ExecutionRecord {
    return recordOf(this.row(id), withData)
  }

  /** Newest first. */
  list(options: ListOptions): { items: ExecutionRecord[]; nextCursor?: string } {
    const limit = options.limit ?? 50
    if (!Number.isInteger(limit) || limit < 1 || limit > 200)
      throw new EngineError('bad-option', `limit must be a whole number from 1 to 200, not ${limit}`)
    const where: string[] = []
    const values: (string | number)[] = []
    const add = (sql: string, ...given: (string | number)[]): void => {
      where.push(sql)
      values.push(...given)
    }
    if (options.flow !== undefined) add('flow = ?', options.flow)
    if (options.parent !== undefined) add('parent = ?', options.parent)
    const statuses = options.status === undefined ? [] : typeof options.status === 'string' ? [options.status] : options.status
    if (statuses.length > 0) {
      add(`status IN (${statuses.map(() => '?').join(',')})`, ...statuses)
      // lets SQLite use the partial index
      if (!statuses.includes('succeeded')) add("status <> 'succeeded'")
    }
    if (options.cursor !== undefined) {
      const key = Number(Buffer.from(options.cursor, 'base64url').toString())
      if (!Number.isSafeInteger(key)) throw new EngineError('bad-option', 'this cursor is not one of a list')
      add('key < ?', key)
    }
    const sql = `SELECT ${LIST_COLUMNS} FROM executions ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY key DESC LIMIT ${limit + 1}`
    const rows = this.store.all<ExecutionRow>(sql, ...values)
    const items = rows.slice(0, limit).map((row) => recordOf(row, false))
    const last = rows[limit - 1]
    return rows.length > limit && last !== undefined
      ? { items, nextCursor: Buffer.from(String(last.key)).toString('base64url') }
      : { items }
  }

  nodes(id: string, options: { readonly iterations?: string; readonly offset?: number; readonly limit?: number }): NodeRecord[] {
    const { iterations, offset = 0, limit = 1000 } = options
    const inside = iterations === undefined ? undefined : { loop: iterations, from: offset, to: offset + limit }
    const view = new NodeView(inside === undefined ? {} : { inside })
    const folder = this.fold(id, view)
    refreshView(view, folder)
    return [...view.records.values()]
  }

  logs(id: string): (LogLine & { node?: string })[] {
    const { key } = this.row(id)
    const rows = this.store.all<LogRow>('SELECT time, node, request, level, line FROM logs WHERE execution = ? ORDER BY rowid', key)
    return rows.map(({ time, node, request, level, line }) => ({
      time,
      requestId: request,
      level: level as LogLine['level'],
      text: line,
      ...(node === null ? {} : { node }),
    }))
  }

  hasRunningRetry(id: string): boolean {
    return (
      this.store.get("SELECT 1 FROM executions WHERE status = 'running' AND retry_of = ? AND status <> 'succeeded' LIMIT 1", id) !==
      undefined
    )
  }

  /** Folds the journal of an execution with a recorder; returns what it ran. */
  foldWith(id: string, recorder: Recorder): DeployedFlow {
    const row = this.row(id)
    const { deployed, start } = this.host.startOf(row)
    fold(deployed.prepared, start, this.store.events(row.key), recorder)
    return deployed
  }

  storedFlows(): { hash: string; plan: Plan }[] {
    return this.store
      .all<{ hash: string; plan: string }>('SELECT flows.hash, plans.plan FROM flows JOIN plans ON plans.hash = flows.hash')
      .map(({ hash, plan }) => ({ hash, plan: JSON.parse(plan) as Plan }))
  }

  private fold(id: string, recorder: Recorder): Folder {
    const row = this.row(id)
    const { deployed, start } = this.host.startOf(row)
    return fold(deployed.prepared, start, this.store.events(row.key), recorder)
  }
}

/** Brings what changes without a word of the core (counts, inputs of running nodes) up to date. */
export function refreshView(view: NodeView, folder: Folder): void {
  const runs = new Set<NodeRun>()
  const visit = (run: NodeRun | null): void => {
    if (run === null) return
    runs.add(run)
    if (run.node.plan.type === 'loop') return
    if (run.children !== null) for (const child of run.children.values()) visit(child.current)
  }
  visit(folder.flow.root.current)
  for (const command of outstanding(folder.flow)) if (command instanceof NodeRun) runs.add(command)
  view.refresh(runs)
}
