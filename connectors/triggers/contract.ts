/**
 * What the engine and a connector that brings events are to each other (triggers.md, 1). A connector knows its broker, or its clock, and
 * nothing of flows; the engine knows flows, keeps places, and hands each event's fate back.
 *
 * - T1. An event is handled when `deliver` has resolved, whatever became of it: then, and not before, its offset is committed or its message
 *   acknowledged. If it rejects, nothing has become of it, and it is delivered again later (`backoff.ts`), before what comes behind it.
 * - T2. The same event has the same `key` whenever it comes again: the id of the execution follows from it, so it starts nothing twice.
 * - T3. `deliver` is called while there is room alone. It may be called several times at once, but not for events of one part of a place: those
 *   come one after another, or by `deliverAll`.
 * - T4. The place that the engine keeps counts, not that of the broker: a source reads it when it takes up a part, and begins there.
 */
import type { Json } from '../../dsl/json.ts'
import type { PlanTrigger, PlanTriggerOf, TriggerKind } from '../../dsl/plan.ts'

/** Where a part of a source goes on. */
export interface Place {
  /** What is to be read next, in the connector's own words; null where only `unfinished` is known. */
  readonly next: Json
  /**
   * The `bounds` of a batch that was begun, and of which it is not known whether it was started: exactly these events are read again, as one batch with
   * the key that they had then, and before anything else of the part.
   */
  readonly unfinished?: Json
}

/**
 * The places of one trigger, by part. A part is what has an order of its own: a partition, or '' for a source that is one. Its name has all that
 * the place hangs on (connection, topic and partition), so that a trigger which reads something else begins anew.
 */
export interface Places {
  /** As they are now; a part that is not there was never taken up. Rejects while the store is away. */
  read(): Promise<ReadonlyMap<string, Place>>
  /**
   * Keeps the place of a part soon, for what moves it without an event: the first resolving of `from`, events that are left out. Of two for one
   * part the later one counts.
   */
  note(part: string, next: Json): void
  /** Resolves when all that was noted is safe; before a part is given up, and where `from` was resolved. Rejects while the store is away. */
  flush(): Promise<void>
}

/** How an event moves the place of its part: what is written with whatever becomes of the event. */
export interface Advance {
  readonly part: string
  /** What comes behind the event. */
  readonly next: Json
  /** Of a batch: which events are in it. See {@link Place.unfinished}. */
  readonly bounds?: Json
}

/** One event, or one batch of them, on its way to one execution. */
export interface TriggerEvent {
  /** Names the event for good, within its trigger: topic, partition, offset …; null where nothing does: then it comes at least once. */
  readonly key: readonly string[] | null
  /** Epoch ms, of the event itself, so that it is the same whenever that comes again. Ids begin with it, which spares the store much where events are many. */
  readonly at?: number
  /** The event document. Not looked at where there is `poison`. */
  readonly event: Json
  /** W3C trace context of the message. */
  readonly traceparent?: string
  /** Tells people, and dead letters, where it stood. */
  readonly place: string
  readonly advance?: Advance
  /**
   * Of sources without an order: the keys of the messages in it, each as it will be when that message comes again. They are recorded with what
   * becomes of the event, and are {@link TriggerHost.known} for `keepMs`. If one of them turns out to be known already, `deliver` rejects: ask
   * `known` before each delivery, also before a repeated one.
   */
  readonly messages?: { readonly keys: readonly string[]; readonly keepMs: number }
  /** What came, byte by byte, for a dead letter; absent: the event as JSON. */
  readonly original?: { readonly bytes: Uint8Array; readonly contentType?: string }
  /** The connector can't make an event of it (NotInFormat): it is dead-lettered or skipped, in its turn. */
  readonly poison?: Error
}

/** What became of an event. */
export type Delivery =
  | { readonly outcome: 'started' | 'deduplicated'; readonly executionId: string }
  | { readonly outcome: 'filtered' | 'deadLettered' | 'skipped' }

