import { onStdout } from '../output.ts'

/** Columns that are numbers stand to the right. A row may have one cell more than the head: a remark. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const used = head.map((_, at) => rows.some((row) => (row[at] ?? '') !== ''))
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => (row[at] ?? '').length)))
  const line = (row: readonly string[]): string => {
    const cells = head.flatMap((_, at) => {
      const [cell, width] = [row[at] ?? '', widths[at] as number]
      return used[at] !== true ? [] : [at < LEFT || at === head.length - 1 ? cell.padEnd(width) : cell.padStart(width)]
    })
    return [...cells, ...row.slice(head.length)].join('  ').trimEnd()
  }
  return [onStdout('dim', line(head)), ...rows.map(line)].join('\n')
}

/** The first columns are words. */
const LEFT = 2
