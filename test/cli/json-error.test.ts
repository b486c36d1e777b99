import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findJsonError } from '../../cli/json-error.ts'

describe('findJsonError', () => {
  it.each([
    ['', 1, 1],
    ['{"a":1,}', 1, 8],
    ['[1 2]', 1, 4],
    ['{"a" 1}', 1, 6],
    ["{'a':1}", 1, 2],
    ['{\n  "a": tru\n}', 2, 8],
    ['"abc', 1, 1],
    ['"a\\x"', 1, 3],
    ['"a\nb"', 1, 3],
    ['[1]]', 1, 4],
    ['01', 1, 2],
    ['[1,\r\n2,\r\n]', 3, 1],
    ['{"a":{"b":[1,{"c":}]}}', 1, 19],
    ['NaN', 1, 1],
    ['1e', 1, 2],
  ])('%j stops being JSON at %d:%d', (text, line, column) => {
    expect(findJsonError(text)).toMatchObject({ line, column })
  })

  it('agrees with JSON.parse about what is JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom('', '"', '}', ']', ',', '\\', '{', '1', ' ', 'x', '\u0001'), (text, at, piece) => {
        const changed = text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + 1)
        expect(findJsonError(changed) === undefined).toBe(parses(changed))
      }),
      { numRuns: 2000 },
    )
  })

  it('is not overwhelmed by depth', () => {
    expect(findJsonError('['.repeat(1_000_000))).toMatchObject({ line: 1, column: 1_000_001 })
  })
})

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
