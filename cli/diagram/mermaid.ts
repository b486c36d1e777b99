import type { Plan, PlanNode } from '../../dsl/plan.ts'
import { captionOf } from './caption.ts'
import { edgesOf, type Nodes } from './edges.ts'

/** A flow as a Mermaid flowchart: a shape per kind of node, dotted edges for errors, subgraphs for loops and services. */
export function mermaid(plan: Plan): string {
  const writer = new Writer()
  writer.line('flowchart TD')
  writer.open()
  writer.line('flow_start(("start"))')
  writer.graph(plan.nodes, plan.start, 'flow_start', true)
  writer.close()
  return writer.lines.join('\n')
}

class Writer {
  readonly lines: string[] = []
  private indent = ''
  private readonly taken = new Set<string>()

  line(text: string): void {
    this.lines.push(this.indent + text)
  }
  open(): void {
    this.indent += '  '
  }
  close(): void {
    this.indent = this.indent.slice(2)
  }

  /** Nodes and edges of one graph; `before` is drawn in front of its start, `toEnd` draws where its paths end. */
  graph(nodes: Nodes, start: string | undefined, before: string | undefined, toEnd: boolean): void {
    const names = new Map(Object.keys(nodes).map((id) => [id, this.name(id)]))
    const nameOf = (id: string): string => names.get(id) ?? id
    for (const node of Object.values(nodes)) this.node(node, nameOf(node.id))
    if (before !== undefined && start !== undefined) this.line(`${before} --> ${nameOf(start)}`)
    const edges = edgesOf(nodes, toEnd)
    for (const { from, to, label, onFailure } of edges) {
      const arrow = `${onFailure ? '-.->' : '-->'}${label === undefined ? '' : `|${quoted(label)}|`}`
      this.line(`${nameOf(from)} ${arrow} ${to === undefined ? 'flow_end' : nameOf(to)}`)
    }
    if (edges.some(({ to }) => to === undefined)) this.line('flow_end(("end"))')
  }

  private node(node: PlanNode, name: string): void {
    if (node.type !== 'loop' && node.type !== 'service') {
      this.line(`${name}${shaped(node)}`)
      return
    }
    this.line(`subgraph ${name} [${quoted(...captionOf(node))}]`)
    this.open()
    this.graph(node.nodes, node.start, undefined, false)
    this.close()
    this.line('end')
  }

  /** Node ids may be words of Mermaid's, so each gets a prefix, and a number where two would be the same. */
  private name(id: string): string {
    const base = `n_${id.replace(/[^A-Za-z0-9_]/g, '_')}`
    let name = base
    for (let n = 2; this.taken.has(name); n++) name = `${base}_${n}`
    this.taken.add(name)
    return name
  }
}

function shaped(node: PlanNode): string {
  const text = quoted(...captionOf(node))
  switch (node.type) {
    case 'event':
      return `[(${text})]`
    case 'callback':
      return `[/${text}/]`
    case 'subflow':
      return `[[${text}]]`
    case 'parallel':
      return `{{${text}}}`
    case 'condition':
      return `{${text}}`
    case 'wait':
      return `([${text}])`
    case 'error':
      return `>${text}]`
    case 'pass':
      return `(${text})`
    case 'end':
      return `((${text}))`
    default:
      return `[${text}]`
  }
}

/** Quoted for Mermaid, which reads entities as `#name;`; backticks would begin Markdown. */
function quoted(...lines: string[]): string {
  const escaped = lines.map((line) =>
    line
      .replace(/\s+/g, ' ')
      .replace(/[#&]/g, (char) => `#${char.charCodeAt(0)};`)
      .replace(/"/g, '#quot;')
      .replace(/</g, '#lt;')
      .replace(/>/g, '#gt;')
      .replace(/[`|\\]/g, (char) => `#${char.charCodeAt(0)};`),
  )
  return `"${escaped.join('<br/>')}"`
}
