import type { Findings } from '../finding.ts'
import type { Graph } from './graph.ts'

/** `unreachable-node`, for every node that is not in `reached`. */
export function reportUnreachable(graph: Graph, reached: ReadonlySet<string>, start: string, findings: Findings): void {
  for (const { id, path } of graph.nodes.values()) {
    if (!reached.has(id))
      findings.add('unreachable-node', path, `no path from "${start}" leads to node "${id}"; refer to it, or remove it`, 'key')
  }
}
