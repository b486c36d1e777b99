import { RANGE_NODE } from '../dsl/core/range.ts'
import { lineageOf } from '../dsl/core/place.ts'
import type { Carried, NodeRun, Recorder, RunStatus } from '../dsl/core/state.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import type { Plan, PlanNode } from '../dsl/plan.ts'
import type { RerunPlan } from './api.ts'
import { EngineError } from './errors.ts'

/** Collects, while a journal is folded, what another execution can take over. */
export class CarryCollector implements Recorder {
  readonly carried = new Map<string, Carried>()
  /** Lineages of all nodes that were reached, with how they ended. */
  readonly reached = new Map<string, RunStatus>()
  /** Inputs that were put in place of others, by lineage. */
  replaced: ReadonlyMap<string, Json> = new Map()

  started(run: NodeRun): void {
    this.reached.set(lineageOf(run), run.status)
  }

  changed(run: NodeRun): void {
    // a container that runs again starts from nothing, and so does what is taken over
    if (run.status !== 'running' || run.attempt === 1) return
    const inside = `${lineageOf(run)}[`
    for (const lineage of this.carried.keys()) if (lineage.startsWith(inside)) this.carried.delete(lineage)
  }

  ended(run: NodeRun, status: RunStatus, value: Json | ErrorDocument | undefined): void {
    const lineage = lineageOf(run)
    this.reached.set(lineage, status)
    // what a range did is taken over iteration by iteration
    if ((status !== 'succeeded' && status !== 'caught') || run.node.id === RANGE_NODE) return
    const attempts = run.invocations
    const way = run.to !== run.node.next && run.to !== null ? { next: run.to.id } : {}
    this.carried.set(lineage, { output: value as Json, status, attempts, ...way })
  }

  iterationEnded(): void {
    // the nodes inside say it all
  }
}

/** For `retry`: everything that had succeeded, without the insides of what is taken over whole. */
export function forRetry({ carried }: CarryCollector): Map<string, Carried> {
  const kept = new Map<string, Carried>()
  for (const [lineage, data] of carried) if (!containersOf(lineage).some((container) => carried.has(container))) kept.set(lineage, data)
  return kept
}

export interface RerunRequest {
  /** Id of a node of the outer graph; undefined: only what changed runs again. */
  readonly from: string | undefined
  /** The definition that the execution ran, and the one that it is to run on. */
  readonly before: Plan
  readonly after: Plan
}

/** For `rerun`: what is kept and what runs again, with reasons. Throws EngineError `node-not-reached`. */
export function forRerun(
  collector: CarryCollector,
  { from, before, after }: RerunRequest,
): { carried: Map<string, Carried>; plan: RerunPlan } {
  const again = new Map<string, string>()
  /** Containers that run again only for what is in them: their other insides are kept. */
  const holders = new Set<string>()
  if (from !== undefined) {
    if (!Object.hasOwn(after.nodes, from))
      throw new EngineError(
        'node-not-reached',
        `flow ${after.flow} has no node ${from} in its outer graph; rerun starts from one of: ${Object.keys(after.nodes).join(', ')}`,
      )
    const lineage = outerLineage(collector, from, before)
    if (lineage === undefined) throw new EngineError('node-not-reached', `the execution never reached node ${from}`)
    again.set(from, 'it runs again from here')
    behind(lineage, after, again, from, holders)
  }
  for (const id of Object.keys(after.nodes)) {
    if (again.has(id) || sameNode(before.nodes[id], after.nodes[id], before, after)) continue
    again.set(id, 'its definition has changed')
    behind(outerLineage(collector, id, before) ?? id, after, again, `${id}, which has changed`, holders)
  }
  if (before.start !== after.start && !again.has(after.start)) {
    again.set(after.start, 'the flow starts with it now')
    behind(after.start, after, again, `${after.start}, where the flow starts now`, holders)
  }
  const kept = new Map<string, Carried>()
  for (const [lineage, data] of collector.carried) {
    const containers = containersOf(lineage)
    if (again.has(nodeIdOf(lineage)) && !inLoopOrService(lineage, before)) continue
    if (containers.some((container) => again.has(nodeIdOf(container)) && !holders.has(nodeIdOf(container)))) continue
    if (containers.some((container) => collector.carried.has(container) && !again.has(nodeIdOf(container)))) continue
    kept.set(lineage, data)
  }
  for (const [lineage, status] of collector.reached) {
    const id = nodeIdOf(lineage)
    if (!containersOf(lineage).length && !again.has(id) && status !== 'succeeded' && status !== 'caught')
      again.set(id, `it had ${status === 'failed' ? 'failed' : 'not succeeded'}`)
  }
  const keptIds = new Set([...kept.keys()].filter((lineage) => !inLoopOrService(lineage, before)).map(nodeIdOf))
  return {
    carried: kept,
    plan: {
      kept: [...keptIds].map((node) => ({ node })),
      again: [...again].filter(([node]) => !keptIds.has(node)).map(([node, reason]) => ({ node, reason })),
    },
  }
}

