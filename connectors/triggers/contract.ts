/**
 * What the engine and a connector that brings events are to each other (triggers.md, 1). A connector knows its broker, or its clock, and
 * nothing of flows; the engine knows flows, and hands each event's fate back.
 *
 * - T1. An event is handled when `deliver` has resolved, whatever became of it: then, and not before, its offset is committed or its message
 *   acknowledged. If it rejects, nothing has become of it, and it is delivered again later.
 * - T2. The same event has the same `key` whenever it comes again: the id of the execution follows from it, so it starts nothing twice.
 * - T3. `deliver` is called while there is room alone. It may be called several times at once; order is kept by waiting.
 */
import type { Json } from '../../dsl/json.ts'
import type { PlanTrigger, PlanTriggerOf, TriggerKind } from '../../dsl/plan.ts'

/** One event, or one batch of them, on its way to one execution. */
export interface TriggerEvent {
  /** Names the event for good, within its trigger: topic, partition, offset …; null where nothing does: then it comes at least once. */
  readonly key: readonly string[] | null
  /** The event document. */
  readonly event: Json
  /** W3C trace context of the message. */
  readonly traceparent?: string
  /** Tells people, and dead letters, where it stood. */
  readonly place: string
}

/** What became of an event. */
export type Delivery =
  | { readonly outcome: 'started' | 'deduplicated'; readonly executionId: string }
  | { readonly outcome: 'filtered' | 'deadLettered' | 'skipped' }

export type SourceState = 'running' | 'paused' | 'connecting' | 'reconnecting' | 'failed'

/** What a connector may ask of the engine, for one trigger. */
export interface TriggerHost {
  /** Filters, shapes and starts. Rejects where it can't be done now: T1. */
  deliver(event: TriggerEvent): Promise<Delivery>
  /** Whether fewer than `maxInFlight` executions of the trigger run. */
  readonly hasRoom: boolean
  /** Called each time that there is room again, and that there is none. Returns how to stop. */
  onRoom(changed: (hasRoom: boolean) => void): () => void
  /** Shown in the trigger's status, with what is wrong. */
  tell(state: SourceState, error?: string): void
  /** Events that nothing is delivered of: ticks that are too old, places that the broker no longer has. */
  count(what: 'skipped' | 'lost' | 'withoutId', events: number): void
}

/** A trigger under way. */
export interface TriggerSource {
  /** Begins to bring events, or goes on after a pause. Resolves at once: what it connects to may be away. */
  start(): Promise<void>
  /** No more events until `start`; what is under way is delivered. The place in line is kept. */
  pause(): Promise<void>
  /** Ends for good; resolves when everything that was delivered has its answer. */
  stop(): Promise<void>
  /** Events that wait at the broker, as far as is known. */
  readonly lag?: number
}

/** Makes the source of a trigger; called for each that is enabled, and again when its definition has changed. */
export type TriggerConnector<K extends TriggerKind = TriggerKind> = (trigger: PlanTriggerOf<K>, host: TriggerHost) => TriggerSource

/** Kinds whose events come by the API: nothing has to be brought. */
export function isPushed({ type }: PlanTrigger): boolean {
  return type === 'http' || type === 'topic'
}
