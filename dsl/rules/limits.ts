import type { Findings } from '../finding.ts'
import type { GraphNode } from './graph.ts'

const MAX_FUNCTIONS = 99
const MAX_EVENTS = 10

/** `too-many-nodes`, at the first node that is too many. Triggers are counted by the schema. */
export class NodeLimits {
  #functions = 0
  #events = 0

  /** To be called for every node, inner ones included. */
  count(node: GraphNode, findings: Findings): void {
    const kind = node.kind?.kind
    if (kind === 'function' && ++this.#functions === MAX_FUNCTIONS + 1) {
      findings.add('too-many-nodes', node.path, `over ${MAX_FUNCTIONS} functions, inner ones counted; move some into a subflow`, 'key')
    }
    if (kind === 'event' && ++this.#events === MAX_EVENTS + 1) {
      findings.add('too-many-nodes', node.path, `over ${MAX_EVENTS} event nodes; move some into a subflow`, 'key')
    }
  }
}
