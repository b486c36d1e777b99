import { isJsonObject } from '../../dsl/json.ts'
import type { Json, JsonObject } from '../../dsl/json.ts'

/** Evaluates a path: the value of a definite one (undefined for nothing), the list of matches of any other. */
export type Look = (path: string, document: Json) => Json | undefined

/** The value as one line, cut where it is long. */
export function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value))
  return text.length > 300 ? `${text.slice(0, 280)}… (${text.length} characters)` : text
}

/**
 * The first difference between an expected value and the actual one, or undefined. JSON values compare by value; `{ $length: n }`
 * stands for a string of n characters, `{ $path, equals }` and `{ $path, matches }` look at one place.
 */
export function difference(expected: Json, actual: Json | undefined, look: Look, place = ''): string | undefined {
  const differs = (): string => `${place ? `at ${place} ` : ''}expected ${show(expected)}, got ${show(actual)}`
  if (actual === undefined) return differs()
  if (isJsonObject(expected)) {
    const keys = Object.keys(expected)
    if (keys.length === 1 && typeof expected['$length'] === 'number') {
      const length = expected['$length']
      if (typeof actual === 'string' && (actual.length === length || [...actual].length === length)) return undefined
      return `${place ? `at ${place} ` : ''}expected a string of ${length} characters, got ${typeof actual === 'string' ? `one of ${actual.length}` : show(actual)}`
    }
    if (typeof expected['$path'] === 'string' && ('equals' in expected || 'matches' in expected))
      return differenceAtPath(expected, actual, look, place)
    if (!isJsonObject(actual)) return differs()
    for (const key of keys) if (!Object.hasOwn(actual, key)) return differs()
    for (const key of Object.keys(actual)) if (!Object.hasOwn(expected, key)) return differs()
    return firstOf(keys, (key) => difference(expected[key]!, actual[key], look, `${place}.${key}`))
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return differs()
    return firstOf([...expected.keys()], (index) => difference(expected[index]!, actual[index], look, `${place}[${index}]`))
  }
  return expected === actual ? undefined : differs()
}

function differenceAtPath(expected: JsonObject, actual: Json, look: Look, place: string): string | undefined {
  const path = expected['$path'] as string
  const found = look(path, actual)
  const at = `${place}${path}`
  if ('equals' in expected) {
    const differs = difference(expected['equals']!, found, look)
    if (differs) return `at ${at} ${differs}`
  }
  if ('matches' in expected) {
    const text = typeof found === 'string' ? found : found === undefined ? undefined : JSON.stringify(found)
    if (text === undefined || !new RegExp(String(expected['matches']), 'u').test(text))
      return `at ${at} expected a match of ${String(expected['matches'])}, got ${show(found)}`
  }
  return undefined
}

/** As {@link difference}, but fields that `expected` does not name are ignored, at every depth of objects. */
export function missing(expected: Json, actual: Json | undefined, look: Look, place = ''): string | undefined {
  if (!isJsonObject(expected) || '$path' in expected || '$length' in expected) return difference(expected, actual, look, place)
  if (!isJsonObject(actual)) return `${place ? `at ${place} ` : ''}expected ${show(expected)}, got ${show(actual)}`
  return firstOf(Object.keys(expected), (key) =>
    missing(expected[key]!, Object.hasOwn(actual, key) ? actual[key] : undefined, look, `${place}.${key}`),
  )
}

function firstOf<T>(items: readonly T[], compare: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = compare(item)
    if (found) return found
  }
  return undefined
}
