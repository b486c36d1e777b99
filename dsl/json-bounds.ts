import { NodeError } from './errors.ts'
import type { Json } from './json.ts'

/**
 * What a value made inside a flow may weigh: about its bytes as JSON, and never more than a sixth less. The language limits inputs, bodies
 * and results to 6 MiB each; what containers and `pass` put together of them may be more, but must stay something that can be written out.
 * Values share their parts, so 40 nodes that each double their input make 2^40 bytes of JSON out of nothing.
 */
export const VALUE_LIMIT = 64 * 1024 * 1024

/** Levels of arrays and objects: twice what may come in from outside, as containers wrap what they are given. */
export const VALUE_LEVELS = 1024

let weight = 0

/** Throws NodeError `PayloadTooLarge` or `PayloadTooDeep`; costs a walk over the value, and stops at the limit. `what` names the value. */
export function checkBounds(value: Json, what: string): void {
  if (typeof value !== 'object' || value === null) return
  weight = 0
  const deep = walk(value, VALUE_LEVELS)
  if (weight > VALUE_LIMIT) throw new NodeError('PayloadTooLarge', `${what} takes more than ${VALUE_LIMIT} bytes of JSON`)
  if (deep) throw new NodeError('PayloadTooDeep', `${what} is nested deeper than ${VALUE_LEVELS} levels`)
}

/** True if it is too deep; stops once `weight` is over the limit. */
function walk(value: Json[] | { [key: string]: Json }, levels: number): boolean {
  if (levels === 0) return true
  weight += 2
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      weight += 1
      if (part(value[at] as Json, levels)) return true
      if (weight > VALUE_LIMIT) return false
    }
    return false
  }
  for (const key in value) {
    weight += key.length + 4
    if (part(value[key] as Json, levels)) return true
    if (weight > VALUE_LIMIT) return false
  }
  return false
}

function part(value: Json, levels: number): boolean {
  if (typeof value === 'object' && value !== null) return walk(value, levels - 1)
  weight += typeof value === 'string' ? value.length + 2 : 4
  return false
}
