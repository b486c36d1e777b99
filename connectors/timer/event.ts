import type { TriggerEvent } from '../triggers/contract.ts'
import type { Json } from '../../dsl/json.ts'
import type { PlanTimerTrigger } from '../../dsl/plan.ts'

/** A timer is one part. */
export const PART = ''

/** The event of a tick (epoch ms), in the form of the guide's TIMER event. */
export function timerEvent({ name, input = {} }: PlanTimerTrigger, tick: number, next: Json): TriggerEvent {
  const time = new Date(tick).toISOString().replace('.000Z', 'Z')
  return {
    key: [time],
    event: { version: 'v1.0', time, trigger_type: 'TIMER', trigger_name: name, user_event: input },
    place: time,
    advance: { part: PART, next },
  }
}
