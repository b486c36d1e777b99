import type { Findings } from '../finding.ts'
import type { InnerGraphRule } from '../nodes/node.ts'
import { member } from '../nodes/raw.ts'
import type { Suggester } from '../suggest.ts'
import { checkCycles } from './cycles.ts'
import { reachableFrom, type Graph, type GraphNode } from './graph.ts'
import { reportUnreachable } from './reachability.ts'
import { checkReferences, unknownNode } from './references.ts'

/** The graph inside a loop or service: what it may hold, its entry, and the rules that hold for every graph. */
export function checkInnerGraph(owner: GraphNode, inner: InnerGraphRule, graph: Graph, findings: Findings, suggester: Suggester): void {
  checkKinds(owner, inner, graph, findings)
  if (inner.shape(owner.raw) === 'loose') return checkLoose(owner, inner, graph, findings)

  checkReferences(graph, findings, suggester)
  const cyclic = checkCycles(graph, findings)
  const start = member(owner.raw, 'start')
  const known = typeof start === 'string' && graph.nodes.has(start)
  if (typeof start === 'string' && !known && !graph.broken.has(start)) {
    findings.add('unknown-node', [...owner.path, 'start'], unknownNode(`node "${owner.id}"`, start, graph, suggester))
  }
  const entries = entriesOf(graph)
  // Every node of a cycle is led to, so with one there need not be any entry; nor where what stands there is no node.
  if (entries.length > 1 || (entries.length === 0 && !cyclic && graph.broken.size === 0)) {
    return findings.add(inner.rule, [...owner.path, 'nodes'], entryMessage(owner, entries))
  }
  const first = known ? start : entries[0]
  if (first === undefined) return
  const kind = graph.nodes.get(first)?.kind?.kind
  if (kind === 'error' || kind === 'end') {
    const path = known ? [...owner.path, 'start'] : graph.nodes.get(first)!.path
    // An end node is reported already: no inner graph may hold one.
    if (kind === 'error')
      findings.add(
        inner.rule,
        path,
        `node "${owner.id}": the inner graph may not begin at the error node "${first}"; begin at a node that does something`,
        known ? 'value' : 'key',
      )
    return
  }
  if (typeof start === 'string' && !known) return
  reportUnreachable(graph, reachableFrom(graph, first), first, findings)
}

function checkKinds(owner: GraphNode, inner: InnerGraphRule, graph: Graph, findings: Findings): void {
  for (const { id, path, kind } of graph.nodes.values()) {
    if (kind === undefined || inner.allowed.includes(kind.kind)) continue
    if (kind.kind === 'callback' && inner.rule === 'service-body') {
      findings.add('callback-in-service', [...path, 'type'], `node "${id}": a service may not hold a callback; take it out of the service`)
    } else {
      const owned = owner.kind!.kind
      findings.add(
        inner.rule,
        [...path, 'type'],
        `node "${id}": a ${owned} may not hold a node of type ${kind.kind}, only ${inner.allowed.join(', ')}; move it out of the ${owned}, or into a subflow`,
      )
    }
  }
}

/** All at once: no start, no edges. */
function checkLoose(owner: GraphNode, inner: InnerGraphRule, graph: Graph, findings: Findings): void {
  if (member(owner.raw, 'start') !== undefined) {
    findings.add(
      inner.rule,
      [...owner.path, 'start'],
      `node "${owner.id}": a parallel service starts all its functions at once; remove "start", or set execution: serial`,
    )
  }
  if (Object.keys(member(owner.raw, 'nodes') as object).length === 0) {
    findings.add(inner.rule, [...owner.path, 'nodes'], `node "${owner.id}": the service is empty; add a function`)
  }
  for (const node of graph.nodes.values()) {
    for (const { role, to, path } of node.references) {
      const full = [...node.path, ...path]
      if (role === 'next') {
        findings.add(
          inner.rule,
          full,
          `node "${node.id}": a parallel service runs its functions all at once; remove "next", or set execution: serial`,
        )
      } else if (!graph.nodes.has(to) && !graph.broken.has(to)) {
        findings.add('unknown-node', full, `node "${node.id}": there is no node "${to}" in the service`)
      }
    }
  }
}

/** Nodes that no other one leads to. */
export function entriesOf(graph: Graph): string[] {
  const led = new Set<string>()
  for (const node of graph.nodes.values()) for (const to of node.links) led.add(to)
  return [...graph.nodes.keys()].filter((id) => !led.has(id))
}

function entryMessage(owner: GraphNode, entries: readonly string[]): string {
  if (entries.length === 0) return `node "${owner.id}": the inner graph is empty; add a node`
  const shown = entries.slice(0, 5).map((id) => `"${id}"`)
  const more = entries.length > 5 ? ` and ${entries.length - 5} more` : ''
  return `node "${owner.id}": the inner graph must begin at one node, and no other leads to ${shown.join(', ')}${more}; chain them with "next"`
}
