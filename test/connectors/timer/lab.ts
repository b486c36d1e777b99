import { openTimer } from '../../../connectors/timer/index.ts'
import { Backoff } from '../../../connectors/triggers/backoff.ts'
import type { TriggerSource } from '../../../connectors/triggers/contract.ts'
import type { JsonObject } from '../../../dsl/json.ts'
import type { PlanTimerTrigger } from '../../../dsl/plan.ts'
import { TestHost } from '../host.ts'
import { ManualClock } from './manual-clock.ts'

export const TRIGGER: PlanTimerTrigger = {
  type: 'timer',
  name: 'nightly',
  cron: '@hourly',
  input: { input: 3 },
  catchUpMs: 60_000,
  overlap: 'queue',
  maxInFlight: 100,
}

/** One timer, its clock and what the engine keeps of it. */
export class TimerLab {
  readonly clock: ManualClock
  readonly timezone: string
  host: TestHost
  source: TriggerSource | null = null
  private trigger: PlanTimerTrigger
  private readonly all: TestHost[] = []

  /** The trigger is first enabled at that time. */
  constructor(time: number | string, trigger: Partial<PlanTimerTrigger> = {}, { timezone = 'UTC', room = Infinity } = {}) {
    this.clock = new ManualClock(time)
    this.timezone = timezone
    this.trigger = { ...TRIGGER, ...trigger }
    this.host = this.newHost(room)
    this.host.firstEnabledAt = this.host.enabledAt = this.clock.now()
  }

  async start(trigger: Partial<PlanTimerTrigger> = {}): Promise<void> {
    this.trigger = { ...this.trigger, ...trigger }
    const { clock, timezone } = this
    const kind = openTimer({ timezone, backoff: () => new Backoff({ firstMs: 1, longestMs: 1 }) }, clock)
    this.source = kind.source(this.trigger, this.host)
    await this.source.start()
    await clock.pass(0)
  }

  async stop(): Promise<void> {
    await this.source?.stop()
    this.source = null
  }

  /** The process ends, and begins again after so long. */
  async restart(downMs: number, room = Infinity): Promise<void> {
    await this.stop()
    const { firstEnabledAt, enabledAt, kept } = this.host
    this.host = this.newHost(room)
    Object.assign(this.host, { firstEnabledAt, enabledAt, kept })
    await this.clock.set(this.clock.now() + downMs)
    await this.start()
  }

  /** The trigger is disabled for so long. */
  async disableFor(ms: number): Promise<void> {
    await this.stop()
    await this.clock.pass(ms)
    this.host.enabledAt = this.clock.now()
    await this.start()
  }

  /** The times of all ticks that have become something, of all processes. */
  get ticks(): string[] {
    return this.all.flatMap(({ events }) => events.map(({ event }) => (event as JsonObject)['time'] as string))
  }

  /** Of all processes. */
  get skipped(): number {
    return this.all.reduce((sum, { counts }) => sum + (counts['skipped'] ?? 0), 0)
  }

  get state(): string | undefined {
    return this.host.states.at(-1)?.state
  }

  private newHost(room: number): TestHost {
    const host = new TestHost(room)
    this.all.push(host)
    return host
  }
}
