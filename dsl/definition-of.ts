import { durationText } from './duration.ts'
import { setMember, type Json, type JsonObject } from './json.ts'
import type { NodeKind, Plan, PlanNode, PlanNodeOf, PlanTrigger } from './plan.ts'

/**
 * A definition that compiles to this very plan, defaults written out: what an execution runs, where nobody has kept the text. Comments, the order of
 * members, and how durations were written are lost.
 */
export function definitionOf(plan: Plan): JsonObject {
  const { flow, mode, mergeInput, timeoutMs, start, nodes, triggers } = plan
  return {
    flow,
    mode,
    ...(mergeInput ? { mergeInput } : {}),
    ...(timeoutMs === undefined ? {} : { timeout: durationText(timeoutMs) }),
    start,
    nodes: graphOf(nodes),
    ...(triggers === undefined ? {} : { triggers: triggers.map(triggerOf) }),
  }
}

function graphOf(nodes: Readonly<Record<string, PlanNode>>): JsonObject {
  const graph: JsonObject = {}
  for (const [id, node] of Object.entries(nodes)) setMember(graph, id, nodeOf(node))
  return graph
}

/** What a kind's plan says otherwise than its definition; the rest is said alike, with durations as texts. */
const OWN: { readonly [Kind in NodeKind]?: (node: PlanNodeOf<Kind>) => JsonObject } = {
  parallel: ({ join: _join, complete, branches, ...node }) => ({
    ...(node as unknown as JsonObject),
    branches: [...branches],
    complete: complete === branches.length ? 'all' : complete,
  }),
  condition: ({ branches, otherwise, ...node }) => ({
    ...(node as unknown as JsonObject),
    branches: [...branches.map((branch) => ({ ...branch })), { default: true, next: otherwise }],
  }),
  loop: ({ nodes, ...node }) => ({ ...withDurations(node as unknown as JsonObject), nodes: graphOf(nodes) }),
  service: ({ nodes, ...node }) => ({ ...(node as unknown as JsonObject), nodes: graphOf(nodes) }),
  error: ({ retry, ...node }) => ({
    ...(node as unknown as JsonObject),
    ...(retry === undefined ? {} : { retry: withDurations(retry as unknown as JsonObject) }),
  }),
}

function nodeOf(planned: PlanNode): JsonObject {
  const { id, at: _at, label, type, ...node } = planned
  const own = OWN[type] as ((node: unknown) => JsonObject) | undefined
  const rest = own === undefined ? withDurations(ofDefinition(node)) : own(node)
  return { type, ...(label === id ? {} : { label }), ...rest }
}

function triggerOf(trigger: PlanTrigger): JsonObject {
  const batch = 'batch' in trigger ? trigger.batch : undefined
  return {
    ...withDurations(ofDefinition(trigger)),
    ...(batch === undefined ? {} : { batch: withDurations(batch as unknown as JsonObject) }),
  }
}

/** Without what the engine has put in. */
function ofDefinition(planned: object): JsonObject {
  const { sees: _sees, ...written } = planned as JsonObject
  return written
}

/** `timeoutMs: 1500` is `timeout: 1500ms` in a definition. */
function withDurations(data: JsonObject): JsonObject {
  const written: JsonObject = {}
  for (const [name, value] of Object.entries(data)) {
    if (name.endsWith('Ms') && typeof value === 'number') setMember(written, name.slice(0, -2), durationText(value))
    else setMember(written, name, value as Json)
  }
  return written
}
