import type { Json } from '../dsl/json.ts'
import type { CatalogueStore } from './catalogue/store.ts'
import type { BatchStore } from './batches/store.ts'
import type { CarryCollector } from './carry.ts'
import type { StatisticsRange, StatisticsRow } from './statistics.ts'
import type { ExecutionEvent, ExecutionRecord, ListOptions, NodeRecord } from './api.ts'
import type { DurableStart, Outcome } from './embedded/contract.ts'
import type { DeployedFlow } from './execution-info.ts'
import type { FlowFiles } from './flow-files.ts'
import type { FunctionStore } from './function-uploads/api.ts'
import type { TriggerStore } from './triggers/store.ts'
import type { EngineHealth } from './observer.ts'
import type { LogRange, StoredLine } from './log-lines.ts'
import type { KeyStore } from './idempotency.ts'

export interface NodesOptions {
  readonly iterations?: string
  readonly offset?: number
  readonly limit?: number
}

export interface IterationRange {
  /** Index of the first. */
  readonly from: number
  readonly limit: number
}

export interface IterationPage {
  /** Of the nodes inside, by iteration. */
  readonly items: NodeRecord[]
  /** Of all iterations. */
  readonly total: number
}

export interface StartedExecution {
  /** True where it had been started before. */
  readonly existed: boolean
  readonly id: string
  readonly flow: string
}

/** An ended execution, folded: what a retry or a rerun takes over. */
export interface EndedExecution {
  readonly record: ExecutionRecord
  readonly deployed: DeployedFlow
  readonly collector: CarryCollector
}

/**
 * What runs standard flows, and keeps them: SQLite on this machine, or Temporal. All of it rejects with EngineError: `store-failed`,
 * `engine-closed`, and for ids that are not there `execution-not-found`.
 */
export interface Durable {
  readonly catalogue: CatalogueStore
  readonly batches: BatchStore
  readonly triggers: TriggerStore
  /**
   * The flow of that name, version or alias as it is now; undefined if there is none. Absent where this process alone deploys.
   *
   * @param id As in {@link FlowRegistry.find}.
   */
  find?(ref: string, id?: string | null): Promise<DeployedFlow | undefined>
  /** Keys of requests. */
  readonly keys: KeyStore
  /** Functions that were put. */
  readonly functions: FunctionStore
  /** What was loaded from flow files. */
  readonly files: FlowFiles
  /** Resolves when the start is safe. An id or a name that exists: that execution, untouched. Throws EngineError `conflict` for a name with another input. */
  start(deployed: DeployedFlow, start: DurableStart): Promise<StartedExecution>
  outcome(id: string, signal?: AbortSignal): Promise<Outcome>
  /** As `outcome`, for whoever does not ask what it is. */
  whenEnded(id: string): Promise<void>
  /** False if it has ended. Resolves when the stop is safe. */
  stop(id: string): Promise<boolean>
  /** A callback token was presented. The call that was taken is taken again, by its id. Throws EngineError `callback-…`. */
  called(token: string, ok: boolean, value: Json, call?: string): Promise<void>
  /**
   * A callback node is answered without its token: by its id, or its place where several of that id wait. `call` as of {@link called}. Throws EngineError `node-not-found`,
   * `node-not-waiting`, `conflict`.
   */
  answer(id: string, node: string, ok: boolean, value: Json, call?: string): Promise<void>
  /** Takes an ended execution out of the store, with all that belongs to it. Throws EngineError `execution-running`. */
  delete(id: string): Promise<void>
  /** What the execution runs. */
  definition(id: string): Promise<DeployedFlow>
  /** One page of a loop's iterations. Throws EngineError `node-not-found`. */
  iterations(id: string, loop: string, range: IterationRange): Promise<IterationPage>
  /** In any order. */
  statistics(range: StatisticsRange): Promise<StatisticsRow[]>
  record(id: string, withData: boolean): Promise<ExecutionRecord>
  nodes(id: string, options: NodesOptions): Promise<NodeRecord[]>
  list(options: ListOptions): Promise<{ items: ExecutionRecord[]; nextCursor?: string }>
  follow(id: string, options: { readonly after?: number; readonly signal?: AbortSignal }): AsyncGenerator<ExecutionEvent, void, undefined>
  logs(id: string, range: LogRange): Promise<StoredLine[]>
  /** How long after the end of an execution lines of it may still come. */
  readonly linesComeLateMs: number
  /** Throws EngineError `execution-running`. */
  ended(id: string): Promise<EndedExecution>
  /** Notes that `retry` is the retry of an execution. Throws EngineError `retry-running` while an earlier one runs. */
  claimRetry(of: ExecutionRecord, retry: string): Promise<void>
  /** True for a child that was started before, whatever its reference leads to now. Absent where children are not asked for again. */
  hasChild?(id: string): boolean
  /** Of a child that will report to its durable parent when it ends: true while it runs. Absent where children need no telling. */
  isRunning?(id: string): boolean
  /** How many executions have not ended; where others start some too, about. */
  open(): number | Promise<number>
  /** Asks what it stands on, within 2 s; never rejects. */
  health(): Promise<EngineHealth>
  close(): Promise<void>
  /** As a crash would. */
  abandon(): void
}
