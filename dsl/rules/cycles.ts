import type { Findings } from '../finding.ts'
import { successors, type Graph } from './graph.ts'

/**
 * Reports each knot of the graph (a strongly connected part) as one cycle, by the shortest way round from its first
 * node in the file. Returns whether there was any. Without recursion: a chain may have tens of thousands of nodes.
 */
export function checkCycles(graph: Graph, findings: Findings): boolean {
  const next = new Map<string, string[]>()
  for (const node of graph.nodes.values()) next.set(node.id, successors(graph, node))
  const knots = knotsOf(next)
  for (const knot of knots) {
    const first = firstOf(graph, knot)
    const way = roundTrip(first, knot, next)
    const shown = way.length > 12 ? [...way.slice(0, 6), '...', ...way.slice(-3)] : way
    findings.add(
      'cycle',
      graph.nodes.get(first)!.path,
      `the nodes form a cycle: ${shown.join(' -> ')}; a flow may not go back, so remove one of these references`,
      'key',
    )
  }
  return knots.length > 0
}

function firstOf(graph: Graph, knot: ReadonlySet<string>): string {
  for (const id of graph.nodes.keys()) if (knot.has(id)) return id
  throw new Error('a knot without nodes')
}

/** Tarjan's algorithm with its own stack; only parts with a cycle. */
function knotsOf(next: ReadonlyMap<string, readonly string[]>): Set<string>[] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const isOpen = new Set<string>()
  const knots: Set<string>[] = []
  for (const root of next.keys()) {
    if (index.has(root)) continue
    const calls = [{ id: root, at: 0 }]
    while (calls.length > 0) {
      const call = calls.at(-1)!
      const { id } = call
      if (call.at === 0) {
        index.set(id, index.size)
        low.set(id, index.get(id)!)
        open.push(id)
        isOpen.add(id)
      }
      const to = next.get(id)![call.at++]
      if (to !== undefined) {
        if (!index.has(to)) calls.push({ id: to, at: 0 })
        else if (isOpen.has(to)) low.set(id, Math.min(low.get(id)!, index.get(to)!))
        continue
      }
      calls.pop()
      const caller = calls.at(-1)
      if (caller !== undefined) low.set(caller.id, Math.min(low.get(caller.id)!, low.get(id)!))
      if (low.get(id) !== index.get(id)) continue
      const part = new Set<string>()
      let member: string
      do {
        member = open.pop()!
        isOpen.delete(member)
        part.add(member)
      } while (member !== id)
      if (part.size > 1 || next.get(id)!.includes(id)) knots.push(part)
    }
  }
  return knots
}

/** The shortest way from a node back to it, inside its knot. */
function roundTrip(from: string, knot: ReadonlySet<string>, next: ReadonlyMap<string, readonly string[]>): string[] {
  const cameFrom = new Map<string, string>()
  const waiting = [from]
  for (let at = 0; at < waiting.length; at++) {
    const id = waiting[at]!
    for (const to of next.get(id)!) {
      if (to === from) {
        const way = [from]
        for (let back: string | undefined = id; back !== undefined && back !== from; back = cameFrom.get(back)) way.push(back)
        return [from, ...way.reverse()]
      }
      if (!knot.has(to) || cameFrom.has(to)) continue
      cameFrom.set(to, id)
      waiting.push(to)
    }
  }
  throw new Error('a knot without a cycle')
}
