import { LANE_SEPARATOR } from './shapes.ts'

/** Short enough for every server's column of ids (255). */
const LONGEST = 200

/** A place as the id of an activity or lane: itself, or where it is too long its end behind a hash. */
export function shortId(place: string, longest = LONGEST): string {
  return place.length <= longest ? place : `${hash53(place).toString(36)}…${place.slice(-(longest - 20))}`
}

/** Id of the activity that looks up the flow of a `subflow` node. */
export function resolveId(place: string): string {
  return `${shortId(place)}?`
}

/** Workflow id of the lane at a place. */
export function laneId(execution: string, place: string): string {
  return `${execution}${LANE_SEPARATOR}${shortId(place, 100)}`
}

/** cyrb53, by bryc (public domain): 53 bits, no crypto in the sandbox. */
function hash53(text: string): number {
  let h1 = 0xdeadbeef
  let h2 = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    h1 = Math.imul(h1 ^ unit, 2654435761)
    h2 = Math.imul(h2 ^ unit, 1597334677)
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909)
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909)
  return 4294967296 * (2097151 & h2) + (h1 >>> 0)
}
