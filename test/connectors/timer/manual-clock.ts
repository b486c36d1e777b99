import type { Clock } from '../../../connectors/timer/clock.ts'

/** A clock that stands until the test moves it. */
export class ManualClock implements Clock {
  steadySince: number
  private time: number
  private readonly moved: (time: number) => void
  private readonly alarms = new Set<{ readonly time: number; readonly call: () => void }>()
  private readonly watchers = new Set<() => void>()

  /** @param moved Called with each time that it shows. */
  constructor(time: number | string, moved: (time: number) => void = () => undefined) {
    this.moved = moved
    this.steadySince = new Date(time).getTime()
    this.time = this.show(this.steadySince)
  }

  now(): number {
    return this.time
  }

  at(time: number, call: () => void): () => void {
    const alarm = { time, call }
    this.alarms.add(alarm)
    return () => this.alarms.delete(alarm)
  }

  watch(behindGap: () => void): () => void {
    this.watchers.add(behindGap)
    return () => this.watchers.delete(behindGap)
  }

  get waiting(): number {
    return this.alarms.size
  }

  /** Lets time pass, up to a time, alarm by alarm, each of them late by so much. */
  async to(time: number | string, lateMs = 3): Promise<void> {
    const until = new Date(time).getTime()
    for (;;) {
      await settled()
      const [first] = [...this.alarms].sort((a, b) => a.time - b.time)
      if (first === undefined || first.time + lateMs > until) break
      this.time = this.show(Math.max(this.time, first.time + lateMs))
      this.alarms.delete(first)
      first.call()
    }
    this.time = this.show(Math.max(this.time, until))
    await settled()
  }

  pass(ms: number): Promise<void> {
    return this.to(this.time + ms)
  }

  /** Somebody has set the clock, or the machine has slept. */
  async set(time: number | string): Promise<void> {
    this.time = this.show((this.steadySince = new Date(time).getTime()))
    for (const watcher of [...this.watchers]) watcher()
    await settled()
  }

  private show(time: number): number {
    this.moved(time)
    return time
  }
}

/** What was to follow at once has followed. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
