/** How timers know the time: in one place, so that tests can bring their own. */

export interface Clock {
  /** Epoch ms. */
  now(): number
  /**
   * Epoch ms. Since then time has passed as it should. Before lies a gap: the start of the process, a clock that was set, a machine that slept: of
   * ticks in it nobody could know when they were due.
   */
  readonly steadySince: number
  /** Calls back once, at a time or a little later. Returns how to call it off. */
  at(time: number, call: () => void): () => void
  /** Watches for gaps, and calls back behind each. Returns how to stop. */
  watch(behindGap: () => void): () => void
}

/** So often it is looked. */
const WATCH_MS = 1000
/** So much later than it was to be, and something has held up the process. */
const LATE_MS = 5000
/** So far the clock of the wall may be from the other one after a second; clocks that are adjusted are slower. */
const JUMP_MS = 250
/** What Node's timers can hold. */
const LONGEST_MS = 2 ** 31 - 1

/** The times of the system: that of the wall, and one that nobody can set. */
export interface SystemTimes {
  wall(): number
  steady(): number
}

export class SystemClock implements Clock {
  steadySince: number
  private readonly times: SystemTimes
  private readonly watchers = new Set<() => void>()
  private timer: NodeJS.Timeout | null = null
  private lastWall: number
  private lastSteady: number

  constructor(times: SystemTimes = { wall: Date.now, steady: () => performance.now() }) {
    this.times = times
    this.lastSteady = times.steady()
    this.steadySince = this.lastWall = times.wall()
  }

  /** The first to ask behind a gap finds it. */
  now(): number {
    const [wall, steady] = [this.times.wall(), this.times.steady()]
    const passed = steady - this.lastSteady
    const jump = wall - this.lastWall - passed
    this.lastWall = wall
    this.lastSteady = steady
    if (Math.abs(jump) <= JUMP_MS && passed <= WATCH_MS + LATE_MS) return wall
    this.steadySince = wall
    for (const watcher of [...this.watchers]) watcher()
    return wall
  }

  at(time: number, call: () => void): () => void {
    let timer: NodeJS.Timeout
    const arm = (): void => {
      const left = time - this.now()
      // a timer may come a little early, and one that is too long comes at once
      timer = setTimeout(() => (this.now() < time ? arm() : call()), Math.min(Math.max(left, 0), LONGEST_MS))
    }
    arm()
    return () => clearTimeout(timer)
  }

  watch(behindGap: () => void): () => void {
    this.watchers.add(behindGap)
    if (this.timer === null) {
      // nobody has looked so far, which is no gap
      this.lastWall = this.times.wall()
      this.lastSteady = this.times.steady()
      this.timer = setInterval(() => void this.now(), WATCH_MS).unref()
    }
    return () => {
      this.watchers.delete(behindGap)
      if (this.watchers.size > 0 || this.timer === null) return
      clearInterval(this.timer)
      this.timer = null
    }
  }
}
