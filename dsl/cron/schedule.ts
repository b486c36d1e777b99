import { parseCron } from './expression.ts'
import { WallClock } from './wall-clock.ts'
import { Zone } from './zone.ts'

/** No clock is further from UTC, in seconds: Manila's was 15:56 behind it. */
const FURTHEST = 86_400
const LAST_SECOND = 8_640_000_000_000
/** Only a clock that is changed at the one time that matches, every time, makes a search this long. */
const LONGEST_SEARCH = 800 * 366 * 86_400

export interface ScheduleOptions {
  /** The zone of an expression that names none. */
  readonly zone: string
  /** Epoch ms: where the periods of `@every` begin. */
  readonly origin: number
}

/** When an expression fires. All times are epoch milliseconds on whole seconds. */
export interface Schedule {
  /** The first tick behind a time; undefined where there is none, ever. */
  after(time: number): number | undefined
  /** How many ticks there are behind `after` and not behind `until`: `most` of them are counted. */
  count(after: number, until: number, most: number): number
}

/**
 * The schedule of an expression.
 *
 * @throws CronSyntaxError
 * @throws RangeError for a zone that there is not
 */
export function scheduleOf(text: string, { zone, origin }: ScheduleOptions): Schedule {
  const expression = parseCron(text)
  const { when } = expression
  return 'everySeconds' in when
    ? new Period(when.everySeconds, Math.floor(origin / 1000))
    : new Calendar(new WallClock(when.fields), Zone.named(expression.zone ?? zone))
}

class Period implements Schedule {
  private readonly seconds: number
  private readonly origin: number

  constructor(seconds: number, origin: number) {
    this.seconds = seconds
    this.origin = origin
  }

  after(time: number): number | undefined {
    return instant(this.origin + (this.ticksUntil(time) + 1) * this.seconds)
  }

  count(after: number, until: number, most: number): number {
    return Math.min(Math.max(this.ticksUntil(until) - this.ticksUntil(after), 0), most)
  }

  private ticksUntil(time: number): number {
    return Math.max(Math.floor((Math.floor(time / 1000) - this.origin) / this.seconds), 0)
  }
}

/**
 * A tick is every instant whose wall clock matches: within a stretch of one offset the search is one on a clock that is never changed, and between
 * two stretches nothing carries over. So what the clock skips does not fire, and what it shows twice fires twice.
 */
class Calendar implements Schedule {
  private readonly clock: WallClock
  private readonly zone: Zone

  constructor(clock: WallClock, zone: Zone) {
    this.clock = clock
    this.zone = zone
  }

  after(time: number): number | undefined {
    const from = Math.floor(time / 1000) + 1
    const last = Math.min(from + LONGEST_SEARCH, LAST_SECOND)
    let second = from
    while (second <= last) {
      const { offset, end } = this.zone.at(second)
      const local = this.clock.from(second + offset)
      if (local === undefined) return undefined
      if (local - offset < end) return instant(local - offset)
      // No clock shows `local` a day or more before. Until then none of the times between shows again, unless what is left out begins within two days.
      second = end - second >= 2 * FURTHEST ? Math.max(end, local - FURTHEST) : end
    }
    return undefined
  }

  count(after: number, until: number, most: number): number {
    let count = 0
    for (let tick = this.after(after); tick !== undefined && tick <= until && count < most; tick = this.after(tick)) count += 1
    return count
  }
}

function instant(second: number): number | undefined {
  return Math.abs(second) <= LAST_SECOND ? second * 1000 : undefined
}
