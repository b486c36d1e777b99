import { bodyOf } from '../dsl/core/body.ts'
import { lineageOf } from '../dsl/core/place.ts'
import { RANGE_NODE } from '../dsl/core/range.ts'
import type { NodeRun, Recorder, RunStatus } from '../dsl/core/state.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import type { PlanLoopNode } from '../dsl/plan.ts'
import { eventData } from '../dsl/nodes/event.ts'
import type { NodeRecord, NodeStatus } from './api.ts'

type MutableRecord = { -readonly [K in keyof NodeRecord]: NodeRecord[K] }
type Iterations = { total: number; succeeded: number; failed: number; running: number }

/** Kinds whose attempts are invocations; of the others the runs are counted. */
const INVOKING: ReadonlySet<string> = new Set(['function', 'callback', 'event', 'subflow'])
const WITH_BODY: ReadonlySet<string> = new Set(['function', 'callback', 'subflow', 'pass'])

export interface ViewOptions {
  /** Lineage of a loop whose iterations are wanted, with the range of indexes; without it loops' insides are left out. */
  readonly inside?: { readonly loop: string; readonly from: number; readonly to: number }
  /** Called with each record after it changed. */
  readonly onChange?: (record: NodeRecord) => void
}

/** The records of an execution's nodes (flow-language.md, 5): what the core tells while events are folded. */
export class NodeView implements Recorder {
  /** By lineage, in order of start. */
  readonly records = new Map<string, MutableRecord>()
  private readonly options: ViewOptions

  constructor(options: ViewOptions = {}) {
    this.options = options
  }

  started(run: NodeRun): void {
    if (!this.wanted(run)) return
    const place = lineageOf(run)
    const record: MutableRecord = {
      id: run.node.id,
      place,
      type: run.node.plan.type,
      label: run.node.plan.label,
      status: run.status as NodeStatus,
      attempts: attemptsOf(run),
      startedAt: run.scope.flow.now,
    }
    if (run.node.plan.type === 'loop') record.iterations = { total: 0, succeeded: 0, failed: 0, running: 0 }
    this.records.delete(place)
    this.records.set(place, record)
    this.options.onChange?.(record)
  }

  /** In order of start; inside a loop by iteration, and within one in order of start. */
  list(): MutableRecord[] {
    const records = [...this.records.values()]
    const { inside } = this.options
    if (inside === undefined) return records
    const prefix = inside.loop.length + 1
    const indexOf = ({ place }: MutableRecord): number => Number.parseInt(place.slice(prefix), 10)
    return records.sort((a, b) => indexOf(a) - indexOf(b))
  }

  changed(run: NodeRun): void {
    if (run.status === 'running' && run.attempt > 1) this.forgetInsides(lineageOf(run))
    const record = this.records.get(lineageOf(run))
    if (record === undefined) return
    record.status = run.status as NodeStatus
    record.attempts = attemptsOf(run)
    record.input = run.input
    if (run.status === 'running' && run.node.plan.type === 'loop') record.iterations = { total: 0, succeeded: 0, failed: 0, running: 0 }
    this.options.onChange?.(record)
  }

  ended(run: NodeRun, status: RunStatus, value: Json | ErrorDocument | undefined): void {
    const record = this.records.get(lineageOf(run))
    if (record === undefined) return
    record.status = status as NodeStatus
    record.attempts = attemptsOf(run)
    record.endedAt = run.scope.flow.now
    record.input = run.input
    if (status === 'failed') record.error = value as ErrorDocument
    else if (value !== undefined) record.output = value as Json
    const unresolved = unresolvedOf(run)
    if (unresolved !== undefined) record.unresolved = unresolved
    if (record.iterations !== undefined) {
      this.countRunning(run, record.iterations as Iterations)
      ;(record.iterations as Iterations).running = 0
    }
    this.options.onChange?.(record)
  }

  iterationEnded(run: NodeRun, _index: number, ok: boolean): void {
    const iterations = this.records.get(lineageOf(run))?.iterations as Iterations | undefined
    if (iterations === undefined) return
    if (ok) iterations.succeeded += 1
    else iterations.failed += 1
    this.countRunning(run, iterations)
  }

  /** Brings the counts of running iterations up to date; to be called before records are handed out. */
  refresh(runs: Iterable<NodeRun>): void {
    for (const run of runs) {
      const record = this.records.get(lineageOf(run))
      if (record === undefined) continue
      record.input = run.input
      record.attempts = attemptsOf(run)
      const unresolved = unresolvedOf(run)
      if (unresolved !== undefined) record.unresolved = unresolved
      if (record.iterations !== undefined) this.countRunning(run, record.iterations as Iterations)
    }
  }

  /** A container that runs again: what was in it before is no longer the state of things. */
  private forgetInsides(lineage: string): void {
    for (const place of this.records.keys()) if (place.startsWith(`${lineage}[`)) this.records.delete(place)
  }

  private countRunning(run: NodeRun, iterations: Iterations): void {
    const memory = run.memory as { count: number; running: number } | null
    if (memory === null) return
    iterations.total = memory.count
    iterations.running = memory.running
  }

  private wanted(run: NodeRun): boolean {
    // what stands for iterations that others do is no node of the flow's
    if (run.node.id === RANGE_NODE) return false
    const { inside } = this.options
    for (let scope = run.scope; scope.parent !== null; scope = scope.parent.scope) {
      if ((scope.parent.node.plan as PlanLoopNode).type !== 'loop') continue
      return inside !== undefined && scope.index >= inside.from && scope.index < inside.to && lineageOf(scope.parent) === inside.loop
    }
    return inside === undefined
  }
}

function attemptsOf(run: NodeRun): number {
  return INVOKING.has(run.node.plan.type) ? run.invocations : run.attempt
}

/** Params are resolved when an invocation is dispatched; the record asks again, and gets the same answer (I4). */
function unresolvedOf(run: NodeRun): readonly string[] | undefined {
  const { type } = run.node.plan
  try {
    if (type === 'event') return eventData(run).unresolved
    return WITH_BODY.has(type) && run.node.params !== null ? bodyOf(run).unresolved : undefined
  } catch {
    // params that cannot be resolved are the node's error already
    return undefined
  }
}
