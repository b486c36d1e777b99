/** When fields match on a clock that is never put forward or back; its seconds count from 1970-01-01T00:00:00 as it shows it. */
import { civilOf, dayOfWeek, daysInMonth, daysOf } from './calendar.ts'
import type { CronFields } from './expression.ts'
import type { Field } from './fields.ts'

const DAY = 86_400
/** After these the calendar repeats, weekdays included: what has not matched by then never does. */
const CYCLE_MONTHS = 400 * 12

/** One field, for looking up which value comes next. */
class Values {
  /** By value: the least that is taken and is not below it, -1 for none. */
  private readonly notBelow: Int8Array
  readonly first: number

  constructor({ takes }: Field) {
    this.notBelow = new Int8Array(takes.length + 1).fill(-1)
    for (let value = takes.length - 1; value >= 0; value--) this.notBelow[value] = takes[value] ? value : this.notBelow[value + 1]!
    this.first = this.notBelow[0]!
  }

  from(value: number): number {
    return this.notBelow[value]!
  }
}

/** The instants of a wall clock that fields match. Each question takes constant time, but for rare days, where it is a step for each month. */
export class WallClock {
  private readonly seconds: Values
  private readonly minutes: Values
  private readonly hours: Values
  private readonly months: readonly boolean[]
  /** Bit n: day n of the month. */
  private readonly days: number
  /** By the weekday of the first of the month: the days of the month that are of the weekdays. */
  private readonly weekdays: readonly number[]
  /** Both kinds of day are restricted: then either is enough. */
  private readonly either: boolean

  constructor({ second, minute, hour, dayOfMonth, month, dayOfWeek: week }: CronFields) {
    this.seconds = new Values(second)
    this.minutes = new Values(minute)
    this.hours = new Values(hour)
    this.months = month.takes
    this.days = bits((day) => dayOfMonth.takes[day]!)
    this.weekdays = Array.from({ length: 7 }, (_, first) => bits((day) => week.takes[(first + day - 1) % 7]!))
    this.either = !dayOfMonth.all && !week.all
  }

  /** The first match that is not before `second`; undefined where there is none ever. */
  from(second: number): number | undefined {
    const day = Math.floor(second / DAY)
    const matching = this.dayFrom(day)
    if (matching === undefined) return undefined
    if (matching > day) return matching * DAY + this.firstOfDay()
    const inDay = this.timeFrom(second - day * DAY)
    if (inDay !== undefined) return day * DAY + inDay
    const next = this.dayFrom(day + 1)
    return next === undefined ? undefined : next * DAY + this.firstOfDay()
  }

  /** Whether there is a day that matches. */
  get everFires(): boolean {
    return this.dayFrom(0) !== undefined
  }

  private dayFrom(from: number): number | undefined {
    let { year, month, day } = civilOf(from)
    for (let count = 0; count <= CYCLE_MONTHS; count++) {
      if (this.months[month]) {
        const first = daysOf({ year, month, day: 1 })
        const left = this.daysOf(first, daysInMonth(year, month)) & (-1 << day)
        // the lowest bit
        if (left !== 0) return first + 30 - Math.clz32(left & -left)
      }
      day = 1
      month += 1
      if (month > 12) {
        month = 1
        year += 1
      }
    }
    return undefined
  }

  /** Of a month: bit n is day n. */
  private daysOf(first: number, length: number): number {
    const ofWeek = this.weekdays[dayOfWeek(first)]!
    const matching = this.either ? this.days | ofWeek : this.days & ofWeek
    return matching & (-1 >>> (31 - length))
  }

  private firstOfDay(): number {
    return this.hours.first * 3600 + this.minutes.first * 60 + this.seconds.first
  }

  private timeFrom(inDay: number): number | undefined {
    const [hour, minute, second] = [Math.floor(inDay / 3600), Math.floor(inDay / 60) % 60, inDay % 60]
    const nextHour = this.hours.from(hour)
    if (nextHour === hour) {
      const nextMinute = this.minutes.from(minute)
      if (nextMinute === minute) {
        const nextSecond = this.seconds.from(second)
        if (nextSecond >= 0) return hour * 3600 + minute * 60 + nextSecond
      }
      const later = nextMinute === minute ? this.minutes.from(minute + 1) : nextMinute
      if (later >= 0) return hour * 3600 + later * 60 + this.seconds.first
    }
    const later = nextHour === hour ? this.hours.from(hour + 1) : nextHour
    return later < 0 ? undefined : later * 3600 + this.minutes.first * 60 + this.seconds.first
  }
}

/** Bit n for each day n of a month of 31. */
function bits(takes: (day: number) => boolean): number {
  let sum = 0
  for (let day = 1; day <= 31; day++) if (takes(day)) sum |= 1 << day
  return sum
}
