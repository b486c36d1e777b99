/** The outlines of nodes, around the point 0,0; each kind has a shape and a colour of its own. */
import type { Placed, Point } from './svg-layout.ts'

type Kind = Placed['kind']

/** Paper and ink of each kind. */
export const COLOURS: { readonly [kind in Kind]: readonly [fill: string, stroke: string] } = {
  start: ['#1f2937', '#1f2937'],
  finish: ['#1f2937', '#1f2937'],
  begin: ['#6b7280', '#6b7280'],
  function: ['#e8f1fd', '#2563a8'],
  callback: ['#fdf1dc', '#b26a00'],
  event: ['#e6f6f4', '#0f766e'],
  subflow: ['#ede9fb', '#5b3fb0'],
  parallel: ['#e9f5e5', '#3f7d20'],
  condition: ['#fef9d9', '#8a6d00'],
  loop: ['#f7faf5', '#3f7d20'],
  service: ['#f8f7fd', '#5b3fb0'],
  wait: ['#f1f3f5', '#5c6770'],
  error: ['#fdeaea', '#b42318'],
  pass: ['#ffffff', '#5c6770'],
  end: ['#1f2937', '#1f2937'],
}

/** An element without its end: `<path d="…"`, to which the style is added. */
export function outlineOf({ kind, width, height }: Placed): string {
  const x = width / 2
  const y = height / 2
  const slant = 14
  switch (kind) {
    case 'start':
    case 'finish':
    case 'begin':
    case 'end':
      return `<rect x="${n(-x)}" y="${n(-y)}" width="${n(width)}" height="${n(height)}" rx="${n(y)}"`
    case 'condition':
      return polygon([0, -y], [x, 0], [0, y], [-x, 0])
    case 'parallel':
      return polygon([-x + slant, -y], [x - slant, -y], [x, 0], [x - slant, y], [-x + slant, y], [-x, 0])
    case 'callback':
      return polygon([-x + slant, -y], [x, -y], [x - slant, y], [-x, y])
    case 'error':
      return polygon([-x, -y], [x, -y], [x, y], [-x, y], [-x + 12, 0])
    case 'event': {
      const lid = 8
      return `<path d="M${n(-x)} ${n(-y + lid)}a${n(x)} ${lid} 0 0 1 ${n(width)} 0V${n(y - lid)}a${n(x)} ${lid} 0 0 1 ${n(-width)} 0ZM${n(-x)} ${n(-y + lid)}a${n(x)} ${lid} 0 0 0 ${n(width)} 0"`
    }
    case 'subflow':
      return `<path d="M${n(-x)} ${n(-y)}H${n(x)}V${n(y)}H${n(-x)}ZM${n(-x + 7)} ${n(-y)}V${n(y)}M${n(x - 7)} ${n(-y)}V${n(y)}"`
    case 'wait':
      return `<rect x="${n(-x)}" y="${n(-y)}" width="${n(width)}" height="${n(height)}" rx="${n(Math.min(x, y))}"`
    case 'pass':
      return `<rect x="${n(-x)}" y="${n(-y)}" width="${n(width)}" height="${n(height)}" rx="10"`
    case 'loop':
    case 'service':
    case 'function':
      return `<rect x="${n(-x)}" y="${n(-y)}" width="${n(width)}" height="${n(height)}" rx="3"`
  }
}

/** Where an arrow from `outside` meets a shape; the layout knows of rectangles alone, and `edge` is where it meets that. */
export function meeting(node: Placed, edge: Point, outside: Point): Point {
  if (node.kind !== 'condition') return edge
  const dx = outside.x - node.x
  const dy = outside.y - node.y
  const share = Math.abs(dx) / (node.width / 2) + Math.abs(dy) / (node.height / 2)
  return share === 0 ? edge : { x: node.x + dx / share, y: node.y + dy / share }
}

/** A number as it is written into the picture. */
export function n(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function polygon(...points: readonly (readonly [number, number])[]): string {
  return `<polygon points="${points.map(([x, y]) => `${n(x)},${n(y)}`).join(' ')}"`
}
