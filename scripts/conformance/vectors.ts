import { jsonEqual } from '../../dsl/json-equal.ts'
import type { Json } from '../../dsl/json.ts'
import type { Built } from './built.ts'
import { show } from './compare.ts'
import type { Vector } from './files.ts'

/** What is wrong with the answer to one JSONPath vector, or undefined. */
export function jsonpathDifference({ query }: Built, vector: Vector): string | undefined {
  const path = vector['path'] as string
  let matches: Json[]
  try {
    matches = query(path, vector['doc'] ?? null)
  } catch (error) {
    const refused = error instanceof Error && error.name === 'JsonPathSyntaxError'
    return vector['invalid'] === true && refused ? undefined : `${show(path)}: ${String(error)}`
  }
  if (vector['invalid'] === true) return `${show(path)}: expected to be refused, got ${show(matches)}`
  return jsonEqual(matches, vector['matches']!) ? undefined : `${show(path)}: expected ${show(vector['matches'])}, got ${show(matches)}`
}
