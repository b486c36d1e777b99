import type { Flow, Recorder } from '../../dsl/core/state.ts'
import { outstanding } from '../../dsl/core/machine.ts'
import { NodeRun } from '../../dsl/core/state.ts'
import type { ExecutionRecord, ListOptions, NodeRecord } from '../api.ts'
import { EngineError } from '../errors.ts'
import type { DeployedFlow } from '../execution-info.ts'
import type { IterationPage, IterationRange } from '../durable.ts'
import type { LogRange, StoredLine } from '../log-lines.ts'
import { LoopView } from '../loop-view.ts'
import { requireLoop } from '../node-names.ts'
import { NodeView } from '../view.ts'
import { recordOf } from './execution.ts'
import type { EmbeddedHost } from './embedded-host.ts'
import { fold, type Folder } from './fold.ts'
import { listRows } from './listing.ts'
import type { ExecutionRow, LogRow, Store } from './store.ts'

const LINES = 'SELECT rowid AS seq, time, node, request, level, line, attempt FROM logs INDEXED BY'
export const LINES_BY_TIME = `${LINES} logs_time WHERE execution = ? AND (time, rowid) > (?, ?) ORDER BY time, rowid LIMIT ?`
/** From its place on, whatever is behind it: no page sorts what is to come. The plus keeps the time out of it. */
export const LINES_AS_WRITTEN = `${LINES} logs_written WHERE execution = ? AND +time >= ? AND rowid > ? ORDER BY rowid LIMIT ?`

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
    const { rows, nextCursor } = listRows(this.store, options)
    return { items: rows.map((row) => recordOf(row, false)), ...(nextCursor === undefined ? {} : { nextCursor }) }
  }

  nodes(id: string, options: { readonly iterations?: string; readonly offset?: number; readonly limit?: number }): NodeRecord[] {
    const { iterations, offset = 0, limit = 1000 } = options
    if (!Number.isInteger(offset) || offset < 0 || !Number.isInteger(limit) || limit < 1)
      throw new EngineError('bad-option', 'offset and limit must be whole numbers, from 0 and from 1')
    const inside = iterations === undefined ? undefined : { loop: iterations, from: offset, to: offset + limit }
    const view = new NodeView(inside === undefined ? {} : { inside })
    const folder = this.fold(id, view)
    refreshView(view, folder)
    return view.list()
  }

  /** Whether a call of that id has answered a callback of the execution. */
  wasAnsweredBy(id: string, call: string): boolean {
    const sql = 'SELECT 1 FROM callbacks WHERE execution = (SELECT key FROM executions WHERE id = ?) AND used_by = ?'
    return this.store.get(sql, id, call) !== undefined
  }

  /** One page of a loop's iterations. Throws EngineError `node-not-found`. */
  iterations(id: string, loop: string, { from, limit }: IterationRange): IterationPage {
    const row = this.row(id)
    const { deployed, start } = this.host.startOf(row)
    requireLoop(loop, { id, plan: deployed.plan })
    const view = new NodeView({ inside: { loop, from, to: from + limit } })
    const watch = new LoopView(loop, view)
    const folder = fold(deployed.prepared, start, this.store.events(row.key), watch)
    refreshView(view, folder, watch)
    return { items: view.list(), total: watch.total }
  }

  logs(id: string, range: LogRange): StoredLine[] {
    const { key } = this.row(id)
    const { limit } = range
    if (range.order === 'written') {
      return this.store.all<LogRow>(LINES_AS_WRITTEN, key, range.since, range.behind, limit).map(lineOf)
    }
    const { time, seq } = range.behind ?? { time: -1, seq: -1 }
    return this.store.all<LogRow>(LINES_BY_TIME, key, time, seq, limit).map(lineOf)
  }

  /** By the index of what has not succeeded: a retry is of the same flow, and younger. */
  hasRunningRetry({ id, flow }: ExecutionRecord): boolean {
    const sql =
      "SELECT trigger FROM executions WHERE status = 'running' AND status <> 'succeeded' AND flow = ? AND key > (SELECT key FROM executions WHERE id = ?) AND retry_of = ?"
    return this.store.all<{ trigger: string | null }>(sql, flow, id, id).some(({ trigger }) => trigger?.includes('"retry"') === true)
  }

  /** Folds the journal of an execution with a recorder; returns what it ran. */
  foldWith(id: string, recorder: Recorder): { readonly deployed: DeployedFlow; readonly flow: Flow } {
    const row = this.row(id)
    const { deployed, start } = this.host.startOf(row)
    const { flow } = fold(deployed.prepared, start, this.store.events(row.key), recorder)
    return { deployed, flow }
  }

  private fold(id: string, recorder: Recorder): Folder {
    const row = this.row(id)
    const { deployed, start } = this.host.startOf(row)
    return fold(deployed.prepared, start, this.store.events(row.key), recorder)
  }
}

function lineOf({ seq, time, node, request, level, line, attempt }: LogRow): StoredLine {
  return {
    seq,
    time,
    requestId: request,
    level: level as StoredLine['level'],
    text: line,
    ...(node === null ? {} : { node }),
    ...(attempt === null ? {} : { attempt }),
  }
}

/** Brings what changes without a word of the core (counts, inputs of running nodes) up to date. */
export function refreshView(view: NodeView, folder: Pick<Folder, 'flow'>, watch?: LoopView): void {
  const runs = new Set<NodeRun>()
  const visit = (run: NodeRun | null): void => {
    if (run === null) return
    runs.add(run)
    watch?.look(run)
    if (run.node.plan.type === 'loop' && watch === undefined) return
    if (run.children !== null) for (const child of run.children.values()) visit(child.current)
  }
  visit(folder.flow.root.current)
  for (const command of outstanding(folder.flow)) if (command instanceof NodeRun) runs.add(command)
  view.refresh(runs)
}
