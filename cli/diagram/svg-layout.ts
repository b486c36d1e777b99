/** Where everything of a flow's picture stands. What is inside a loop or service is laid out by itself, and is one box outside. */
import type { Plan, PlanNode } from '../../dsl/plan.ts'
import { captionOf } from './caption.ts'
import { edgesOf, type Nodes } from './edges.ts'
import { clipped, widthOf } from './svg-text.ts'

export const FONT = { kind: 9, name: 13, detail: 11, edge: 11 } as const
/** Heights of lines of text, and space around them. */
export const LINE = { kind: 13, name: 18, detail: 15 } as const
const PADDING = { x: 14, y: 9 } as const
const INSET = 18
/** Longer texts are cut; they stand whole in the tool tip. */
const MOST_TEXT = 260
const MOST_EDGE_TEXT = 190

export interface Point {
  readonly x: number
  readonly y: number
}

/** A node where it stands: the middle of its box. */
export interface Placed extends Point {
  /** What it is, and `start`, `end` and `begin` (the first node of what is within another is begun with). */
  readonly kind: PlanNode['type'] | 'start' | 'finish' | 'begin'
  readonly id: string | undefined
  readonly width: number
  readonly height: number
  /** As drawn; the first one is its name. */
  readonly lines: readonly string[]
  /** Whole. */
  readonly text: readonly string[]
  /** What is within it, and how far below its upper edge that begins. */
  readonly inner?: { readonly graph: Drawing; readonly top: number }
}

export interface PlacedEdge {
  readonly points: readonly Point[]
  readonly label?: Point & { readonly text: string; readonly whole: string; readonly width: number }
  readonly onFailure: boolean
}

export interface Drawing {
  readonly width: number
  readonly height: number
  readonly nodes: readonly Placed[]
  readonly edges: readonly PlacedEdge[]
}

type Unplaced = Omit<Placed, 'x' | 'y'>

/** What of the library is used. */
interface DagreGraph {
  setGraph(label: object): void
  setNode(name: string, label: object): void
  setEdge(from: string, to: string, label: object, name: string): void
  node(name: string): Point
  edge(edge: { readonly v: string; readonly w: string; readonly name: string }): { readonly points: readonly Point[] } & Partial<Point>
  graph(): { readonly width?: number; readonly height?: number }
}
interface Dagre {
  readonly graphlib: { readonly Graph: new (options: object) => DagreGraph }
  layout(graph: DagreGraph): void
}

/** Lays a flow out, from above to below. The same flow is laid out the same. */
export async function layoutOf(plan: Plan): Promise<Drawing> {
  const { default: dagre } = (await import('@dagrejs/dagre')) as unknown as { readonly default: Dagre }
  return drawn(dagre, plan.nodes, plan.start, 'start')
}

function drawn(dagre: Dagre, nodes: Nodes, start: string | undefined, before: 'start' | 'begin'): Drawing {
  const whole = before === 'start'
  const graph = new dagre.graphlib.Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'TB', nodesep: 28, edgesep: 16, ranksep: 34, marginx: 4, marginy: 4 })
  const boxes = new Map<string, Unplaced>()
  /** Names of ours cannot be ids of nodes, which begin with a prefix here. */
  const put = (name: string, box: Unplaced): void => {
    boxes.set(name, box)
    graph.setNode(name, { width: box.width, height: box.height })
  }
  if (start !== undefined) put(before, whole ? circle('start') : dot())
  for (const node of Object.values(nodes)) put(nameOf(node.id), boxOf(dagre, node))
  const edges = edgesOf(nodes, whole).map(({ from, to, ...edge }) => ({
    v: nameOf(from),
    w: to === undefined ? 'finish' : nameOf(to),
    ...edge,
  }))
  if (edges.some(({ w }) => w === 'finish')) put('finish', circle('finish'))
  const all = start === undefined ? edges : [{ v: before, w: nameOf(start), onFailure: false, label: undefined }, ...edges]
  const labels = all.map(({ label }) => (label === undefined ? undefined : clipped(label, FONT.edge, MOST_EDGE_TEXT)))
  const widths = labels.map((text) => (text === undefined ? 0 : widthOf(text, FONT.edge) + 10))
  all.forEach(({ v, w }, at) =>
    graph.setEdge(v, w, { width: widths[at], height: widths[at] === 0 ? 0 : LINE.name, labelpos: 'c', minlen: 1 }, String(at)),
  )
  dagre.layout(graph)
  const { width = 0, height = 0 } = graph.graph()
  return {
    width,
    height,
    nodes: [...boxes].map(([name, box]) => ({ ...box, x: graph.node(name).x, y: graph.node(name).y })),
    edges: all.map(({ v, w, label, onFailure }, at): PlacedEdge => {
      const { points, x = 0, y = 0 } = graph.edge({ v, w, name: String(at) })
      const text = labels[at]
      const width = widths[at] ?? 0
      return { points, onFailure, ...(text === undefined || label === undefined ? {} : { label: { x, y, text, whole: label, width } }) }
    }),
  }
}

function nameOf(id: string): string {
  return `node ${id}`
}

function circle(kind: 'start' | 'finish'): Unplaced {
  return {
    kind,
    id: undefined,
    width: 46,
    height: 46,
    lines: [kind === 'start' ? 'start' : 'end'],
    text: [kind === 'start' ? 'start' : 'end'],
  }
}

function dot(): Unplaced {
  return { kind: 'begin', id: undefined, width: 12, height: 12, lines: [], text: ['begins here'] }
}

function boxOf(dagre: Dagre, node: PlanNode): Unplaced {
  const text = captionOf(node)
  const lines = text.map((line, at) => clipped(line, at === 0 ? FONT.name : FONT.detail, MOST_TEXT, at === 0))
  const widest = Math.max(
    widthOf(node.type, FONT.kind) * 1.3,
    ...lines.map((line, at) => widthOf(line, at === 0 ? FONT.name : FONT.detail, at === 0)),
  )
  const tall = LINE.kind + LINE.name + (lines.length - 1) * LINE.detail
  const box = { kind: node.type, id: node.id, lines, text }
  if (node.type !== 'loop' && node.type !== 'service') return { ...box, ...sizeFor(node.type, widest, tall) }
  const graph = drawn(dagre, node.nodes, node.start, 'begin')
  const top = PADDING.y * 2 + tall
  return {
    ...box,
    width: Math.max(widest + 2 * PADDING.x, graph.width + 2 * INSET),
    height: top + graph.height + INSET,
    inner: { graph, top },
  }
}

/** The box that a shape needs around its text. */
function sizeFor(kind: PlanNode['type'], text: number, tall: number): { readonly width: number; readonly height: number } {
  const width = text + 2 * PADDING.x
  const height = tall + 2 * PADDING.y
  switch (kind) {
    case 'condition':
      return { width: width * 1.25 + 40, height: height * 1.7 }
    case 'parallel':
    case 'callback':
      return { width: width + 36, height }
    case 'subflow':
    case 'wait':
      return { width: width + 18, height }
    case 'error':
      return { width: width + 14, height }
    case 'event':
      return { width, height: height + 16 }
    default:
      return { width, height }
  }
}
