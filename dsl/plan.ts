import type { DocumentPath } from './diagnostics.ts'
import type { Json, JsonObject } from './json.ts'

/**
 * A compiled flow: frozen JSON, defaults filled in, durations in milliseconds, references checked.
 * It is data, so it can be stored by hash and sent anywhere; `prepare` (dsl/core) makes the closures.
 */
export interface Plan {
  readonly format: 1
  readonly flow: string
  readonly mode: FlowMode
  readonly mergeInput: boolean
  /** Absent in a standard flow without one; in an express flow at most and by default 300,000. */
  readonly timeoutMs?: number
  readonly start: string
  readonly nodes: Readonly<Record<string, PlanNode>>
  /** Absent where there are none. */
  readonly triggers?: readonly PlanTrigger[]
}

export type FlowMode = 'standard' | 'express'

interface PlanNodeBase {
  readonly id: string
  /** Shown to people; the id where the definition gives none. */
  readonly label: string
  /** JSONPath texts. */
  readonly input?: string
  readonly output?: string
  readonly next?: string
  /** Id of an `error` node of the same graph. */
  readonly onError?: string
  /** Place in the definition, for messages. */
  readonly at: DocumentPath
}

export interface PlanFunctionNode extends PlanNodeBase {
  readonly type: 'function'
  /** `app/name:qualifier`, defaults filled in. */
  readonly function: string
  readonly params?: JsonObject
  readonly invoke: 'sync' | 'async'
  readonly timeoutMs?: number
}
export interface PlanEventNode extends PlanNodeBase {
  readonly type: 'event'
  readonly channel: string
  readonly source?: string
  /** Template as in params, but at top level any JSON value; absent: the node's input. */
  readonly data?: Json
  readonly subject?: string
  readonly eventType?: string
  /** A text or a JSONPath: events of one key keep their order. */
  readonly key?: string
  /** Of a flow that a key with a list of flows has put: the only flows that its events may start. No part of the definition. */
  readonly sees?: readonly string[]
}
export interface PlanCallbackNode extends PlanNodeBase {
  readonly type: 'callback'
  readonly function: string
  readonly params?: JsonObject
  readonly invoke: 'sync' | 'async'
  readonly timeoutMs: number
}
export interface PlanSubflowNode extends PlanNodeBase {
  readonly type: 'subflow'
  /** `name` or `name:version-or-alias`, as written. */
  readonly flow: string
  readonly wait: boolean
  readonly params?: JsonObject
}
export interface PlanParallelNode extends PlanNodeBase {
  readonly type: 'parallel'
  readonly branches: readonly string[]
  /** How many branches must succeed: `all` is branches.length, `any` is 1. */
  readonly complete: number
  readonly resultPath: string
  /** The join; absent: the branches run to the end of the flow. */
  readonly join?: string
}
export interface PlanConditionNode extends PlanNodeBase {
  readonly type: 'condition'
  /** In the order of the definition, without the default. */
  readonly branches: readonly { readonly when: string; readonly next: string }[]
  readonly otherwise: string
}
export interface PlanLoopNode extends PlanNodeBase {
  readonly type: 'loop'
  readonly items: string
  readonly as: string
  readonly resultPath: string
  /** 0 = no limit. */
  readonly concurrency: number
  readonly intervalMs: number
  readonly tolerate: number
  readonly start: string
  readonly nodes: Readonly<Record<string, PlanNode>>
}
export interface PlanServiceNode extends PlanNodeBase {
  readonly type: 'service'
  readonly execution: 'serial' | 'parallel'
  /** Serial only. */
  readonly start?: string
  /** In the order of definition. */
  readonly nodes: Readonly<Record<string, PlanNode>>
}
export interface PlanWaitNode extends PlanNodeBase {
  readonly type: 'wait'
  /** Number of seconds or a JSONPath; 60 where neither it nor `until` was given. Exactly one of the two is present. */
  readonly seconds?: number | string
  /** ISO 8601 time or a JSONPath. */
  readonly until?: string
}
export interface PlanErrorNode extends PlanNodeBase {
  readonly type: 'error'
  readonly retry?: { readonly when?: string; readonly intervalMs: number; readonly max: number; readonly backoff: number }
  readonly catch: readonly { readonly when?: string; readonly next: string }[]
}
export interface PlanPassNode extends PlanNodeBase {
  readonly type: 'pass'
  readonly params?: JsonObject
}
export interface PlanEndNode extends PlanNodeBase {
  readonly type: 'end'
}

