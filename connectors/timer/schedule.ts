import { parseCron } from '../../dsl/cron/expression.ts'
import { scheduleOf, type Schedule } from '../../dsl/cron/schedule.ts'
import type { PlanTimerTrigger } from '../../dsl/plan.ts'

export interface TimerSchedule {
  readonly schedule: Schedule
  /** Two of the same name have the same ticks. */
  readonly name: string
}

export interface TimerScheduleOptions {
  /** Of expressions that name none. */
  readonly timezone: string
  /** Epoch ms. */
  readonly firstEnabledAt: number
  readonly now: number
}

/** The ticks of a trigger. Throws CronSyntaxError, and RangeError for a zone that there is not: both are known before a flow is deployed. */
export function timerSchedule({ cron }: PlanTimerTrigger, { timezone, firstEnabledAt, now }: TimerScheduleOptions): TimerSchedule {
  const { zone = timezone, when } = parseCron(cron)
  if (!('everySeconds' in when)) return { schedule: scheduleOf(cron, { zone, origin: 0 }), name: `${cron} (${zone})` }
  const period = when.everySeconds * 1000
  // enabled by a clock that was ahead: the phase is kept, and nobody waits until then
  const periodsAhead = Math.max(Math.ceil((firstEnabledAt - now) / period), 0)
  const origin = firstEnabledAt - periodsAhead * period
  return { schedule: scheduleOf(cron, { zone, origin }), name: cron }
}
