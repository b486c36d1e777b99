/**
 * Ranges: a host that cannot run 100,000 iterations in one execution (Temporal: its history) has others do them, a range at a time. To the
 * loop a range is one path with one node, `$range`, whose effect comes back with the outputs. Whoever does a range runs the same core, as a
 * flow of its own ({@link enterLoop}), in which every iteration has the place, and so the request ids, that it would have had in the loop.
 */
import type { ErrorDocument } from '../errors.ts'
import type { Json } from '../json.ts'
import type { PlanNode } from '../plan.ts'
import type { PreparedNode } from './prepare.ts'
import { Scope, NodeRun, type Flow } from './state.ts'
import type { Step } from './step-type.ts'

/** Where a loop's run is: the containers around it, outermost first, and itself. Plain JSON. */
export interface LoopPlace {
  readonly around: readonly { readonly node: string; readonly index: number; readonly attempt: number }[]
  readonly loop: string
  readonly attempt: number
  /** What `$$.nodes` has there. */
  readonly outputs: { readonly [node: string]: Json }
}

/** What one range of a loop is. Plain JSON. */
export interface RangeSpec extends LoopPlace {
  /** Index of `items[0]`. */
  readonly from: number
  readonly items: readonly Json[]
  /** Of the whole loop. */
  readonly count: number
  /** Iterations at one time; 0: no limit. */
  readonly concurrency: number
  /** The loop's input, filtered. */
  readonly input: Json
  /** When the iteration before began, epoch ms: for `interval`. */
  readonly after?: number
  /** When the range itself began, epoch ms. */
  readonly beganAt?: number
}

/** What a range comes to, if it does not fail the loop. */
export interface RangeResult {
  /** By index from the range's first; `{ error }` where an iteration failed and that was tolerated. */
  readonly results: readonly Json[]
  /** Offsets of the iterations that failed and were tolerated. */
  readonly failedAt: readonly number[]
  /** Epoch ms. */
  readonly lastStart: number
  /** What fails the loop. */
  readonly failed?: ErrorDocument
  /** Offsets of iterations that had not ended when it failed: their `results` mean nothing. */
  readonly missing?: readonly number[]
}

/** Id of the node that stands for a range; no node of a definition can be called so. */
export const RANGE_NODE = '$range'

const step: Step = { start: (run, core) => core.effect(run, 'range') }

/** The node that stands for a range; `inner` is one of the loop's inner graph. */
export function rangeNode(inner: PreparedNode): PreparedNode {
  return {
    ...inner,
    id: RANGE_NODE,
    // of no kind of the language: nothing but its effect is ever asked of it
    plan: { type: 'range', id: RANGE_NODE, label: RANGE_NODE, at: [] } as unknown as PlanNode,
    step,
    inputPath: null,
    outputPath: null,
    next: null,
    onError: null,
    params: null,
    keepOutput: false,
    detail: null,
    host: null,
  }
}

/** Describes where a loop's run is. */
export function loopPlace(run: NodeRun): LoopPlace {
  const around: { node: string; index: number; attempt: number }[] = []
  const outputs = new Map<string, Json>()
  for (let scope: Scope = run.scope; ;) {
    for (const [id, output] of scope.outputs ?? []) if (!outputs.has(id)) outputs.set(id, output)
    const { parent } = scope
    if (parent === null) break
    around.unshift({ node: parent.node.id, index: scope.index, attempt: parent.attempt })
    scope = parent.scope
  }
  return { around, loop: run.node.id, attempt: run.attempt, outputs: Object.fromEntries(outputs) }
}

/** Puts the loop's run into a new flow, in its place. Throws Error for a place that the plan does not have. */
export function enterLoop(flow: Flow, { around, loop, attempt, outputs, input }: RangeSpec): NodeRun {
  const { graph } = flow.prepared.start
  let scope = flow.root
  const enter = (id: string, run: number): NodeRun => {
    const node = graph.get(id)
    if (node === undefined) throw new Error(`plan of flow ${flow.prepared.plan.flow}: no node ${id} for a range of ${loop}`)
    const entered = new NodeRun(scope, node, input)
    entered.input = input
    entered.attempt = run
    scope.current = entered
    return entered
  }
  scope.outputs = new Map(Object.entries(outputs))
  for (const { node, index, attempt: run } of around) {
    const container = enter(node, run)
    const inner = new Scope(flow, container, index, null)
    container.children = new Map([[index, inner]])
    scope = inner
  }
  return enter(loop, attempt)
}
