/** What clients, workflows and workers say to each other. Plain JSON; changes must leave what is in old histories readable. */
import type { CloudEvent } from '../../dsl/cloud-event.ts'
import type { Carried } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'

/** Workflow type of a lane: no flow can be called so. */
export const LANE_TYPE = '$lane'
/** Between the execution's id and what is behind it, in the ids of its lanes: not in the alphabet of execution ids. */
export const LANE_SEPARATOR = '~'

export const SIGNAL_CALLBACK = 'callback'
export const QUERY_AWAITS = 'awaits'

/** Search attributes; registered by whoever connects first. */
export const ATTRIBUTES = {
  /** Version of the flow: on every execution, and on nothing else of the namespace. */
  version: 'FnflowVersion',
  scope: 'FnflowScope',
  parent: 'FnflowParent',
  retryOf: 'FnflowRetryOf',
  trigger: 'FnflowTrigger',
  /** Of an execution that was given one. */
  name: 'FnflowName',
  /** Only where Temporal's own status does not say it: `timedOut`. */
  status: 'FnflowStatus',
} as const

/** What lists show of an execution that runs and nobody searches by: Temporal's memo. */
export const MEMO = { revision: 'fnflowRevision' } as const

/** Search attributes cannot be empty. */
export function scopeAttribute(scope: string): string {
  return scope === '' ? '-' : scope
}

/** What is known of the functions that a flow calls when it starts. */
export interface FlowHints {
  /** Functions that end within 10 s, by `app/name`. */
  readonly short: readonly string[]
  /** Task queues of functions that are not on the workflow's own, by `app/name`. */
  readonly queues: { readonly [name: string]: string }
}

/** First argument of the flow workflow and of lanes. */
export interface StartInfo {
  readonly protocol: 1
  /** Of the execution. */
  readonly id: string
  readonly flow: string
  readonly version: string
  /** Of the plan. */
  readonly hash: string
  readonly scope: string
  readonly depth: number
  readonly hints: FlowHints
  readonly name?: string
  readonly trigger?: { readonly type: string; readonly name?: string; readonly event?: Json }
  readonly parent?: { readonly execution: string; readonly node: string; readonly place: string }
  readonly retryOf?: string
  /** Trace context of whoever started it. */
  readonly traceparent?: string
  /** Epoch ms; absent in the first run of an execution, which takes its own. */
  readonly startedAt?: number
  /** Runs of this execution before this one (continue-as-new). */
  readonly runs?: number
}

/** One event of the core, as journal.md has it: kind, place, time, data. */
export type JournalRow = readonly [kind: number, place: string, time: number, data: Json]

/** First of a stored journal, before its rows: what a fold needs beside them. */
export interface JournalHead {
  readonly hints: FlowHints
}

/** Last argument: what is taken over. */
export interface Taken {
  readonly carried?: readonly (readonly [lineage: string, Carried])[]
  readonly replaced?: readonly (readonly [lineage: string, Json])[]
  /** Of the runs before. */
  readonly journal?: readonly JournalRow[]
}

/**
 * First argument of the activity `invoke`; the second is the body. Whose attempt it is, the activity's own ids say: every byte here is one of
 * each invocation's history.
 */
export interface InvokeRequest {
  readonly function: string
  /** Where the activity's id is only a short form of it. */
  readonly place?: string
  /** Absent: sync. */
  readonly invoke?: 'async'
  /** The node's. */
  readonly timeoutMs?: number
  /** Absent where it is the empty one. */
  readonly scope?: string
  /** Of a callback node: when it stops waiting, epoch ms, and whose it is. */
  readonly callback?: { readonly until: number; readonly flow: string }
  /** Trace context of whoever started the execution. */
  readonly traceparent?: string
  /** Bytes of the result that may stay in the history; absent: as many as at most may. */
  readonly inline?: number
}

/** Argument of the activity `publish`. */
export interface PublishRequest {
  readonly execution: string
  readonly node: string
  readonly place: string
  readonly channel: string
  readonly event: CloudEvent
  /** The only flows that it may start; absent: any. */
  readonly sees?: readonly string[]
}

/** Argument of the activity `resolve`. */
export interface ResolveRequest {
  readonly scope: string
  readonly execution: string
  readonly place: string
  readonly flow: string
}

/** What the activity `resolve` answers; null where there is no such flow. */
export interface ResolvedChild {
  readonly id: string
  readonly flow: string
  readonly version: string
  readonly hash: string
  readonly mode: 'standard' | 'express'
  readonly hints: FlowHints
  readonly hasLoop: boolean
}

/** First argument of the activity `express`; then come plan and input. */
export interface ExpressRequest {
  readonly info: StartInfo
  readonly wait: boolean
}

/** What the activity `express` comes to. */
export type ExpressResult =
  | { readonly ok: true; readonly value: Json }
  /** The child's own failure. */
  | { readonly ok: false; readonly value: ErrorDocument }

/** Payload of the signal `callback`. */
export interface CallbackSignal {
  readonly place: string
  readonly ok: boolean
  readonly value: Json
}

/** What came with a signal, if it is an answer: anybody who may use Temporal can send one. */
export function callbackSignalOf(value: unknown): CallbackSignal | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { place, ok, value: answer = null } = value as Partial<CallbackSignal>
  return typeof place === 'string' && typeof ok === 'boolean' ? { place, ok, value: answer } : undefined
}

/** What the sink `records.ended` gets when an execution ends. */
export interface EndedExecution {
  readonly info: StartInfo
  readonly runId: string
  readonly status: 'succeeded' | 'failed' | 'cancelled' | 'timedOut'
  readonly startedAt: number
  readonly endedAt: number
  readonly input: Json
  readonly output: Json
  readonly error: ErrorDocument | null
  /** Null: too long, to be read from the history. */
  readonly journal: readonly JournalRow[] | null
}

/** What the sink `records.lane` gets when a lane ends. */
export interface EndedLane {
  readonly scope: string
  readonly execution: string
  /** Workflow id. */
  readonly id: string
  readonly beganAt: number
  readonly journal: readonly JournalRow[] | null
}

/** First of a lane's stored journal. */
export interface LaneHead {
  readonly beganAt: number
}
