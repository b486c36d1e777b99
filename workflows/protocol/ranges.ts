import type { RangeChoice, RangePolicy } from '../../dsl/core/state.ts'
import type { PlanFunctionNode, PlanLoopNode } from '../../dsl/plan.ts'
import {
  BATCH_ITERATIONS,
  BATCHES_AT_ONCE,
  LANE_ITERATIONS,
  LANE_WIDTH,
  LANES_AT_ONCE,
  LOOP_ACTIVITIES,
  NARROW_LOOP_ACTIVITIES,
  SHORT_MS,
} from './limits.ts'
import type { FlowHints } from './shapes.ts'

/** Which loops are dealt out in ranges, and how: from plan, hints and count alone, so that a replay decides the same. */
export function rangePolicy(hints: FlowHints): RangePolicy {
  return (run, count) => chooseRanges(run.node.plan as PlanLoopNode, count, hints)
}

/** As {@link rangePolicy}, for one loop; also what `fnflow plan` asks. */
export function chooseRanges(loop: PlanLoopNode, count: number, hints: FlowHints): RangeChoice | null {
  const calls = Object.values(loop.nodes).filter(({ type }) => type === 'function').length
  if (calls === 0) return null
  const { concurrency } = loop
  if (count > BATCH_ITERATIONS && isBatchable(loop, hints)) {
    return { kind: 'batch', size: BATCH_ITERATIONS, ...dealt(concurrency, BATCHES_AT_ONCE, 0) }
  }
  const narrow = concurrency > 0 && concurrency < 10
  if (count * calls <= (narrow ? NARROW_LOOP_ACTIVITIES : LOOP_ACTIVITIES)) return null
  const size = Math.max(50, Math.floor((narrow ? NARROW_LOOP_ACTIVITIES : LANE_ITERATIONS) / calls))
  // lanes one behind the other, or the interval would be kept within each alone
  if (loop.intervalMs > 0) return { kind: 'lane', size, width: 1, concurrency: concurrency === 0 ? LANE_WIDTH : concurrency }
  return { kind: 'lane', size, ...dealt(concurrency, LANES_AT_ONCE, LANE_WIDTH) }
}

/** A body of one short function, whose outcome is the iteration's. */
function isBatchable({ nodes, intervalMs }: PlanLoopNode, hints: FlowHints): boolean {
  const [body, ...others] = Object.values(nodes)
  if (body?.type !== 'function' || others.length > 0 || intervalMs > 0) return false
  const { invoke, onError, output, timeoutMs = Infinity, function: ref } = body satisfies PlanFunctionNode
  if (invoke === 'async' || onError !== undefined || output !== undefined) return false
  return timeoutMs <= SHORT_MS || hints.short.includes(ref.slice(0, ref.indexOf(':')))
}

/** A loop's concurrency, dealt out to ranges that run at one time: few wide ones cost less than many narrow ones. */
function dealt(concurrency: number, most: number, each: number): { readonly width: number; readonly concurrency: number } {
  if (concurrency === 0) return { width: most, concurrency: each }
  const width = Math.min(most, Math.max(1, Math.floor(concurrency / 25)))
  return { width, concurrency: Math.floor(concurrency / width) }
}
