import type { Json } from '../dsl/json.ts'

/** JSON in one form for all that is equal as a value: members by name. */
export function jsonText(value: Json): string {
  // depth is bounded: what comes in has at most 512 levels
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${jsonText(value[name] as Json)}`)
  return `{${members.join(',')}}`
}
