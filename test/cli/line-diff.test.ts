import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lineDiff } from '../../cli/line-diff.ts'

const shown = (before: string, after: string, around?: number): string[] =>
  lineDiff(before, after, around).map(({ sign, text }) => `${sign}${text}`)

describe('the difference of two texts', () => {
  it('is told by lines, with what is around', () => {
    expect(shown('a\nb\nc\nd\ne\nf\ng\n', 'a\nb\nc\nD\ne\nf\ng\nh\n', 1)).toEqual(['…', ' c', '-d', '+D', ' e', '…', ' g', '+h'])
    expect(shown('', 'a\n')).toEqual(['+a'])
    expect(shown('a\n', '')).toEqual(['-a'])
    expect(shown('a\nb\n', 'a\nb\n')).toEqual(['…'])
    expect(shown('a\nb\nc\na\nb\nb\na\n', 'c\nb\na\nb\na\nc\n', 9)).toHaveLength(9)
  })

  it('gives the old text without what is added, the new one without what is removed, and is the shortest', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        fc.pre(a.join('|') !== b.join('|'))
        const lines = lineDiff([...a, ''].join('\n'), [...b, ''].join('\n'), 100)
        expect(lines.filter(({ sign }) => sign !== '+').map(({ text: line }) => line)).toEqual(a)
        expect(lines.filter(({ sign }) => sign !== '-').map(({ text: line }) => line)).toEqual(b)
        expect(lines.filter(({ sign }) => sign === ' ')).toHaveLength(longestCommon(a, b))
      }),
      { numRuns: 300 },
    )
  })

  it('of texts that have little in common is told in bounded time', () => {
    const lines = (of: string): string => Array.from({ length: 20_000 }, (_, n) => `${of}${n}`).join('\n')
    const started = performance.now()
    expect(shown(lines('a'), lines('b'))).toHaveLength(40_000)
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})

function longestCommon(a: readonly string[], b: readonly string[]): number {
  const table = Array.from({ length: a.length + 1 }, () => Array<number>(b.length + 1).fill(0))
  for (let i = 1; i <= a.length; i += 1)
    for (let j = 1; j <= b.length; j += 1)
      table[i]![j] = a[i - 1] === b[j - 1] ? table[i - 1]![j - 1]! + 1 : Math.max(table[i - 1]![j]!, table[i]![j - 1]!)
  return table[a.length]![b.length]!
}
