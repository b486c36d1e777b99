import fc from 'fast-check'
import { isDeepStrictEqual } from 'node:util'
import { expect, it } from 'vitest'
import { jsonEqual } from '../../dsl/json-equal.ts'
import type { Json } from '../../dsl/json.ts'

it.each<[Json, Json, boolean]>([
  [1, 1, true],
  [0, -0, true],
  [1, '1', false],
  [null, false, false],
  [null, {}, false],
  [[], {}, false],
  [{}, [], false],
  [[1, 2], [2, 1], false],
  [[1], [1, 2], false],
  [{ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }, true],
  [{ a: 1 }, { b: 1 }, false],
  [{ a: 1 }, { a: 1, b: 1 }, false],
  [{ toString: 1 }, { valueOf: 1 }, false],
  [JSON.parse('{"__proto__":{}}') as Json, { constructor: {} }, false],
  [JSON.parse('{"__proto__":[1]}') as Json, JSON.parse('{"__proto__":[1]}') as Json, true],
])('%j and %j: %s', (a, b, equal) => {
  expect(jsonEqual(a, b)).toBe(equal)
  expect(jsonEqual(b, a)).toBe(equal)
})

it('does not overflow the stack', () => {
  const deep = (inner: Json): Json => {
    let value = inner
    for (let i = 0; i < 200_000; i++) value = i % 2 ? [value] : { a: value }
    return value
  }
  expect(jsonEqual(deep(1), deep(1))).toBe(true)
  expect(jsonEqual(deep(1), deep(2))).toBe(false)
})

it('property: agrees with a strict deep comparison', () => {
  const value = fc.jsonValue({ maxDepth: 3, noUnicodeString: false }) as fc.Arbitrary<Json>
  // -0 and 0 are one number in JSON.
  const plain = (v: Json): Json => JSON.parse(JSON.stringify(v)) as Json
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(jsonEqual(a, b)).toBe(isDeepStrictEqual(plain(a), plain(b)))
      expect(jsonEqual(a, plain(a))).toBe(true)
    }),
  )
})
