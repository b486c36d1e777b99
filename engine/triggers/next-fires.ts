import { timerSchedule } from '../../connectors/timer/schedule.ts'
import type { PlanTimerTrigger, PlanTrigger } from '../../dsl/plan.ts'
import type { TriggerState } from './store.ts'

const MOST = 5

/** When a timer fires next, to be spread into its record; of other kinds nothing. */
export function nextFiresOf(
  trigger: PlanTrigger,
  { enabled, firstEnabledAt }: Pick<TriggerState, 'enabled' | 'firstEnabledAt'>,
  timezone: string,
): { readonly nextFires?: number[] } {
  if (trigger.type !== 'timer') return {}
  return { nextFires: enabled ? firesOf(trigger, firstEnabledAt, timezone) : [] }
}

function firesOf(trigger: PlanTimerTrigger, firstEnabledAt: number | null, timezone: string): number[] {
  const now = Date.now()
  const fires: number[] = []
  try {
    const { schedule } = timerSchedule(trigger, { timezone, firstEnabledAt: firstEnabledAt ?? now, now })
    for (let tick = schedule.after(now); tick !== undefined && fires.length < MOST; tick = schedule.after(tick)) fires.push(tick)
  } catch {
    // deployed where there is a zone that is not here: the trigger's state says so
  }
  return fires
}
