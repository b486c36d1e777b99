import type { Plan, PlanNode, PlanParallelNode } from '../dsl/plan.ts'

type Nodes = Readonly<Record<string, PlanNode>>

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
    const joins = toEnd ? joinsOf(nodes) : new Map<string, string>()
    let ends = false
    for (const node of Object.values(nodes)) {
      const from = nameOf(node.id)
      if (node.type === 'condition') {
        for (const { when, next } of node.branches) this.line(`${from} -->|${quoted(when)}| ${nameOf(next)}`)
        this.line(`${from} -->|"default"| ${nameOf(node.otherwise)}`)
      } else if (node.type === 'parallel') {
        for (const branch of node.branches) this.line(`${from} --> ${nameOf(branch)}`)
      } else if (node.type === 'error') {
        for (const branch of node.catch) this.line(`${from} -.->|${quoted(branch.when ?? 'failed')}| ${nameOf(branch.next)}`)
      } else if (node.next !== undefined) this.line(`${from} --> ${nameOf(node.next)}`)
      else if (node.type !== 'end' && toEnd) {
        const join = joins.get(node.id)
        if (join === undefined) ends = true
        this.line(`${from} --> ${join === undefined ? 'flow_end' : nameOf(join)}`)
      }
      if (node.onError !== undefined) this.line(`${from} -.->|"onError"| ${nameOf(node.onError)}`)
    }
    if (ends) this.line('flow_end(("end"))')
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

/** The lines of a node's caption: its label, and what people look for. */
function captionOf(node: PlanNode): string[] {
  switch (node.type) {
    case 'function':
      return [node.label, node.function]
    case 'callback':
      return [node.label, node.function, `callback within ${written(node.timeoutMs)}`]
    case 'event':
      return [node.label, `event to ${node.channel}`]
    case 'subflow':
      return [node.label, `flow ${node.flow}${node.wait ? '' : ', not waiting'}`]
    case 'parallel':
      return [node.label, node.complete === node.branches.length ? 'all branches' : `${node.complete} of ${node.branches.length} branches`]
    case 'loop':
      return [node.label, `for each ${node.as} of ${node.items}${node.concurrency === 0 ? '' : `, ${node.concurrency} at a time`}`]
    case 'service':
      return [node.label, node.execution]
    case 'wait':
      return [
        node.label,
        node.until === undefined
          ? `wait ${typeof node.seconds === 'number' ? written(node.seconds * 1000) : node.seconds}`
          : `until ${node.until}`,
      ]
    case 'error': {
      const { retry } = node
      return retry === undefined
        ? [node.label]
        : [
            node.label,
            `retry up to ${retry.max} times, every ${written(retry.intervalMs)}`,
            ...(retry.when === undefined ? [] : [`when ${retry.when}`]),
          ]
    }
    default:
      return [node.label]
  }
}

/** A duration as a definition would give it: `90m`, `5s`. */
function written(ms: number): string {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const)
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`
  return ms >= 1000 ? `${ms / 1000}s` : `${ms}ms`
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
