import type { PlanNode, PlanParallelNode } from '../../dsl/plan.ts'

/** The nodes of one graph: the flow's, or those of a loop or service. */
export type Nodes = Readonly<Record<string, PlanNode>>

/** An arrow of a graph. */
export interface Edge {
  readonly from: string
  /** Undefined: the end of the flow. */
  readonly to: string | undefined
  readonly label?: string
  /** Where it goes when something has failed. */
  readonly onFailure: boolean
}

/** The arrows of one graph, in the order of its nodes; with `toEnd` also those from where a path ends, to its join or the end of the flow. */
export function edgesOf(nodes: Nodes, toEnd: boolean): Edge[] {
  const joins = toEnd ? joinsOf(nodes) : new Map<string, string>()
  return Object.values(nodes).flatMap((node) => edgesFrom(node, toEnd, joins.get(node.id)))
}

function edgesFrom(node: PlanNode, toEnd: boolean, join: string | undefined): Edge[] {
  const { id: from } = node
  const edges: Edge[] = []
  if (node.type === 'condition') {
    for (const { when, next } of node.branches) edges.push({ from, to: next, label: when, onFailure: false })
    edges.push({ from, to: node.otherwise, label: 'default', onFailure: false })
  } else if (node.type === 'parallel') {
    for (const branch of node.branches) edges.push({ from, to: branch, onFailure: false })
  } else if (node.type === 'error') {
    for (const { when, next } of node.catch) edges.push({ from, to: next, label: when ?? 'failed', onFailure: true })
  } else if (node.next !== undefined) edges.push({ from, to: node.next, onFailure: false })
  else if (node.type !== 'end' && toEnd) edges.push({ from, to: join, onFailure: false })
  if (node.onError !== undefined) edges.push({ from, to: node.onError, label: 'onError', onFailure: true })
  return edges
}

/** For each node within a branch that has a join ahead: where its path goes on when it ends. */
function joinsOf(nodes: Nodes): Map<string, string> {
  const joins = new Map<string, { readonly join: string; readonly size: number }>()
  for (const node of Object.values(nodes)) {
    if (node.type !== 'parallel' || node.join === undefined) continue
    const inside = insideOf(nodes, node)
    for (const id of inside) {
      const known = joins.get(id)
      // of parallels within each other the inner one holds fewer nodes
      if (known === undefined || inside.size < known.size) joins.set(id, { join: node.join, size: inside.size })
    }
  }
  return new Map([...joins].map(([id, { join }]) => [id, join]))
}

function insideOf(nodes: Nodes, parallel: PlanParallelNode): Set<string> {
  const inside = new Set<string>()
  const queue = [...parallel.branches]
  for (let at = 0; at < queue.length; at++) {
    const id = queue[at] as string
    const node = nodes[id]
    if (node === undefined || id === parallel.join || inside.has(id)) continue
    inside.add(id)
    queue.push(...targetsOf(node))
  }
  return inside
}

function targetsOf(node: PlanNode): string[] {
  const targets: (string | undefined)[] = [node.next, node.onError]
  if (node.type === 'condition') targets.push(node.otherwise, ...node.branches.map(({ next }) => next))
  if (node.type === 'parallel') targets.push(...node.branches)
  if (node.type === 'error') targets.push(...node.catch.map(({ next }) => next))
  return targets.filter((target) => target !== undefined)
}
