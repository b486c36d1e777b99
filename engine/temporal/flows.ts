import type { Plan, PlanNode } from '../../dsl/plan.ts'
import { SHORT_MS } from '../../workflows/protocol/limits.ts'
import type { FlowHints } from '../../workflows/protocol/shapes.ts'
import { pickTarget, splitRef } from '../catalogue/names.ts'
import type { CatalogueTables } from './registry/catalogue.ts'
import type { FunctionRoute, StoredFlow } from './registry/types.ts'

/** Before a flow that may be deleted is looked for again. */
const HELD_MS = 100

/**
 * What a reference leads to now; undefined if there is nothing. Waits while it is decided whether the flow is deleted.
 *
 * @param id Of the execution that is to run it, which chooses between weighted versions; null: the heavier one.
 */
export async function findFlow(catalogue: CatalogueTables, ref: string, id: string | null): Promise<StoredFlow | undefined> {
  const { name, qualifier } = splitRef(ref)
  for (;;) {
    const targets = await catalogue.targets(name, qualifier)
    if (id === null || !targets.some(({ held }) => held)) return pickTarget(targets, ref, id)
    await new Promise((resolve) => setTimeout(resolve, HELD_MS))
  }
}

/** What a flow's workflow is told of the functions that it calls. `mainQueue` is where it runs itself. */
export function hintsOf(plan: Plan, routes: ReadonlyMap<string, FunctionRoute>, mainQueue: string): FlowHints {
  const short: string[] = []
  const queues: { [name: string]: string } = {}
  for (const name of functionsOf(plan.nodes)) {
    const route = routes.get(name)
    if (route === undefined) continue
    if (route.timeoutMs !== undefined && route.timeoutMs <= SHORT_MS) short.push(name)
    if (route.queue !== '') queues[name] = `${mainQueue}.${route.queue}`
  }
  return { short: short.sort(), queues }
}

export function hasLoop({ nodes }: Plan): boolean {
  return Object.values(nodes).some(({ type }) => type === 'loop')
}

/** `app/name` of every function of a graph and those inside. */
function functionsOf(nodes: Readonly<Record<string, PlanNode>>): Set<string> {
  const names = new Set<string>()
  for (const node of Object.values(nodes)) {
    if ('function' in node) names.add(node.function.slice(0, node.function.indexOf(':')))
    if ('nodes' in node) for (const name of functionsOf(node.nodes)) names.add(name)
  }
  return names
}
