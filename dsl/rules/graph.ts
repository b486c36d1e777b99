import type { DocumentPath } from '../diagnostics.ts'
import { nodeLanguage, type AnyNodeLanguage } from '../nodes/index.ts'
import type { RawNode, Reference } from '../nodes/node.ts'
import { listOf, member, nextOfEach } from '../nodes/raw.ts'

/** A node in its graph, whether or not it is right. */
export interface GraphNode {
  readonly id: string
  readonly path: DocumentPath
  readonly raw: RawNode
  /** `undefined` for an unknown type. */
  readonly kind: AnyNodeLanguage | undefined
  /** References in fields that the kind has. */
  readonly references: readonly Reference[]
  /** Ids in any field that looks like a reference: what counts for reachability, so that one mistake is one diagnostic. */
  readonly links: readonly string[]
}

/** The flow's graph or an inner one. Nodes are in the order of the document. */
export interface Graph {
  readonly nodes: ReadonlyMap<string, GraphNode>
  /** Ids whose nodes are no objects: reported as such, so what leads to them is not wrong too. */
  readonly broken: ReadonlySet<string>
}

/** The graph of a `nodes` object. */
export function buildGraph(nodes: Readonly<Record<string, unknown>>, path: DocumentPath): Graph {
  const graph = new Map<string, GraphNode>()
  const broken = new Set<string>()
  for (const [id, raw] of Object.entries(nodes)) {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) broken.add(id)
    else graph.set(id, graphNode(id, raw as RawNode, [...path, id]))
  }
  return { nodes: graph, broken }
}

function graphNode(id: string, raw: RawNode, path: DocumentPath): GraphNode {
  const kind = nodeLanguage(member(raw, 'type'))
  return { id, path, raw, kind, references: kind === undefined ? [] : referencesOf(kind, raw), links: linksOf(raw) }
}

function referencesOf(kind: AnyNodeLanguage, raw: RawNode): Reference[] {
  const references: Reference[] = []
  const next = member(raw, 'next')
  if (kind.hasNext && typeof next === 'string') references.push({ to: next, role: 'next', path: ['next'] })
  if (kind.references !== undefined) references.push(...kind.references(raw))
  const onError = member(raw, 'onError')
  if (kind.mayFail && typeof onError === 'string') references.push({ to: onError, role: 'onError', path: ['onError'] })
  return references
}

function linksOf(raw: RawNode): string[] {
  const candidates = [
    member(raw, 'next'),
    member(raw, 'onError'),
    member(raw, 'branches'),
    ...listOf(raw, 'branches'),
    ...nextOfEach(raw, 'branches', 'branch').map(({ to }) => to),
    ...nextOfEach(raw, 'catch', 'catch').map(({ to }) => to),
  ]
  return candidates.filter((candidate) => typeof candidate === 'string')
}

/** Ids that a node's references lead to, where there are such nodes. */
export function successors(graph: Graph, node: GraphNode): string[] {
  return node.references.flatMap(({ to }) => (graph.nodes.has(to) ? [to] : []))
}

/** Everything that some path from `start` leads to, `start` included. */
export function reachableFrom(graph: Graph, start: string): Set<string> {
  const reached = new Set([start])
  const waiting = [start]
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const to of graph.nodes.get(id)?.links ?? []) {
      if (reached.has(to) || !graph.nodes.has(to)) continue
      reached.add(to)
      waiting.push(to)
    }
  }
  return reached
}
