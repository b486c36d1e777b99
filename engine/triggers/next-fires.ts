import { timerSchedule } from '../../connectors/timer/schedule.ts'
import type { PlanTrigger } from '../../dsl/plan.ts'
import type { TriggerState } from './store.ts'

const MOST = 5

/** When a timer fires next, to be spread into its record; of other kinds nothing. */
export function nextFiresOf(
  trigger: PlanTrigger,
  { enabled, firstEnabledAt }: Pick<TriggerState, 'enabled' | 'firstEnabledAt'>,
  timezone: string,
): { readonly nextFires?: number[] } {
  if (trigger.type !== 'timer') return {}
  if (!enabled) return { nextFires: [] }
  const now = Date.now()
  const { schedule } = timerSchedule(trigger, { timezone, firstEnabledAt: firstEnabledAt ?? now, now })
  const nextFires: number[] = []
  for (let tick = schedule.after(now); tick !== undefined && nextFires.length < MOST; tick = schedule.after(tick)) nextFires.push(tick)
  return { nextFires }
}
