/** The grammar of a duration text (flow-language.md, 1): pairs of number and unit, no sign, no spaces. */
export const DURATION_PATTERN = '^(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h|d))+$'
/** Longer texts are no durations; keeps the pattern away from hostile ones. */
export const DURATION_MAX_LENGTH = 100

/** What any longer one counts as, 250,000 years: added to a time of day it is still a date. */
export const LONGEST_MS = 8_000_000_000_000_000

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * The milliseconds of a duration (flow-language.md, 1): a number of seconds, or a text such as `1h30m`.
 * Parts of a millisecond count as a whole one, so that nothing above zero becomes zero.
 *
 * @returns `undefined` where it is no duration.
 */
export function parseDuration(value: number | string): number | undefined {
  if (typeof value === 'number') return value >= 0 && value < Infinity ? whole(value * 1000) : undefined
  if (value.length > DURATION_MAX_LENGTH || !DURATION.test(value)) return undefined
  let total = 0
  for (const [, amount, unit] of value.matchAll(PAIR)) total += Number(amount) * UNIT_MS[unit!]!
  return whole(total)
}

const DURATION = new RegExp(DURATION_PATTERN)
const PAIR = /([0-9.]+)([a-z]+)/g

function whole(ms: number): number {
  // Binary fractions leave noise far below a microsecond, which must not count as a millisecond.
  return ms < LONGEST_MS ? Math.ceil(Math.round(ms * 1000) / 1000) : LONGEST_MS
}

/** The text of a duration in milliseconds, which {@link parseDuration} reads back. */
export function durationText(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}
