import type { PlanTrigger, TriggerKind } from '../plan.ts'
import { custom } from './custom.ts'
import { http } from './http.ts'
import { kafka } from './kafka.ts'
import { baseOf, type RawTrigger, type TriggerLanguage } from './kind.ts'
import { rabbitmq } from './rabbitmq.ts'
import { timer } from './timer.ts'
import { topic } from './topic.ts'

/** Every kind of trigger. A kind that is missing here does not compile. */
export const TRIGGERS = { timer, kafka, rabbitmq, http, topic, custom } satisfies { [K in TriggerKind]: TriggerLanguage<K, any> }

export const TRIGGER_KINDS = Object.keys(TRIGGERS) as TriggerKind[]

/** A kind without its own types. */
export type AnyTriggerLanguage = TriggerLanguage<TriggerKind, any>

/** The kind of that name; `undefined` for anything else. */
export function triggerLanguage(kind: unknown): AnyTriggerLanguage | undefined {
  return typeof kind === 'string' && Object.hasOwn(TRIGGERS, kind)
    ? (TRIGGERS as unknown as Record<string, AnyTriggerLanguage>)[kind]
    : undefined
}

/** Of a checked definition. */
export function compileTrigger(trigger: RawTrigger): PlanTrigger {
  const language = triggerLanguage(trigger['type']) as AnyTriggerLanguage
  return language.compile(trigger, baseOf(trigger))
}