/** Notes what lies behind a node of the outer graph: its targets, the containers around it, and what lies behind those. */
function behind(lineage: string, plan: Plan, again: Map<string, string>, what: string, holders: Set<string>): void {
  const add = (id: string): void => {
    if (!again.has(id)) again.set(id, `it lies behind ${what}`)
  }
  for (const id of reachableFrom(nodeIdOf(lineage), plan)) add(id)
  for (const container of containersOf(lineage)) {
    const id = nodeIdOf(container)
    if (!again.has(id)) {
      again.set(id, `it holds ${what}`)
      holders.add(id)
    }
    // its branches are its insides, not behind it
    const node = plan.nodes[id]
    if (node === undefined) continue
    const ways = [...(node.type === 'parallel' && node.join !== undefined ? [node.join] : []), ...catchTargets(node, plan)]
    for (const way of ways) for (const reached of [way, ...reachableFrom(way, plan)]) add(reached)
  }
}

/** Where a node of the outer graph was reached; undefined if it never was. Inner graphs may have nodes of the same id. */
function outerLineage(collector: CarryCollector, node: string, plan: Plan): string | undefined {
  return [...collector.reached.keys()].find((lineage) => nodeIdOf(lineage) === node && !inLoopOrService(lineage, plan))
}

/** The inputs that a rerun puts in place of others: the one that is given, and those of before where nothing upstream runs again. */
export function inputsFor(collector: CarryCollector, { from, before, after }: RerunRequest, given: Json | undefined): Map<string, Json> {
  const target = from === undefined ? undefined : outerLineage(collector, from, before)
  const later = from === undefined ? new Set<string>() : reachableFrom(from, after)
  const inputs = new Map<string, Json>()
  for (const [lineage, input] of collector.replaced) if (!later.has(nodeIdOf(lineage))) inputs.set(lineage, input)
  if (given !== undefined && target !== undefined) inputs.set(target, given)
  return inputs
}

/** `a[1]/b[0]/c` -> `a`, `a[1]/b`. */
function containersOf(lineage: string): string[] {
  const containers: string[] = []
  for (let slash = lineage.indexOf('/'); slash >= 0; slash = lineage.indexOf('/', slash + 1)) {
    containers.push(lineage.slice(0, lineage.lastIndexOf('[', slash)))
  }
  return containers
}

function nodeIdOf(lineage: string): string {
  return lineage.slice(lineage.lastIndexOf('/') + 1)
}

/** Inner graphs have ids of their own; branches of a parallel are nodes of the outer graph. */
function inLoopOrService(lineage: string, plan: Plan): boolean {
  return containersOf(lineage).some((container) => {
    const type = plan.nodes[nodeIdOf(container)]?.type
    return type === 'loop' || type === 'service'
  })
}

function targetsOf(node: PlanNode, plan: Plan): string[] {
  const targets: string[] = []
  if (node.next !== undefined) targets.push(node.next)
  if (node.type === 'parallel') targets.push(...node.branches)
  if (node.type === 'condition') targets.push(...node.branches.map(({ next }) => next), node.otherwise)
  targets.push(...catchTargets(node, plan))
  return targets
}

function catchTargets(node: PlanNode, plan: Plan): string[] {
  const handler = node.onError === undefined ? undefined : plan.nodes[node.onError]
  return handler?.type === 'error' ? handler.catch.map(({ next }) => next) : []
}

function reachableFrom(id: string, plan: Plan): Set<string> {
  const seen = new Set<string>()
  const stack = [id]
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const node = plan.nodes[at]
    if (node === undefined) continue
    for (const target of targetsOf(node, plan)) {
      if (seen.has(target)) continue
      seen.add(target)
      stack.push(target)
    }
  }
  return seen
}

/** The same but for where it stands in the file and what it is called; its error node counts as part of it. */
function sameNode(a: PlanNode | undefined, b: PlanNode | undefined, before: Plan, after: Plan): boolean {
  if (a === undefined || b === undefined) return a === b
  const strip = (node: PlanNode, plan: Plan): string =>
    JSON.stringify(
      [node, node.onError === undefined ? null : plan.nodes[node.onError], plan.mergeInput && 'params' in node],
      (key, value: unknown) => (key === 'at' || key === 'label' ? undefined : value),
    )
  return strip(a, before) === strip(b, after)
}
