import type { Carried, FlowStart } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import type { LogLine } from '../../executors/contract.ts'
import type { CallbackInfo, ExecutionStatus } from '../api.ts'
import type { Channels } from '../channels.ts'
import type { ChildLauncher } from '../children.ts'
import type { EngineError } from '../errors.ts'
import type { DeployedFlow } from '../execution-info.ts'
import type { Invoker } from '../invoker.ts'
import type { Along } from '../triggers/progress.ts'
import type { EventRow } from './store.ts'

/** What the host needs of the engine around it. */
export interface EmbeddedServices {
  readonly invoker: Invoker
  readonly channels: Channels
  readonly children: ChildLauncher
  readonly callbackUrl: (token: string) => string
  readonly retentionMs: number
  /** The plan of a hash, prepared; from the cache or the store. */
  deployedOf(hash: string, row: { readonly flow: string; readonly version: string }, readPlan: () => string): DeployedFlow
  log(line: LogLine, execution: string, node: string | undefined): void
  onCallback(info: CallbackInfo): void
  /** Whether somebody is to be told of the callbacks that wait when the engine starts. */
  readonly announces: boolean
}

/** What the start of a durable execution needs. */
export interface DurableStart {
  readonly id: string
  /** The id was made just now: nothing can have it. */
  readonly fresh?: boolean
  readonly input: Json
  /** Asked before one that is not there is made, with how many have not ended; throws what the start is refused with. */
  readonly admit?: (open: number) => void
  /** Unique per flow for a time; see {@link StartOptions}. */
  readonly name?: string
  readonly depth?: number
  /** With `place` if a durable parent waits: the outcome is reported there. */
  readonly parent?: { readonly execution: string; readonly node: string; readonly place?: string }
  readonly trigger?: FlowStart['trigger']
  readonly traceparent?: string
  readonly retryOf?: string
  readonly carried?: ReadonlyMap<string, Carried>
  readonly replaced?: ReadonlyMap<string, Json>
  /** Written in the transaction of the start. */
  readonly along?: Along
}

export interface Outcome {
  readonly id: string
  readonly status: ExecutionStatus
  readonly output: Json
  readonly error: ErrorDocument | null
}

/** Follows the journal of one execution: gets each event once it is safe. */
export interface Follower {
  event(row: EventRow): void
  failed(error: EngineError): void
}
