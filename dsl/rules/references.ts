import type { Rule } from '../diagnostics.ts'
import type { Findings } from '../finding.ts'
import type { ReferenceRole } from '../nodes/node.ts'
import { clip } from '../schema-check.ts'
import type { Suggester } from '../suggest.ts'
import type { Graph } from './graph.ts'

interface TargetRule {
  readonly rule: Rule
  readonly forbids: (kind: string) => boolean
  readonly message: (to: string, kind: string) => string
}

const ENDS = (kind: string): boolean => kind === 'end' || kind === 'error'

/** What each kind of reference may lead to (flow-language.md, 3). */
export const TARGETS: Readonly<Record<ReferenceRole | 'start', TargetRule>> = {
  start: {
    rule: 'start-target',
    forbids: ENDS,
    message: (to, kind) => `the flow may not start at "${to}", which is of type ${kind}; name a node that does something`,
  },
  next: {
    rule: 'next-target',
    forbids: (kind) => kind === 'error',
    message: (to) => `"next" may not lead to the error node "${to}"; name it in "onError" instead`,
  },
  onError: {
    rule: 'error-source',
    forbids: (kind) => kind !== 'error',
    message: (to, kind) => `"onError" must name an error node, and "${to}" is of type ${kind}; put an error node between them`,
  },
  catch: {
    rule: 'error-target',
    forbids: ENDS,
    message: (to, kind) => `a catch may not lead to "${to}", which is of type ${kind}; put a pass node between them`,
  },
  branch: {
    rule: 'branch-target',
    forbids: ENDS,
    message: (to, kind) => `a branch may not lead to "${to}", which is of type ${kind}; put a pass node between them`,
  },
}

/** `unknown-node`, and the rules about what a reference may lead to. */
export function checkReferences(graph: Graph, findings: Findings, suggester: Suggester): void {
  for (const node of graph.nodes.values()) {
    for (const { to, role, path } of node.references) {
      const full = [...node.path, ...path]
      const target = graph.nodes.get(to)
      if (target === undefined) {
        if (graph.broken.has(to)) continue
        findings.add('unknown-node', full, unknownNode(`node "${node.id}"`, to, graph, suggester))
      } else if (target.kind !== undefined && TARGETS[role].forbids(target.kind.kind)) {
        findings.add(TARGETS[role].rule, full, `node "${node.id}": ${TARGETS[role].message(to, target.kind.kind)}`)
      }
    }
  }
}

/** The message about a reference that names no node of its graph. */
export function unknownNode(subject: string, to: string, graph: Graph, suggester: Suggester): string {
  const nearest = suggester.nearest(to, graph.nodes.keys())
  const remedy = nearest.startsWith('did')
    ? nearest
    : ['add it, or name one of the same graph', nearest].filter((part) => part !== '').join('; ')
  return `${subject}: there is no node "${clip(to)}"; ${remedy}`
}
