/** The durations of `@every`: those of Go. */
import { CronSyntaxError, quoted } from './errors.ts'

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}

const PART = /([0-9]*)(?:\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y
/** 292 years, which is what 64 bits of nanoseconds hold. */
const LONGEST_NS = 2n ** 63n - 1n
const SECOND_NS = 1_000_000_000n

/**
 * The whole seconds of a duration such as `1h30m`.
 *
 * @param at Where it begins in the expression.
 * @throws CronSyntaxError for what is none, and what is under a second.
 */
export function parseEvery(text: string, at: number): number {
  const total = nanoseconds(text, at)
  if (total < SECOND_NS) throw new CronSyntaxError(`expected a period of at least 1s, found ${quoted(text)}`, at)
  return Number(total / SECOND_NS)
}

function nanoseconds(text: string, at: number): bigint {
  let total = 0n
  let from = text.startsWith('+') ? 1 : 0
  do {
    PART.lastIndex = from
    const part = PART.exec(text)
    if (part === null || `${part[1]}${part[2] ?? ''}` === '')
      throw new CronSyntaxError(`expected a duration of h, m, s, ms, us and ns such as 1h30m, found ${quoted(text)}`, at + from)
    const [all, digitsBefore, fraction = '', unit] = part as unknown as [string, string, string | undefined, string]
    const whole = digitsBefore.replace(/^0+/, '')
    if (whole.length > 19) throw tooLong(text, at)
    const scale = NANOSECONDS[unit]!
    // what is behind the 18th digit is far below a nanosecond
    const digits = fraction.slice(0, 18)
    total += BigInt(whole) * scale + (BigInt(digits) * scale) / 10n ** BigInt(digits.length)
    if (total > LONGEST_NS) throw tooLong(text, at)
    from += all.length
  } while (from < text.length)
  return total
}

function tooLong(text: string, at: number): CronSyntaxError {
  return new CronSyntaxError(`expected a period of 292 years at most, found ${quoted(text)}`, at)
}