export type PlanNode =
  | PlanFunctionNode
  | PlanEventNode
  | PlanCallbackNode
  | PlanSubflowNode
  | PlanParallelNode
  | PlanConditionNode
  | PlanLoopNode
  | PlanServiceNode
  | PlanWaitNode
  | PlanErrorNode
  | PlanPassNode
  | PlanEndNode

export type NodeKind = PlanNode['type']
export type PlanNodeOf<K extends NodeKind> = Extract<PlanNode, { type: K }>

/** What the triggers of all kinds have (triggers.md, 1). */
export interface PlanTriggerBase {
  readonly name: string
  /** The version or alias of the flow that it starts; absent: the latest. */
  readonly version?: string
  /** An expression on the event. */
  readonly filter?: string
  /** Params on the event; absent: the event is the input. */
  readonly input?: JsonObject
  readonly maxInFlight: number
  /** Event channel. */
  readonly deadLetter?: string
  /** Of a flow that a key with a list of flows has put: the only flows that its dead letters may start. No part of the definition. */
  readonly sees?: readonly string[]
}
/** How bytes become JSON. */
export type EventFormat = 'auto' | 'json' | 'text' | 'base64'
export interface PlanTimerTrigger extends PlanTriggerBase {
  readonly type: 'timer'
  readonly cron: string
  readonly catchUpMs: number
  readonly overlap: 'queue' | 'skip'
}
interface PlanBatch {
  readonly size: number
  readonly windowMs: number
}
export interface PlanKafkaTrigger extends PlanTriggerBase {
  readonly type: 'kafka'
  readonly connection: string
  readonly topics: readonly string[]
  readonly groupId: string
  readonly from: 'latest' | 'earliest'
  readonly batch?: PlanBatch
  readonly format: EventFormat
}
export interface PlanRabbitmqTrigger extends PlanTriggerBase {
  readonly type: 'rabbitmq'
  readonly connection: string
  readonly vhost?: string
  readonly exchange?: string
  readonly exchangeType: 'fanout' | 'direct' | 'topic' | 'headers'
  readonly routingKey?: string
  readonly bindingArguments?: JsonObject
  readonly queue: string
  readonly declare: boolean
  readonly arguments?: JsonObject
  readonly prefetch: number
  readonly dedupeWindowMs: number
  readonly batch?: PlanBatch
  readonly format: EventFormat
}
export interface PlanHttpTrigger extends PlanTriggerBase {
  readonly type: 'http'
  /** `/orders/{id}`, behind `/t`. */
  readonly path: string
  /** An HTTP method, or `ANY`. */
  readonly method: string
  readonly auth: 'none' | 'key' | 'jwt'
  /** Of auth `jwt`. */
  readonly jwt?: { readonly issuer: string; readonly audience: string; readonly jwksUrl: string }
  readonly mode: 'async' | 'sync'
  /** Of mode `sync`. */
  readonly timeoutMs: number
  readonly format: EventFormat
}
export interface PlanTopicTrigger extends PlanTriggerBase {
  readonly type: 'topic'
  readonly topic: string
}

/** Of a connector of one's own. */
export interface PlanCustomTrigger extends PlanTriggerBase {
  readonly type: 'custom'
  /** The name of the connector. */
  readonly kind: string
  readonly options: JsonObject
}

export type PlanTrigger = PlanTimerTrigger | PlanKafkaTrigger | PlanRabbitmqTrigger | PlanHttpTrigger | PlanTopicTrigger | PlanCustomTrigger
export type TriggerKind = PlanTrigger['type']
export type PlanTriggerOf<K extends TriggerKind> = Extract<PlanTrigger, { type: K }>
