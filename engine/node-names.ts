/** Nodes as callers name them: by id, or by place. */
import type { NodeKind, Plan, PlanNode } from '../dsl/plan.ts'
import { EngineError } from './errors.ts'

/** `each[17]#2/fetch#1` -> `each[17]/fetch` */
export function lineageOfPlace(place: string): string {
  return place.replaceAll(/#\d+(?=\/|$)/g, '')
}

/** The place that is meant, of those that wait. Throws EngineError `node-not-found`, `node-not-waiting`, `conflict`. */
export function placeNamed(places: readonly string[], node: string, { id, plan }: { readonly id: string; readonly plan: Plan }): string {
  const found = places.filter((place) => isNamed(place, node))
  const [first] = found
  if (first === undefined) {
    if (kindsOf(plan, node) === null) throw new EngineError('node-not-found', `execution ${id} has no node ${node}`)
    throw new EngineError('node-not-waiting', `node ${node} of execution ${id} does not wait for a callback`)
  }
  if (found.length === 1) return first
  const some = found.slice(0, 5).map(lineageOfPlace).join(', ')
  throw new EngineError('conflict', `${found.length} runs of node ${node} wait for a callback; name one by its place: ${some}`)
}

/** What the call of a token was refused with, as of an answer by node. */
export function notWaiting(error: unknown, id: string, node: string): unknown {
  if (!(error instanceof EngineError) || (error.code !== 'callback-already-used' && error.code !== 'callback-expired')) return error
  return new EngineError('node-not-waiting', `node ${node} of execution ${id} does not wait for a callback any more`)
}

/** Throws EngineError `node-not-found` unless the flow has a loop that can be named so. */
export function requireLoop(node: string, { id, plan }: { readonly id: string; readonly plan: Plan }): void {
  const kinds = kindsOf(plan, node)
  if (kinds === null) throw new EngineError('node-not-found', `execution ${id} has no node ${node}`)
  if (!kinds.has('loop')) throw new EngineError('node-not-found', `node ${node} of execution ${id} is no loop, and has no iterations`)
}

/** Whether a run at a place is meant by an id, a lineage or the place itself. */
function isNamed(place: string, node: string): boolean {
  const lineage = lineageOfPlace(place)
  return node === place || node === lineage || node === lineage.slice(lineage.lastIndexOf('/') + 1)
}

/** The kinds of the nodes of an id, or at a place, whose parts are ids: graphs inside of others may have the same ids. Null where there is none. */
function kindsOf(plan: Plan, node: string): ReadonlySet<NodeKind> | null {
  const kinds = new Map<string, Set<NodeKind>>()
  const visit = (nodes: Readonly<Record<string, PlanNode>>): void => {
    for (const [id, inner] of Object.entries(nodes)) {
      kinds.set(id, (kinds.get(id) ?? new Set<NodeKind>()).add(inner.type))
      if (inner.type === 'loop' || inner.type === 'service') visit(inner.nodes)
    }
  }
  visit(plan.nodes)
  const ids = lineageOfPlace(node).split('/')
  const last = ids.pop() ?? ''
  return ids.every((id) => kinds.has(id.replace(/\[\d+\]$/, ''))) ? (kinds.get(last) ?? null) : null
}
