import type { NodeRecord, NodeStatus } from '../engine/api.ts'
import { duration } from './output.ts'
import { visible } from './visible.ts'

/** How a state is shown: a symbol, and the name of a style. */
export interface Look {
  readonly symbols: Readonly<Record<NodeStatus, string>>
  style(style: 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold', text: string): string
}

const UNICODE: Look['symbols'] = { running: '●', retrying: '↻', waiting: '…', succeeded: '✔', failed: '✖', caught: '⚠', cancelled: '⊘' }
const ASCII: Look['symbols'] = { running: '*', retrying: '~', waiting: '.', succeeded: '+', failed: 'x', caught: '!', cancelled: '-' }
const STYLES = {
  running: 'cyan',
  retrying: 'yellow',
  waiting: 'yellow',
  succeeded: 'green',
  failed: 'red',
  caught: 'yellow',
  cancelled: 'dim',
} as const

/** The symbols that the terminal can show, by the locale of the environment. */
export function symbolsFor(env: NodeJS.ProcessEnv): Look['symbols'] {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return /utf-?8/i.test(locale) ? UNICODE : ASCII
}

/**
 * The nodes of an execution as lines: in order of start, what lies inside a container indented below it.
 *
 * @param now epoch ms; for the times of what still runs.
 * @param width columns; longer lines are cut.
 */
export function renderTree(records: Iterable<NodeRecord>, options: Look & { readonly now: number; readonly width: number }): string[] {
  const byParent = new Map<string, NodeRecord[]>()
  const places = new Set<string>()
  const all = [...records]
  for (const record of all) places.add(record.place)
  for (const record of all) {
    const parent = parentOf(record.place, places)
    const siblings = byParent.get(parent)
    if (siblings === undefined) byParent.set(parent, [record])
    else siblings.push(record)
  }
  const lines: string[] = []
  const add = (parent: string, indent: string): void => {
    const children = byParent.get(parent) ?? []
    // branches by index, whichever began first; within one in order of start
    if (parent !== '') children.sort((a, b) => indexIn(a.place, parent) - indexIn(b.place, parent))
    for (const record of children) {
      lines.push(nodeLine(record, indent, options))
      add(record.place, `${indent}  `)
    }
  }
  add('', '')
  return lines
}

function nodeLine(record: NodeRecord, indent: string, options: Look & { readonly now: number; readonly width: number }): string {
  const { id, label, status, startedAt, endedAt } = record
  const name = label === id ? id : `${visible(oneLine(label))} (${id})`
  const time = duration((endedAt ?? options.now) - startedAt)
  const details = [record.type, time, ...remarks(record)].join('  ')
  const room = Math.max(10, options.width - 1)
  const plain = `${indent}${options.symbols[status]} ${name}  ${details}`
  const cut = fitting(plain, room) === plain ? plain : fitting(plain, room - 1) + (options.symbols === UNICODE ? '…' : '~')
  const detailsAt = indent.length + options.symbols[status].length + 1 + name.length
  const head = cut.slice(indent.length + options.symbols[status].length, detailsAt)
  return `${indent}${options.style(STYLES[status], options.symbols[status])}${head}${options.style('dim', cut.slice(detailsAt))}`
}

/** East Asian characters and pictures that take two columns. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/** The beginning of a text that fits into as many columns. */
function fitting(text: string, columns: number): string {
  let room = columns
  let end = 0
  for (const sign of text) {
    room -= sign > '\u1000' && WIDE.test(sign) ? 2 : 1
    if (room < 0) break
    end += sign.length
  }
  return text.slice(0, end)
}

/** What there is to say about a node beyond its state and time. */
export function remarks({ status, attempts, iterations, error, unresolved }: NodeRecord): string[] {
  const said: string[] = []
  // before the first iteration nothing is counted
  if (iterations !== undefined && (iterations.total > 0 || status === 'succeeded')) {
    const { total, succeeded, failed, running } = iterations
    said.push(`${succeeded + failed}/${total}${running > 0 ? `, ${running} running` : ''}${failed > 0 ? `, ${failed} failed` : ''}`)
  }
  if (attempts > 1) said.push(`${attempts} attempts`)
  if (status === 'retrying' || status === 'waiting' || status === 'caught' || status === 'cancelled') said.push(status)
  if (error !== undefined) said.push(visible(`${oneLine(error.errorType)}: ${oneLine(error.errorMessage)}`))
  if (unresolved !== undefined) said.push(`unresolved: ${visible(unresolved.join(', '))}`)
  return said
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > 200 ? `${line.slice(0, 200).toWellFormed()}…` : line
}

/** The place of the nearest container that is listed; '' for those outside of any. */
function parentOf(place: string, places: ReadonlySet<string>): string {
  let rest = place
  for (let slash = rest.lastIndexOf('/'); slash !== -1; slash = rest.lastIndexOf('/')) {
    rest = rest.slice(0, slash)
    const container = rest.replace(/\[\d+\]$/, '')
    if (places.has(container)) return container
  }
  return ''
}

function indexIn(place: string, parent: string): number {
  return Number(/^\[(\d+)\]/.exec(place.slice(parent.length))?.[1] ?? 0)
}
