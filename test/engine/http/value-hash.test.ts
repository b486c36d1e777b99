import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { hashJson, hashOf } from '../../../engine/http/value-hash.ts'

function hashed(json: string): string {
  const hash = createHash('sha256')
  hashJson(hash, JSON.parse(json))
  return hash.digest('hex')
}

const nested = (inner: string, depth: number): string => `${'{"a":['.repeat(depth)}${inner}${']}'.repeat(depth)}`

it.each([
  ['{"a":1,"b":2}', '{ "b": 2.0, "a": 1e0 }'],
  ['{"10":1,"9":2,"b":3}', '{"b":3,"9":2,"10":1}'],
  ['{"__proto__":1,"constructor":{"b":1,"a":2}}', '{"constructor":{"a":2,"b":1},"__proto__":1}'],
  ['[{"b":[{"d":1,"c":2}],"a":null}]', '[{"a":null,"b":[{"c":2,"d":1}]}]'],
  [String.raw`"\u00e9\ud800"`, String.raw`"é\ud800"`],
  [nested('{"x":1,"y":2}', 100), nested('{"y":2,"x":1}', 100)],
  [nested('{"x":1,"y":2}', 5000), nested('{"y":2,"x":1}', 5000)],
])('%# equal values give the same', (one, other) => {
  expect(hashed(one)).toBe(hashed(other))
})

it('different values give something else', () => {
  const values = [
    '1',
    '"1"',
    'null',
    'true',
    '[]',
    '{}',
    '[1,2]',
    '[2,1]',
    '[12]',
    '[[1],2]',
    '{"a":1}',
    '{"a":"1"}',
    '{"a":{"b":1}}',
    '{"a":{},"b":1}',
    '{"__proto__":1}',
    '"a\\",\\"b"',
    nested('1', 5000),
    nested('2', 5000),
    nested('1', 5001),
    '['.repeat(900_000) + ']'.repeat(900_000),
  ]
  expect(new Set(values.map(hashed)).size).toBe(values.length)
})

it('texts that follow each other are kept apart', () => {
  expect(hashOf('a', 'bc')).not.toEqual(hashOf('ab', 'c'))
  expect(hashOf('a')).toHaveLength(32)
})
