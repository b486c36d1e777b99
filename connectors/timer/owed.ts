import type { Json } from '../../dsl/json.ts'
import type { Schedule } from '../../dsl/cron/schedule.ts'

/** So much the clock may go back and nothing is done about it: what was looked at stays so. */
const BACK_MS = 60_000
/** More stretches are made one: only restarts make new ones, and only as long as something waits. */
const MOST_STRETCHES = 100
/** Ticks that are counted at most, where counting takes time. */
const MOST_COUNTED = 100_000

/** All ticks behind the first time and not behind the second. */
type Stretch = readonly [after: number, until: number]

/**
 * Which ticks are due and not handled yet. None of them is in memory: they are what the schedule has in these stretches of time.
 *
 * - O1. Every tick up to `seen` has been looked at: it is in a stretch, or handled, or was too old.
 * - O2. What is in a stretch stays there until it is handled, however old it grows.
 */
export class Owed {
  private readonly schedule: Schedule
  private stretches: Stretch[]
  private seen: number

  constructor(schedule: Schedule, seen: number, stretches: readonly Stretch[] = []) {
    this.schedule = schedule
    this.seen = seen
    this.stretches = [...stretches]
  }

  /** From what `place` gave; undefined for anything else. */
  static from(schedule: Schedule, place: Json | undefined): Owed | undefined {
    const { seen, owed } = (place ?? {}) as { readonly seen?: Json; readonly owed?: Json }
    if (typeof seen !== 'number' || !Array.isArray(owed) || !owed.every(isStretch)) return undefined
    return new Owed(schedule, seen, owed)
  }

  /** What lies between then and that time is of nobody: the trigger was disabled. */
  leaveOutUntil(time: number): void {
    this.seen = Math.max(this.seen, time)
  }

  /**
   * Takes up what has become due. Ticks up to `missedUntil` were missed: of these the ones that are not younger than `catchUpMs` are left out.
   *
   * @returns How many were.
   */
  look(now: number, missedUntil: number, catchUpMs: number): number {
    // the clock was ahead; what fires twice has the same id both times
    if (now < this.seen - BACK_MS) this.goBack(now)
    if (now <= this.seen) return 0
    const from = Math.max(this.seen, Math.min(missedUntil, now - catchUpMs))
    const tooOld = this.schedule.count(this.seen, from, MOST_COUNTED)
    this.seen = now
    const last = this.stretches.at(-1)
    if (last === undefined) this.stretches = [[from, now]]
    else if (last[1] === from || this.stretches.length >= MOST_STRETCHES) this.stretches[this.stretches.length - 1] = [last[0], now]
    else this.stretches.push([from, now])
    return tooOld
  }

  /** The earliest tick that is due. */
  first(): number | undefined {
    this.tidy()
    return this.stretches.length === 0 ? undefined : this.schedule.after(this.stretches[0]![0])
  }

  /** The next tick that is not due yet; undefined where none is to come. */
  next(): number | undefined {
    return this.schedule.after(this.seen)
  }

  /** The first tick is handled. */
  shift(): void {
    const tick = this.first()
    if (tick !== undefined) this.stretches[0] = [tick, this.stretches[0]![1]]
    this.tidy()
  }

  /** How many are due. */
  count(): number {
    return this.stretches.reduce((sum, [after, until]) => sum + this.schedule.count(after, until, MOST_COUNTED - sum), 0)
  }

  /** Nothing is due any more. Returns how many were. */
  clear(): number {
    const count = this.count()
    this.stretches = []
    return count
  }

  copy(): Owed {
    return new Owed(this.schedule, this.seen, this.stretches)
  }

  /** To be kept. */
  place(): { readonly seen: number; readonly owed: Json } {
    this.tidy()
    return { seen: this.seen, owed: this.stretches as unknown as Json }
  }

  private tidy(): void {
    while (this.stretches.length > 0) {
      const [after, until] = this.stretches[0]!
      const tick = this.schedule.after(after)
      if (tick !== undefined && tick <= until) return
      this.stretches.shift()
    }
  }

  private goBack(now: number): void {
    this.seen = now
    this.stretches = this.stretches.filter(([after]) => after < now).map(([after, until]) => [after, Math.min(until, now)])
  }
}

function isStretch(value: Json): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((time) => typeof time === 'number')
}