/** What became of the first of several events. */
export interface Deliveries {
  /** One for each that was handled, in order: fewer than were given where there was no more room, or one failed. */
  readonly handled: readonly Delivery[]
  /** Why the next one could not be handled now. */
  readonly failure?: Error
}

export type SourceState = 'running' | 'paused' | 'connecting' | 'reconnecting' | 'failed'

/** What a connector may ask of the engine, for one trigger. */
export interface TriggerHost {
  readonly flow: string
  /** Raised where a place was sought anew; part of the ids already, and of what else names an event beyond this trigger. */
  readonly generation: number
  /** Names the engine's store, in which the generation is counted: what is left at the broker for servers with another one has it. No slash is in it. */
  readonly store: string
  /** Epoch ms. When the trigger was enabled for the first time; redeployments do not change it. */
  readonly firstEnabledAt: number
  /** Epoch ms. When it was enabled last: what comes before it, is of a time in which it was disabled. */
  readonly enabledAt: number
  readonly places: Places
  /** Filters, shapes and starts. Rejects where it can't be done now: T1. */
  deliver(event: TriggerEvent): Promise<Delivery>
  /**
   * The same for several events of one part, in order, as many as there is room for; in one transaction where the store can. Never rejects: what could
   * not be handled is told, and delivered again later.
   */
  deliverAll(events: readonly TriggerEvent[]): Promise<Deliveries>
  /** Which of these messages have become something before: they are left out, acknowledged, and counted as deduplicated. Rejects while the store is away. */
  known(keys: readonly string[]): Promise<ReadonlySet<string>>
  /** Whether fewer than `maxInFlight` executions of the trigger run. */
  readonly hasRoom: boolean
  /** Called each time that there is room again, and that there is none. Returns how to stop. */
  onRoom(changed: (hasRoom: boolean) => void): () => void
  /** How many more of them may run; 0: there is no room. For sources that take as many events as can be started, and no more. */
  readonly room: number
  /** Called each time that `room` has grown. Returns how to stop. */
  onFreed(freed: () => void): () => void
  /** Shown in the trigger's status, with what is wrong. What `deliver` rejects with is shown there by itself. */
  tell(state: SourceState, error?: string): void
  /**
   * Counts what the engine cannot see: ticks that are too old, places that the broker no longer has, messages that are known, and of handled ones
   * those that nothing names.
   */
  count(what: 'skipped' | 'lost' | 'deduplicated' | 'withoutId', events: number): void
}

/** Where a source is to go on: the first or last of what there is, a time (epoch ms), or places by part, in words of the kind. */
export type SeekTarget = 'earliest' | 'latest' | { readonly time: number } | { readonly offsets: Readonly<Record<string, Json>> }

/** A trigger under way. */
export interface TriggerSource {
  /** Begins to bring events, or goes on after a pause. Resolves at once: what it connects to may be away. */
  start(): Promise<void>
  /** No more events until `start`; what is under way is delivered. The place in line is kept. */
  pause(): Promise<void>
  /** Ends for good; resolves when everything that was delivered has its answer. */
  stop(): Promise<void>
  /**
   * The places that a target stands for, by part, of all parts that there are. The engine stores them, and makes a new source, which begins there.
   * Asked of a source that is not started; `stop` follows.
   * Absent where nothing can be read again. Rejects with {@link CannotSeek}, or with anything else while the broker is away.
   */
  resolve?(to: SeekTarget): Promise<ReadonlyMap<string, Json>>
  /** Events that wait at the broker, as far as is known. */
  readonly lag?: number
}

/** Thrown by {@link TriggerSource.resolve} for a target that there is not; the message says what there is. */
export class CannotSeek extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CannotSeek'
  }
}

/** Makes the source of a trigger; called for each that is enabled, and again when its definition or generation has changed. Does not connect yet. */
export type TriggerConnector<K extends TriggerKind = TriggerKind> = (trigger: PlanTriggerOf<K>, host: TriggerHost) => TriggerSource

/** Kinds whose events come by the API: nothing has to be brought. */
export function isPushed({ type }: Pick<PlanTrigger, 'type'>): boolean {
  return type === 'http' || type === 'topic'
}
