import type { Json, JsonObject } from './json.ts'

/** Whether two JSON values are equal by value: the order of members does not matter, own members only count. Any depth. */
export function jsonEqual(a: Json, b: Json): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  // Pairs of containers still to compare. A list instead of recursion: documents may be deeper than the stack.
  const pairs: Json[] = [a, b]
  while (pairs.length > 0) {
    const right = pairs.pop() as Json[] | JsonObject
    const left = pairs.pop() as Json[] | JsonObject
    if (Array.isArray(left)) {
      if (!Array.isArray(right) || left.length !== right.length) return false
      for (let i = 0; i < left.length; i++) if (!sameOrLater(left[i]!, right[i]!, pairs)) return false
    } else {
      if (Array.isArray(right)) return false
      const keys = Object.keys(left)
      if (keys.length !== Object.keys(right).length) return false
      for (const key of keys) {
        if (!Object.hasOwn(right, key) || !sameOrLater(left[key]!, right[key]!, pairs)) return false
      }
    }
  }
  return true
}

/** False if the two differ already; puts two containers on the list. */
function sameOrLater(a: Json, b: Json, pairs: Json[]): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  pairs.push(a, b)
  return true
}
