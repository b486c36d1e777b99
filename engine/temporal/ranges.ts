/** What is inside loops whose iterations were dealt out: in the histories or journals of lanes, or in the results of batches. */
import { beginRange, createFlow, step } from '../../dsl/core/machine.ts'
import { lineageOf, placeOf } from '../../dsl/core/place.ts'
import type { PreparedPlan } from '../../dsl/core/prepare.ts'
import { RANGE_NODE, type RangeResult, type RangeSpec } from '../../dsl/core/range.ts'
import type { Flow, FlowStart, NodeRun, Recorder, RunStatus } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import { rangeOf } from '../../dsl/nodes/loop.ts'
import type { PlanLoopNode } from '../../dsl/plan.ts'

/** One range of a loop, as the fold of its execution has seen it. */
export interface SeenRange {
  /** Lineage of the loop. */
  readonly loop: string
  readonly place: string
  readonly kind: 'lane' | 'batch'
  readonly spec: RangeSpec
  readonly startedAt: number
  endedAt?: number
  result?: RangeResult
}

/** Notes the ranges while an execution is folded, and passes all on to another recorder. */
export class RangeNotes implements Recorder {
  private readonly inner: Recorder
  private readonly byRun = new Map<NodeRun, SeenRange>()

  constructor(inner: Recorder) {
    this.inner = inner
  }

  /** In order of start; of a loop that ran again those of its last run. */
  all(): SeenRange[] {
    return [...this.byRun.values()]
  }

  started(run: NodeRun): void {
    if (run.node.id === RANGE_NODE) {
      const loop = lineageOf(run.scope.parent as NodeRun)
      this.byRun.set(run, { loop, place: placeOf(run), ...rangeOf(run), startedAt: run.scope.flow.now })
    }
    this.inner.started(run)
  }

  changed(run: NodeRun): void {
    if (run.attempt > 1 && run.status === 'running' && run.node.plan.type === 'loop') {
      const loop = lineageOf(run)
      for (const [range, seen] of this.byRun) if (seen.loop === loop) this.byRun.delete(range)
    }
    this.inner.changed(run)
  }

  ended(run: NodeRun, status: RunStatus, value: Json | ErrorDocument | undefined): void {
    const seen = this.byRun.get(run)
    if (seen !== undefined) {
      seen.endedAt = run.scope.flow.now
      if (status === 'succeeded') seen.result = value as unknown as RangeResult
    }
    this.inner.ended(run, status, value)
  }

  iterationEnded(run: NodeRun, index: number, ok: boolean): void {
    this.inner.iterationEnded(run, index, ok)
  }
}

/** Folds a batch from its results: each iteration is one invocation, and the batch's times are all that is known. */
export function foldBatch(prepared: PreparedPlan, start: FlowStart, range: SeenRange, recorder: Recorder): Flow {
  const { spec, result, startedAt, endedAt = startedAt, place } = range
  const flow = createFlow(prepared, start, recorder)
  flow.now = startedAt
  beginRange(flow, { ...spec, concurrency: 0 })
  if (result === undefined) {
    // its loop's end took it with it
    if (range.endedAt !== undefined) step(flow, { kind: 'stop', time: endedAt })
    return flow
  }
  const loop = flow.prepared.start.graph.get(spec.loop)?.plan as PlanLoopNode
  const [body] = Object.keys(loop.nodes)
  // `each[from]#run/$range#1` -> `each[i]#run/f#1`
  const bracket = place.lastIndexOf('[')
  const behind = place.slice(place.indexOf(']', bracket), place.lastIndexOf('/') + 1)
  const missing = new Set(result.missing)
  const failures = new Set(result.failedAt)
  const placeAt = (at: number): string => `${place.slice(0, bracket + 1)}${spec.from + at}${behind}${body}#1`
  const ended = [...result.results.entries()].filter(([at]) => !missing.has(at))
  // failures last: one of them may end the loop, and what had ended before stays so
  for (const [at, outcome] of ended) {
    if (!failures.has(at)) step(flow, { kind: 'ok', place: placeAt(at), data: outcome, time: endedAt })
  }
  for (const [at, outcome] of ended) {
    if (!failures.has(at)) continue
    const data = (outcome as { readonly error: unknown }).error as ErrorDocument
    step(flow, { kind: 'error', place: placeAt(at), data, time: endedAt })
  }
  return flow
}
