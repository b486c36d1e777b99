/** A line of a diff: kept, removed or added; `…` stands for kept lines that are left out. */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+' | '…'
  readonly text: string
}

/** Beyond so many differing lines all old ones are told as removed and all new ones as added. */
const MOST_CHANGES = 1_000

/** The difference of two texts by lines (Myers' shortest edit script), with so many kept lines around each change. */
export function lineDiff(before: string, after: string, around = 2): DiffLine[] {
  const a = linesOf(before)
  const b = linesOf(after)
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1
  const kept = (lines: readonly string[]): DiffLine[] => lines.map((text) => ({ sign: ' ', text }))
  const middle = edits(a.slice(start, a.length - end), b.slice(start, b.length - end))
  return shortened([...kept(a.slice(0, start)), ...middle, ...kept(a.slice(a.length - end))], around)
}

function linesOf(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Walks the furthest points of each diagonal, for 0, 1, 2 … changes, and then back. */
function edits(a: readonly string[], b: readonly string[]): DiffLine[] {
  const most = Math.min(a.length + b.length, MOST_CHANGES)
  const ends = new Map<number, number>([[1, 0]])
  const rounds: Map<number, number>[] = []
  const at = (reached: ReadonlyMap<number, number>, diagonal: number): number => reached.get(diagonal) ?? -1
  const goesDown = (reached: ReadonlyMap<number, number>, k: number, changes: number): boolean =>
    k === -changes || (k !== changes && at(reached, k - 1) < at(reached, k + 1))
  for (let changes = 0; changes <= most; changes += 1) {
    rounds.push(new Map(ends))
    for (let k = -changes; k <= changes; k += 2) {
      let x = goesDown(ends, k, changes) ? at(ends, k + 1) : at(ends, k - 1) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1
      ends.set(k, x)
      if (x >= a.length && x - k >= b.length) return wayBack(a, b, rounds, goesDown, at)
    }
  }
  return [...a.map((text) => ({ sign: '-' as const, text })), ...b.map((text) => ({ sign: '+' as const, text }))]
}

function wayBack(
  a: readonly string[],
  b: readonly string[],
  rounds: readonly ReadonlyMap<number, number>[],
  goesDown: (reached: ReadonlyMap<number, number>, k: number, changes: number) => boolean,
  at: (reached: ReadonlyMap<number, number>, diagonal: number) => number,
): DiffLine[] {
  const lines: DiffLine[] = []
  let x = a.length
  let y = b.length
  for (let changes = rounds.length - 1; changes > 0; changes -= 1) {
    const reached = rounds[changes]!
    const down = goesDown(reached, x - y, changes)
    const fromX = at(reached, down ? x - y + 1 : x - y - 1)
    const fromY = fromX - (down ? x - y + 1 : x - y - 1)
    for (; x > fromX && y > fromY; x -= 1, y -= 1) lines.push({ sign: ' ', text: a[x - 1]! })
    lines.push(down ? { sign: '+', text: b[fromY]! } : { sign: '-', text: a[fromX]! })
    x = fromX
    y = fromY
  }
  for (; x > 0; x -= 1) lines.push({ sign: ' ', text: a[x - 1]! })
  return lines.reverse()
}

/** Kept lines that are far from any change become one `…`. */
function shortened(lines: readonly DiffLine[], around: number): DiffLine[] {
  const near = new Set<number>()
  for (const [index, { sign }] of lines.entries())
    if (sign !== ' ') for (let other = index - around; other <= index + around; other += 1) near.add(other)
  const shown: DiffLine[] = []
  for (const [index, line] of lines.entries()) {
    if (near.has(index)) shown.push(line)
    else if (shown.at(-1)?.sign !== '…') shown.push({ sign: '…', text: '' })
  }
  return shown
}
