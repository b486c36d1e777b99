import type { DocumentPath } from '../../dsl/diagnostics.ts'
import type { Plan, PlanNode } from '../../dsl/plan.ts'
import { callbackMarks } from '../../workflows/protocol/outcomes.ts'
import type { FlowHints } from '../../workflows/protocol/shapes.ts'
import type { Budget } from './budget.ts'
import { objectOf, Unknown, type Guess } from './guess.ts'
import type { View } from './look.ts'
import type { Part } from './part.ts'
import { ID } from './payloads.ts'

/** Something that somebody should know of a flow before it runs. */
export interface Finding {
  readonly rule: FindingRule
  /** `warning`: it would fail, or hurt. `note`: the engine copes, and it costs. */
  readonly severity: 'warning' | 'note'
  readonly message: string
  readonly remedy: string
  /** The flow that it is in. */
  readonly flow: string
  /** Of a node: its lineage, and its place in the definition. */
  readonly node?: string
  readonly at?: DocumentPath
}

export type FindingRule =
  | 'history-events'
  | 'history-bytes'
  | 'pending'
  | 'claim-check'
  | 'payload-store'
  | 'payload-too-large'
  | 'loop-lanes'
  | 'loop-batches'
  | 'worker-version'
  | 'held-by-node'
  | 'would-fail'
  | 'subflow'
  | 'items'

export interface Assumptions {
  /** A function's result, and what else nobody knows. */
  readonly result: Guess
  /** Items of loops where the input does not say. */
  readonly items: number
  /** The same, by the ids of loops. */
  readonly itemsOf: ReadonlyMap<string, number>
  /** Epoch ms: for waits until a time. */
  readonly now: number
}

/** What is the same for all of one flow. */
export interface Setting {
  readonly plan: Plan
  readonly hints: FlowHints
  readonly depth: number
  readonly input: Guess
  readonly assumed: Assumptions
  find(finding: Omit<Finding, 'flow' | 'node' | 'at'>, node?: PlanNode, lineage?: string): void
  /** Where the number of a loop's items came from. */
  counted(lineage: string, count: number, from: CountSource): void
  /** Estimates a flow that a `subflow` node starts, and returns its output. */
  child(request: ChildRequest): ChildAnswer
  walk(request: WalkRequest): Part
}

export type CountSource = 'input' | 'option' | 'default'

export interface ChildRequest {
  readonly flow: string
  readonly node: string
  readonly input: Guess
  readonly wait: boolean
  /** How often the node runs. */
  readonly times: number
}

export interface ChildAnswer {
  readonly mode: 'standard' | 'express'
  readonly hints: FlowHints
  readonly output: Guess
}

/** A path through a graph: from a node to the ends, or up to a join. */
export interface WalkRequest {
  readonly nodes: Readonly<Record<string, PlanNode>>
  readonly start: string
  readonly join?: string | undefined
  readonly arrived: Guess
  readonly scope: Scope
}

/** One path, as the core's scopes are (dsl/core/state.ts). */
export interface Scope {
  readonly setting: Setting
  /** Of the history that its events are in. */
  readonly budget: Budget
  /** In front of places in it: `each[17]#1/`. */
  readonly prefix: string
  /** Likewise without indexes and runs: `each/`. */
  readonly lineage: string
  readonly around: Scope | null
  readonly outputs: Map<string, Guess>
  readonly loop: { readonly index: number; readonly count: number } | null
  /** How often it is expected to run. */
  readonly times: number
}

export function innerScope(around: Scope, node: PlanNode, index: number, more: Partial<Scope> = {}): Scope {
  return {
    ...around,
    prefix: `${around.prefix}${node.id}[${index}]#1/`,
    lineage: `${around.lineage}${node.id}/`,
    around,
    outputs: new Map(),
    ...more,
  }
}

/** One run of one node. */
export interface NodeRun<N extends PlanNode = PlanNode> {
  readonly node: N
  readonly scope: Scope
  readonly place: string
  readonly lineage: string
  /** Behind the input filter. */
  readonly input: Guess
  readonly view: View
  /** How often it is expected to run. */
  readonly times: number
}

export function nodeRun<N extends PlanNode>(node: N, scope: Scope, input: Guess, times: number): NodeRun<N> {
  const place = `${scope.prefix}${node.id}#1`
  const lineage = `${scope.lineage}${node.id}`
  return { node, scope, place, lineage, input, view: { data: input, context: () => contextOf(node, scope, place) }, times }
}

/** `$$` (flow-language.md, 4.1). */
function contextOf(node: PlanNode, scope: Scope, place: string): Guess {
  const { plan, input } = scope.setting
  return {
    flow: { name: plan.flow, version: new Unknown(8), mode: plan.mode },
    execution: { id: new Unknown(ID.length + 2), input, startedAt: new Unknown(26) },
    node: { id: node.id, attempt: 1 },
    nodes: nodesOf(scope),
    trigger: new Unknown(100),
    ...(node.type === 'callback' ? { callback: { ...callbackMarks(place) } } : {}),
    ...(scope.loop === null ? {} : { loop: { ...scope.loop } }),
  }
}

function nodesOf(scope: Scope): Guess {
  const entries = new Map<string, Guess>()
  for (let at: Scope | null = scope; at !== null; at = at.around) {
    for (const [id, output] of at.outputs) if (!entries.has(id)) entries.set(id, { output })
  }
  return objectOf(entries)
}
