import type { ErrorDocument } from '../../../dsl/errors.ts'
import type { Json } from '../../../dsl/json.ts'
import type { FlowMode } from '../../../dsl/plan.ts'
import type { LogLine } from '../../../executors/contract.ts'
import type { ExecutionStatus } from '../../api.ts'

/** A flow as it is started. */
export interface StoredFlow {
  readonly name: string
  readonly hash: string
  readonly version: string
  readonly mode: FlowMode
}

/** Where a function runs: the task queue of the workers that have it, and its own timeout. */
export interface FunctionRoute {
  readonly queue: string
  readonly timeoutMs?: number
}

export interface WorkerFunction extends FunctionRoute {
  /** `app/name` */
  readonly ref: string
  readonly worker: string
}

export interface CallbackBinding {
  readonly hash: string
  readonly execution: string
  readonly place: string
  /** Epoch ms. */
  readonly expiresAt: number
}

export interface CallbackAnswer {
  readonly ok: boolean
  /** The output, or the error document. */
  readonly value: Json
}

/** `gone`: nothing waits for it any more. */
export type CallbackState = 'open' | 'answered' | 'gone'

export interface StoredCallback extends CallbackBinding {
  readonly state: CallbackState
  readonly answer?: CallbackAnswer
}

/** An answer whose delivery to the workflow nobody has confirmed. */
export interface UndeliveredAnswer {
  readonly hash: string
  readonly execution: string
  readonly place: string
  readonly answer: CallbackAnswer
}

/** An execution that has ended, as the registry keeps it. Times are epoch ms. */
export interface EndedRecord {
  readonly id: string
  /** Temporal's id of the run. */
  readonly runId: string
  readonly flow: string
  readonly version: string
  readonly hash: string
  readonly mode: FlowMode
  /** That its start gave. */
  readonly name?: string
  readonly core: number
  readonly status: Exclude<ExecutionStatus, 'running'>
  readonly startedAt: number
  readonly endedAt: number
  readonly depth: number
  readonly input: Json
  readonly output?: Json
  readonly error?: ErrorDocument
  readonly parent?: { readonly execution: string; readonly node: string }
  readonly retryOf?: string
  readonly trigger?: { readonly type: string; readonly name?: string; readonly event?: Json }
  /** The core's events (docs/design/journal.md); absent or null where it must be taken from the history later. */
  readonly journal?: readonly unknown[] | null
}

/** All of a record but its journal. */
export type StoredRecord = Omit<EndedRecord, 'journal'> & { readonly hasJournal: boolean }

/** How an execution ended, as its record has it. */
export type RecordedEnd = Pick<EndedRecord, 'status' | 'endedAt'>

export interface RecordFilter {
  /** Any of these. */
  readonly flows?: readonly string[]
  readonly statuses?: readonly ExecutionStatus[]
  readonly parent?: string
  readonly name?: string
  readonly trigger?: { readonly type: string; readonly name?: string }
  /** Epoch ms; only what started then or later. */
  readonly startedAfter?: number
  /** Epoch ms; only what started before. */
  readonly startedBefore?: number
  /** What comes behind this one in the order of the list: the last record of the page before. */
  readonly before?: { readonly startedAt: number; readonly id: string }
  readonly limit: number
}

/** A line of a function to be kept. */
export interface NewLogLine {
  readonly execution: string
  readonly node?: string
  readonly attempt?: number
  /** Epoch ms. */
  readonly time: number
  readonly request: string
  readonly level: LogLine['level']
  readonly text: string
}

/** Where large payloads are kept, addressed by what they contain, within an owner (an execution's id), with which they end. */
export interface PayloadStore {
  /** Keeps the bytes; returns their SHA-256 in hex. Putting the same again does nothing. Throws EngineError `store-failed`. */
  put(owner: string, data: Uint8Array): Promise<string>
  /** The bytes, which nobody may change: they are shared. Throws EngineError `store-unusable` (missing or damaged), `store-failed`. */
  get(owner: string, hash: string): Promise<Uint8Array>
  deleteOwner(owner: string): Promise<void>
}
