import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { JsonPathSyntaxError, query } from '../../../dsl/jsonpath/index.ts'
import type { Json } from '../../../dsl/json.ts'

interface Vector {
  path: string
  doc?: Json
  matches?: Json[]
  invalid?: true
}

const file = new URL('../../conformance/jsonpath.json', import.meta.url)
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] }

describe('the vectors of flow-language.md, 4.1', () => {
  it.each(vectors.map((vector, index) => [index, JSON.stringify(vector.path), vector] as const))('%i %s', (_index, _path, vector) => {
    if (vector.invalid) expect(() => query(vector.path, {})).toThrow(JsonPathSyntaxError)
    else expect(JSON.stringify(query(vector.path, vector.doc!))).toBe(JSON.stringify(vector.matches))
  })
})
