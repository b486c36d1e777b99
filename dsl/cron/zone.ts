/**
 * The offsets of a time zone, by way of Intl, which has the data of Node (docs/design/architecture.md, "Time zones"). They are sampled at the borders of
 * windows, and only where two of them differ is the change looked for.
 */
import { daysOf } from './calendar.ts'

/** A stretch of time in which the offset does not change, as far as is known: it may go on in the next. Epoch seconds, the end not included. */
export interface Span {
  readonly start: number
  readonly end: number
  /** Seconds east of UTC. */
  readonly offset: number
}

/** No two changes that undo each other are as close as this (the closest of all are four days apart: Freetown in 1939). */
const WINDOW = 3 * 86_400
/** Windows that are kept of a zone: some 80 years. */
const MOST_WINDOWS = 10_000
/** What Date and Intl can tell. */
const LAST_SECOND = 8_640_000_000_000

const zones = new Map<string, Zone>()

export class Zone {
  private readonly name: string
  private format: Intl.DateTimeFormat | null = null
  private readonly samples = new Map<number, number>()
  private readonly windows = new Map<number, readonly Span[]>()
  private last: Span = { start: 0, end: 0, offset: 0 }

  private constructor(name: string) {
    this.name = name
    if (name === 'UTC') this.last = { start: -Infinity, end: Infinity, offset: 0 }
  }

  /**
   * The zone of an IANA name, of which there is one for all who ask.
   *
   * @throws RangeError for what is none.
   */
  static named(name: string): Zone {
    let zone = zones.get(name)
    if (zone !== undefined) return zone
    if (!isZone(name))
      throw new RangeError(`expected the name of a time zone, such as UTC or Europe/Berlin, not ${JSON.stringify(name.slice(0, 80))}`)
    zones.set(name, (zone = new Zone(name)))
    return zone
  }

  /** The stretch around an instant. */
  at(second: number): Span {
    if (second >= this.last.start && second < this.last.end) return this.last
    const index = Math.floor(second / WINDOW)
    let window = this.windows.get(index)
    if (window === undefined) {
      window = this.window(index)
      if (this.windows.size >= MOST_WINDOWS) this.windows.clear()
      this.windows.set(index, window)
    }
    return (this.last = window.find(({ end }) => second < end)!)
  }

  private window(index: number): readonly Span[] {
    const spans: Span[] = []
    const end = (index + 1) * WINDOW
    const last = this.sample(index + 1)
    let start = index * WINDOW
    let offset = this.sample(index)
    while (offset !== last) {
      const change = this.change(start, end, offset)
      spans.push({ start, end: change, offset })
      start = change
      offset = this.offset(change)
    }
    spans.push({ start, end, offset })
    return spans
  }

  /** The first instant in (start, end] with another offset than at the start. */
  private change(start: number, end: number, offset: number): number {
    let [before, after] = [start, end]
    while (after - before > 1) {
      const middle = before + Math.floor((after - before) / 2)
      if (this.offset(middle) === offset) before = middle
      else after = middle
    }
    return after
  }

  private sample(index: number): number {
    let offset = this.samples.get(index)
    if (offset === undefined) {
      offset = this.offset(index * WINDOW)
      if (this.samples.size >= MOST_WINDOWS) this.samples.clear()
      this.samples.set(index, offset)
    }
    return offset
  }

  private offset(second: number): number {
    const clamped = Math.min(Math.max(second, -LAST_SECOND), LAST_SECOND)
    let [year, month, day, seconds] = [0, 0, 0, 0]
    for (const { type, value } of (this.format ??= formatOf(this.name)).formatToParts(clamped * 1000)) {
      if (type === 'year') year += Number(value)
      // 1 BC is the year 0
      else if (type === 'era' && value.startsWith('B')) year = 1 - year
      else if (type === 'month') month = Number(value)
      else if (type === 'day') day = Number(value)
      else if (type === 'hour') seconds += Number(value) * 3600
      else if (type === 'minute') seconds += Number(value) * 60
      else if (type === 'second') seconds += Number(value)
    }
    return daysOf({ year, month, day }) * 86_400 + seconds - clamped
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
}

/** Whether a text is the name of an IANA zone: no offset, which Intl takes, too. */
export function isZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false
  if (zones.has(name)) return true
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}
