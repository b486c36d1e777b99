import type { BenchResult } from './result.ts'

const WIDTHS = [25, 12, 12, 8, 12, 26] as const

export function headingOf(): string {
  return row(['name', 'ours', 'reference', 'ratio', 'unit', 'p50 / p99 ms, ours (ref.)']) + '  '
}

/** One line per name, and one more for what does not fit. */
export function lineOf(name: string, result: BenchResult): string {
  const { ours, reference, ratio, unit, better, spread, latencyMs, target, more } = result
  const latency =
    latencyMs === undefined ? '' : `${latencyMs.p50.ours} / ${latencyMs.p99.ours} (${latencyMs.p50.reference} / ${latencyMs.p99.reference})`
  const lines = [row([name, figure(ours), figure(reference), figure(ratio), unit, latency])]
  const rest = [`${better} is better`]
  if (spread !== undefined) rest.push(`spread ${spread.ours.map(figure).join('-')} (${spread.reference.map(figure).join('-')})`)
  if (target !== undefined) {
    const limit = target.atLeast === undefined ? `at most ${figure(target.atMost ?? 0)}` : `at least ${figure(target.atLeast)}`
    rest.push(`${target.met ? 'reached' : 'NOT REACHED'}: ${target.what} ${figure(target.value)}, wanted ${limit}`)
  }
  if (more !== undefined)
    for (const [key, value] of Object.entries(more)) rest.push(`${key} ${typeof value === 'number' ? figure(value) : value}`)
  lines.push(`    ${rest.join('; ')}`)
  return lines.join('\n')
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 || i > 3 ? cell.padEnd(WIDTHS[i] ?? 0) : cell.padStart(WIDTHS[i] ?? 0))).join(' ')
}

function figure(value: number): string {
  return value >= 10_000 ? Math.round(value).toLocaleString('en') : String(value)
}
