/** The fields of a cron expression (triggers.md, 2):
 *
 *     field = item { "," item }          item  = range [ "/" step ]
 *     range = "*" | value [ "-" value ]   value = digits | name
 *
 * and `?` alone in the two fields of days. A value with a step goes on to the end of the field.
 */
import { CronSyntaxError, quoted } from './errors.ts'

export interface FieldKind {
  readonly name: string
  readonly min: number
  readonly max: number
  /** Of `min` and those behind it. */
  readonly names?: readonly string[]
  /** May be `?`. */
  readonly day?: true
}

/** Which values a field takes. */
export interface Field {
  /** By value. */
  readonly takes: readonly boolean[]
  /** Its list has `*`, `?` or a step of 1 over all: of the two days, such a one does not restrict the other. */
  readonly all: boolean
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

/** In their order in an expression; the last may be left out. */
export const FIELDS = [
  { name: 'second', min: 0, max: 59 },
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31, day: true },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day of week', min: 0, max: 6, names: DAYS, day: true },
] as const satisfies readonly FieldKind[]

/**
 * Reads one field.
 *
 * @param at Where it begins in the expression.
 * @throws CronSyntaxError
 */
export function parseField(text: string, at: number, kind: FieldKind): Field {
  const takes = new Array<boolean>(kind.max + 1).fill(false)
  if (text === '?' && kind.day === true) return { takes: takes.fill(true, kind.min), all: true }
  let all = false
  let from = at
  for (const item of text.split(',')) {
    if (takeItem(item, from, kind, takes)) all = true
    from += item.length + 1
  }
  return { takes, all }
}

/** Marks what an item takes; true where that is everything by its nature. */
function takeItem(item: string, at: number, kind: FieldKind, takes: boolean[]): boolean {
  const slash = item.indexOf('/')
  const range = slash < 0 ? item : item.slice(0, slash)
  const step = slash < 0 ? 1 : parseStep(item.slice(slash + 1), at + slash + 1, kind)
  const { low, high } = parseRange(range, at, kind)
  const last = high ?? (slash < 0 ? low : kind.max)
  for (let value = low; value <= last; value += step) takes[value] = true
  return range === '*' && step === 1
}

function parseRange(range: string, at: number, kind: FieldKind): { readonly low: number; readonly high?: number } {
  if (range === '*') return { low: kind.min, high: kind.max }
  const dash = range.indexOf('-')
  if (dash < 0) return { low: parseValue(range, at, kind) }
  const low = parseValue(range.slice(0, dash), at, kind)
  const high = parseValue(range.slice(dash + 1), at + dash + 1, kind)
  if (high < low)
    throw new CronSyntaxError(`${kind.name}: the range ${quoted(range)} ends before it begins; give two: ${wrapped(low, high, kind)}`, at)
  return { low, high }
}

/** How a range that goes over the end is written. */
function wrapped(low: number, high: number, { min, max }: FieldKind): string {
  return `${low}-${max},${min}-${high}`
}

function parseStep(text: string, at: number, { name }: FieldKind): number {
  const step = /^[0-9]{1,18}$/.test(text) ? Number(text) : 0
  if (step < 1) throw new CronSyntaxError(`${name}: expected a step, a whole number from 1, behind the /, found ${quoted(text)}`, at)
  return step
}

function parseValue(text: string, at: number, kind: FieldKind): number {
  const named = kind.names?.indexOf(text.toUpperCase()) ?? -1
  if (named >= 0) return kind.min + named
  const value = /^[0-9]+$/.test(text) ? Number(text) : -1
  if (value < kind.min || value > kind.max)
    throw new CronSyntaxError(`${kind.name}: expected ${expected(kind)}, found ${quoted(text)}${hint(text, kind)}`, at)
  return value
}

function expected({ min, max, names }: FieldKind): string {
  return names === undefined ? `a number from ${min} to ${max}` : `a number from ${min} to ${max} or ${names[0]} to ${names.at(-1)}`
}

/** What others take there. */
function hint(text: string, { name, day }: FieldKind): string {
  if (name === 'day of week' && text === '7') return '; Sunday is 0'
  if (text.startsWith('?')) return day === true ? '; ? stands alone' : '; only the two days may be ?'
  if (day === true && /^(?:L|LW|.*[LW#].*)$/i.test(text)) return '; L, W and # are not known'
  return ''
}
