import { isJsonObject, setMember } from '../../dsl/json.ts'
import type { Json, JsonObject } from '../../dsl/json.ts'
import type { TextPart } from './case.ts'

/** An input with `{ $range: n }`, `{ $repeat, times }` and `{ $deep: n }` written out. */
export function expandInput(value: Json): Json {
  if (Array.isArray(value)) return value.map(expandInput)
  if (!isJsonObject(value)) return value
  const keys = Object.keys(value)
  const range = value['$range']
  if (keys.length === 1 && typeof range === 'number') return Array.from({ length: range }, (_, index) => index)
  const deep = value['$deep']
  if (keys.length === 1 && typeof deep === 'number') return nested(deep)
  const repeat = value['$repeat']
  const times = value['times']
  if (keys.length === 2 && typeof repeat === 'string' && typeof times === 'number') return repeat.repeat(times)
  const expanded: JsonObject = {}
  for (const key of keys) setMember(expanded, key, expandInput(value[key]!))
  return expanded
}

/** An empty array inside arrays, `levels` in all. */
function nested(levels: number): Json {
  let value: Json = []
  for (let level = 1; level < levels; level++) value = [value]
  return value
}

/** The text of a definition from its parts. */
export function joinText(text: string | readonly TextPart[]): string {
  if (typeof text === 'string') return text
  return text.map((part) => (typeof part === 'string' ? part : part.repeat.repeat(part.times))).join('')
}
