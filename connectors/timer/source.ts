import type { Json } from '../../dsl/json.ts'
import type { PlanTimerTrigger } from '../../dsl/plan.ts'
import { pause, type Backoff } from '../triggers/backoff.ts'
import { CannotSeek, type SeekTarget, type TriggerHost, type TriggerSource } from '../triggers/contract.ts'
import type { Clock } from './clock.ts'
import { PART, timerEvent } from './event.ts'
import { Owed } from './owed.ts'
import { timerSchedule, type TimerSchedule } from './schedule.ts'

/** Ticks that are made up for when somebody seeks a place: more are hardly meant. */
const MOST_SOUGHT = 100_000

export interface TimerServices {
  readonly clock: Clock
  readonly timezone: string
  backoff(): Backoff
}

/**
 * The ticks of one timer, one after another. What is due is looked at when the next tick is, when there is room again, and behind a gap of the
 * clock; the place says what was looked at, and what of it is still owed (owed.ts).
 */
export class TimerSource implements TriggerSource {
  private readonly trigger: PlanTimerTrigger
  private readonly host: TriggerHost
  private readonly clock: Clock
  private readonly backoff: Backoff
  private readonly schedule: TimerSchedule
  private owed: Owed | null = null
  private startedAt = 0
  private ending = new AbortController()
  private running: Promise<void> = Promise.resolve()
  /** Ends the wait of the loop. */
  private wake: () => void = () => undefined

  constructor(trigger: PlanTimerTrigger, host: TriggerHost, { clock, timezone, backoff }: TimerServices) {
    this.trigger = trigger
    this.host = host
    this.clock = clock
    this.backoff = backoff()
    this.schedule = timerSchedule(trigger, { timezone, firstEnabledAt: host.firstEnabledAt, now: clock.now() })
  }

  async start(): Promise<void> {
    await this.running
    this.ending = new AbortController()
    this.startedAt = this.clock.now()
    this.running = this.run(this.ending.signal)
  }

  pause(): Promise<void> {
    return this.stop()
  }

  async stop(): Promise<void> {
    this.ending.abort()
    this.wake()
    await this.running
  }

  async resolve(to: SeekTarget): Promise<ReadonlyMap<string, Json>> {
    const now = this.clock.now()
    const from = this.timeOf(to, now)
    const count = this.schedule.schedule.count(from, now, MOST_SOUGHT + 1)
    if (count > MOST_SOUGHT) throw new CannotSeek(`there are more than ${MOST_SOUGHT} ticks since then; seek a later time`)
    return new Map([[PART, this.placeOf(new Owed(this.schedule.schedule, now, from < now ? [[from, now]] : []))]])
  }

  /** Ticks that are due. */
  get lag(): number {
    return this.owed?.count() ?? 0
  }

  private timeOf(to: SeekTarget, now: number): number {
    if (to === 'latest') return now
    if (to === 'earliest') return this.host.firstEnabledAt
    if ('offsets' in to) throw new CannotSeek('a timer has no offsets; seek earliest, latest or a time')
    if (to.time > now) throw new CannotSeek('the time is yet to come; until then the trigger can be disabled')
    return to.time
  }

  /** Never rejects. */
  private async run(signal: AbortSignal): Promise<void> {
    const stops = [this.clock.watch(() => this.wake()), this.host.onRoom(() => this.wake())]
    try {
      const owed = await this.read(signal)
      if (owed === undefined) return
      this.owed = owed
      while (!signal.aborted) await this.step(owed, signal)
      // what has become due by now is owed, whenever it goes on
      this.skip(this.look(owed))
      if (owed.first() !== undefined) this.note(owed)
    } finally {
      for (const stop of stops) stop()
    }
  }

  /** What is owed since the trigger was last at work; undefined if it is stopped before that is known. */
  private async read(signal: AbortSignal): Promise<Owed | undefined> {
    for (;;) {
      try {
        const place = (await this.host.places.read()).get(PART)?.next
        this.backoff.reset()
        return this.owedSince(place)
      } catch (error) {
        this.host.tell('connecting', (error as Error).message)
        await this.backoff.wait(signal)
        if (signal.aborted) return undefined
      }
    }
  }

  private owedSince(place: Json | undefined): Owed {
    const { schedule, name } = this.schedule
    const now = this.clock.now()
    if (place === undefined) return new Owed(schedule, Math.min(this.host.enabledAt, now))
    const kept = (place as { readonly schedule?: Json }).schedule === name ? Owed.from(schedule, place) : undefined
    if (kept === undefined) {
      // another expression than it had: of this one nothing was missed
      const fresh = new Owed(schedule, now)
      this.note(fresh)
      return fresh
    }
    kept.leaveOutUntil(Math.min(this.host.enabledAt, now))
    return kept
  }

  private async step(owed: Owed, signal: AbortSignal): Promise<void> {
    const skipped = this.look(owed)
    const tick = owed.first()
    if (tick === undefined || !this.host.hasRoom) {
      const dropped = tick !== undefined && this.trigger.overlap === 'skip' ? owed.clear() : 0
      this.skip(skipped + dropped)
      // also what waits: however old it grows, it is not what was missed
      if (tick !== undefined || skipped > 0) this.note(owed)
      this.host.tell(tick === undefined || dropped > 0 ? 'running' : 'paused')
      return this.wait(owed.next(), signal)
    }
    this.skip(skipped)
    this.host.tell('running')
    const behind = owed.copy()
    behind.shift()
    try {
      await this.host.deliver(timerEvent(this.trigger, tick, this.placeOf(behind)))
    } catch {
      // the engine shows why (T1)
      return pause(this.backoff.next(), signal)
    }
    this.backoff.reset()
    owed.shift()
  }

  private look(owed: Owed): number {
    const now = this.clock.now()
    // the clock was set back
    this.startedAt = Math.min(this.startedAt, now)
    return owed.look(now, Math.max(this.startedAt, this.clock.steadySince), this.trigger.catchUpMs)
  }

  private skip(ticks: number): void {
    if (ticks > 0) this.host.count('skipped', ticks)
  }

  private note(owed: Owed): void {
    this.host.places.note(PART, this.placeOf(owed))
  }

  private placeOf(owed: Owed): Json {
    return { schedule: this.schedule.name, ...owed.place() }
  }

  /** Until the next tick, or until something else has changed. */
  private wait(next: number | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      let isOver = false
      let callOff: () => void = () => undefined
      const wake = (): void => {
        isOver = true
        callOff()
        if (this.wake === wake) this.wake = () => undefined
        resolve()
      }
      this.wake = wake
      if (next === undefined) return
      callOff = this.clock.at(next, wake)
      // asking the clock may have found a gap
      if (isOver) callOff()
    })
  }
}
