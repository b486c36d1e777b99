import type { Plan } from '../../dsl/plan.ts'
import { FONT, layoutOf, LINE, type Drawing, type Placed, type PlacedEdge, type Point } from './svg-layout.ts'
import { COLOURS, meeting, n, outlineOf } from './svg-shapes.ts'
import { clipped, escaped, widthOf } from './svg-text.ts'

const MARGIN = 16
const HEADING = { size: 16, height: 34 } as const
const INK = { next: '#4b5563', failure: '#b42318' } as const

/**
 * A flow as a picture: one SVG document that needs nothing beside it (no style sheet, font, script or link). Texts of the flow are text in it,
 * whatever they hold. Edges that are followed on failure are dashed.
 */
export async function svg(plan: Plan): Promise<string> {
  const drawing = await layoutOf(plan)
  const heading = clipped(plan.flow, HEADING.size, 600, true)
  const width = Math.max(drawing.width, widthOf(heading, HEADING.size, true)) + 2 * MARGIN
  const height = drawing.height + HEADING.height + 2 * MARGIN
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${n(width)}" height="${n(height)}" viewBox="0 0 ${n(width)} ${n(height)}" role="img" aria-labelledby="fnflow-title" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif">`,
    `<title id="fnflow-title">Flow ${escaped(plan.flow)}</title>`,
    '<defs>',
    ...Object.entries(INK).map(
      ([name, ink]) =>
        `<marker id="fnflow-${name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 1 10 5 0 9Z" fill="${ink}"/></marker>`,
    ),
    '</defs>',
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${n(width / 2)}" y="${MARGIN + HEADING.size}" text-anchor="middle" font-size="${HEADING.size}" font-weight="600" fill="#111827">${escaped(heading)}</text>`,
    `<g transform="translate(${n((width - drawing.width) / 2)} ${MARGIN + HEADING.height})">`,
    ...graphOf(drawing),
    '</g>',
    '</svg>',
  ]
  return lines.join('\n')
}

function graphOf({ nodes, edges }: Drawing): string[] {
  return [...edges.map((edge) => edgeOf(edge, nodes)), ...nodes.flatMap(nodeOf), ...edges.flatMap(labelOf)]
}

function nodeOf(node: Placed): string[] {
  const { kind, id, x, y, width, height, text, inner } = node
  const [fill, stroke] = COLOURS[kind]
  const name = id === undefined ? '' : ` data-node="${escaped(id)}"`
  const lines = [
    `<g class="node ${kind}"${name} transform="translate(${n(x)} ${n(y)})">`,
    `<title>${escaped([kind === 'finish' ? 'end' : kind, ...text].join('\n'))}</title>`,
    `${outlineOf(node)} fill="${fill}" stroke="${stroke}" stroke-width="1.5" stroke-linejoin="round"/>`,
    ...captionOf(node),
  ]
  if (inner !== undefined) {
    const left = (width - inner.graph.width) / 2 - width / 2
    lines.push(`<g class="body" transform="translate(${n(left)} ${n(inner.top - height / 2)})">`, ...graphOf(inner.graph), '</g>')
  }
  lines.push('</g>')
  return lines
}

function captionOf({ kind, height, lines, inner }: Placed): string[] {
  if (kind === 'begin') return []
  if (kind === 'start' || kind === 'finish' || kind === 'end')
    return [textOf(lines[0] ?? '', 0, FONT.name * 0.35, FONT.name, '#ffffff', kind === 'end' ? 600 : 400)]
  const tall = LINE.kind + LINE.name + (lines.length - 1) * LINE.detail
  let y = (inner === undefined ? -tall / 2 : 9 - height / 2) + LINE.kind - 3
  const written = [textOf(kind, 0, y, FONT.kind, COLOURS[kind][1], 400, ' letter-spacing="0.8"')]
  y += LINE.name - 3
  lines.forEach((line, at) => {
    written.push(at === 0 ? textOf(line, 0, y, FONT.name, '#111827', 600) : textOf(line, 0, y, FONT.detail, '#374151', 400))
    y += LINE.detail
  })
  return written
}

function textOf(text: string, x: number, y: number, size: number, ink: string, weight: number, more = ''): string {
  return `<text x="${n(x)}" y="${n(y)}" text-anchor="middle" font-size="${size}" font-weight="${weight}" fill="${ink}"${more}>${escaped(text)}</text>`
}

function edgeOf({ points, onFailure }: PlacedEdge, nodes: readonly Placed[]): string {
  const way = [...points]
  const [first, second] = way
  const [last, before] = [way.at(-1), way.at(-2)]
  if (first !== undefined && second !== undefined) way[0] = meeting(nearest(nodes, first), first, second)
  if (last !== undefined && before !== undefined) way[way.length - 1] = meeting(nearest(nodes, last), last, before)
  const name = onFailure ? 'failure' : 'next'
  const dashes = onFailure ? ' stroke-dasharray="5 4"' : ''
  return `<path class="edge ${name}" d="${curve(way)}" fill="none" stroke="${INK[name]}" stroke-width="1.4"${dashes} marker-end="url(#fnflow-${name})"/>`
}

/** The node on whose box a point lies. */
function nearest(nodes: readonly Placed[], point: Point): Placed {
  const away = ({ x, y, width, height }: Placed): number => Math.max(Math.abs(point.x - x) - width / 2, Math.abs(point.y - y) - height / 2)
  return nodes.reduce((best, node) => (Math.abs(away(node)) < Math.abs(away(best)) ? node : best))
}

/** Straight at both ends, rounded at the points between. */
function curve(points: readonly Point[]): string {
  const at = ({ x, y }: Point): string => `${n(x)} ${n(y)}`
  const [first, ...rest] = points
  if (first === undefined) return ''
  const parts = [`M${at(first)}`]
  rest.forEach((point, index) => {
    const next = rest[index + 1]
    if (next === undefined) parts.push(`L${at(point)}`)
    else {
      const middle = { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 }
      parts.push(`Q${at(point)} ${at(middle)}`)
    }
  })
  return parts.join('')
}

function labelOf({ label, onFailure }: PlacedEdge): string[] {
  if (label === undefined) return []
  const { x, y, text, whole, width } = label
  const height = FONT.edge + 6
  return [
    `<g class="label"><title>${escaped(whole)}</title><rect x="${n(x - width / 2)}" y="${n(y - height / 2)}" width="${n(width)}" height="${height}" rx="3" fill="#ffffff" fill-opacity="0.9"/>${textOf(text, x, y + FONT.edge * 0.35, FONT.edge, onFailure ? INK.failure : '#1f2937', 400)}</g>`,
  ]
}
