import type { Plan, PlanNode } from '../../dsl/plan.ts'
import { SHORT_MS } from '../../workflows/protocol/limits.ts'
import type { FlowHints } from '../../workflows/protocol/shapes.ts'
import type { FunctionRoute } from './registry/types.ts'

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
