import type { Delivery, SeekTarget } from '../../connectors/triggers/contract.ts'
import type { TriggerRequest } from '../../connectors/http/event.ts'
import type { TopicMessage } from '../../connectors/topic/event.ts'
import type { Json, JsonObject } from '../../dsl/json.ts'
import type { PlanHttpTrigger, TriggerKind } from '../../dsl/plan.ts'
import type { Execution } from '../api.ts'

/** How often a trigger has done what. All but a fraction of a second of it outlives a crash. */
export interface TriggerCounts {
  readonly started: number
  readonly filtered: number
  /** Events that came again. */
  readonly deduplicated: number
  readonly deadLettered: number
  /** Events that could not start anything, and ticks that were too old. */
  readonly skipped: number
  readonly lost: number
  readonly withoutId: number
}

export type TriggerStateName = 'running' | 'paused' | 'connecting' | 'reconnecting' | 'failed' | 'disabled'

/** A trigger as it is shown. Times are epoch milliseconds. */
export interface TriggerRecord {
  readonly flow: string
  readonly name: string
  readonly type: TriggerKind
  readonly enabled: boolean
  readonly state: TriggerStateName
  readonly error?: { readonly message: string; readonly since: number }
  /** Events that wait where they come from. */
  readonly lag: number
  /** Executions that it has started here and that have not ended. */
  readonly inFlight: number
  readonly lastEventAt: number | null
  /** Of timers: when they fire next, five times at most; of one that is disabled never. */
  readonly nextFires?: number[]
  readonly counts: TriggerCounts
}

/** A trigger that a request is for. */
export interface HttpTarget {
  readonly flow: string
  readonly trigger: PlanHttpTrigger
  readonly params: ReadonlyMap<string, string>
}

/** What has become of a request to a trigger. */
export type HttpDelivery =
  Exclude<Delivery, { readonly executionId: string }> | { readonly outcome: 'started' | 'deduplicated'; readonly execution: Execution }

export interface TracedStart {
  /** Of the execution. */
  readonly id?: string
  /** W3C trace context that the execution is part of. */
  readonly traceparent?: string
}

export interface HttpDeliverOptions extends TracedStart {
  /** Names the request for good: the id of the execution follows from it. */
  readonly key?: readonly string[]
}

export interface PublishOptions {
  /** The id of the message: what is published again under it starts nothing twice. */
  readonly id?: string
  readonly traceparent?: string
  /** Called with each flow that would be started, before anything is: what it throws is what `publish` rejects with. */
  readonly permit?: (flow: string) => void
}

/**
 * The triggers of the latest definitions. All of it rejects with EngineError: `trigger-not-found`, `store-failed`, `engine-closed`,
 * `temporal-unavailable`.
 */
export interface Triggers {
  /** By flow, then in the order of the definition. */
  list(): Promise<TriggerRecord[]>
  get(flow: string, name: string): Promise<TriggerRecord>
  enable(flow: string, name: string): Promise<TriggerRecord>
  /** What runs goes on; no event starts anything until it is enabled again. */
  disable(flow: string, name: string): Promise<TriggerRecord>
  /**
   * Goes on from another place, on all servers: what is read again starts executions of its own. Rejects with `bad-input` for a target that there is
   * not, or a kind that has no places, and with `connection-unavailable` while the broker is away; then nothing has changed.
   */
  seek(flow: string, name: string, to: SeekTarget): Promise<TriggerRecord>
  /**
   * Starts the flow as the trigger would for this event, whether it is enabled or not and whatever its filter says. Rejects as `start`, and with
   * `bad-input` for an event from which the input cannot be made.
   */
  fire(flow: string, name: string, event: Json, options?: TracedStart): Promise<Execution>
  /**
   * Starts one execution for each flow that is subscribed to a topic; resolves when all of them are safe. Rejects with `too-many-executions` while one
   * of them is at its `maxInFlight`: then nothing is started.
   */
  publish(
    topic: string,
    message: TopicMessage,
    options?: PublishOptions,
  ): Promise<{ readonly messageId: string; readonly executions: number }>
  /** The trigger of kind `http` that is enabled at a path (behind `/t`), or the methods that would find one there. */
  route(method: string, path: string): Promise<HttpTarget | { readonly allowed: readonly string[] }>
  /** What a bearer token says, if the trigger takes it; undefined where it does not. */
  claims(trigger: PlanHttpTrigger, token: string): Promise<JsonObject | undefined>
  /** Starts the flow of a request. Rejects as `fire`, and with `too-many-executions`. */
  deliver(target: HttpTarget, request: TriggerRequest, options?: HttpDeliverOptions): Promise<HttpDelivery>
}
