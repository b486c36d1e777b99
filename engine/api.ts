import type { Diagnostic } from '../dsl/diagnostics.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import type { Json, JsonObject } from '../dsl/json.ts'
import type { FlowMode, Plan } from '../dsl/plan.ts'
import type { ExecutorFactory, FunctionSpec, InstanceCount, LogLine, ModuleHandler } from '../executors/contract.ts'
import type { OutboundOptions } from '../executors/outbound/outbound.ts'
import type { OwnConnector } from '../connectors/own.ts'
import type { ChannelOptions } from '../connectors/channels/options.ts'
import type { ConnectionOptions } from '../connectors/connections.ts'
import type { EngineFunctions } from './function-documents.ts'
import type { FlowFiles } from './flow-files.ts'
import type { EngineHealth, EngineObserver } from './observer.ts'
import type { Batches } from './batches/api.ts'
import type { Catalogue } from './catalogue/api.ts'
import type { Idempotency } from './idempotency.ts'
import type { TokenIssuer } from './triggers/tokens.ts'
import type { Triggers } from './triggers/api.ts'

export type { ChannelOptions } from '../connectors/channels/options.ts'
export type { ConnectionOptions } from '../connectors/connections.ts'
export type { TriggerRecord, Triggers } from './triggers/api.ts'

/** States of an execution (flow-language.md, 5). */
export type ExecutionStatus = 'running' | 'succeeded' | 'failed' | 'cancelled' | 'timedOut'

/** States of a node. */
export type NodeStatus = 'running' | 'retrying' | 'waiting' | 'succeeded' | 'failed' | 'caught' | 'cancelled'

/** One execution as lists and `describe` show it. Times are epoch milliseconds. */
export interface ExecutionRecord {
  readonly id: string
  readonly flow: string
  readonly version: string
  /** Hash of the definition that it runs; absent where it isn't known yet (of a child that Temporal has just started). */
  readonly revision?: string
  readonly mode: FlowMode
  /** That its start gave. */
  readonly name?: string
  readonly status: ExecutionStatus
  readonly startedAt: number
  readonly endedAt?: number
  readonly input?: Json
  readonly output?: Json
  readonly error?: ErrorDocument
  readonly parent?: { readonly execution: string; readonly node: string }
  readonly retryOf?: string
  readonly trigger?: { readonly type: string; readonly name?: string }
  /** Of one that runs on Temporal: what keeps it from going on, with the remedy. Absent where nothing does. */
  readonly problems?: readonly string[]
}

/** One node of an execution; nodes inside a container are listed by their place as well. */
export interface NodeRecord {
  readonly id: string
  /** `each[17]/fetch`: the containers with branch or iteration index, then the id. */
  readonly place: string
  readonly type: string
  readonly label: string
  readonly status: NodeStatus
  /** Invocations made (of a container: its runs). */
  readonly attempts: number
  readonly startedAt: number
  readonly endedAt?: number
  /** Behind the input filter. */
  readonly input?: Json
  /** Behind the output filter; of a caught node the result that the catch got. */
  readonly output?: Json
  readonly error?: ErrorDocument
  readonly unresolved?: readonly string[]
  /** Of a loop. */
  readonly iterations?: { readonly total: number; readonly succeeded: number; readonly failed: number; readonly running: number }
}

/** A callback node that waits: what to hand to whoever answers. The token is a secret. */
export interface CallbackInfo {
  readonly execution: string
  readonly flow: string
  readonly node: string
  readonly token: string
  readonly url: string
}

/** Where Temporal is, and what of it this engine does. */
export interface TemporalOptions {
  /** `host:port`; default `localhost:7233`. */
  readonly address?: string
  /** Default `default`. */
  readonly namespace?: string
  /** Where workflows and plain functions run; default `fnflow`. Others begin with it: `<taskQueue>.<pool>`, `<taskQueue>.gpu.<type>`. */
  readonly taskQueue?: string
  /** True: the machine's own certificate authorities. Certificates and keys are PEM texts. Default: no TLS, unless there is an `apiKey`. */
  readonly tls?:
    | boolean
    | {
        readonly ca?: string | undefined
        readonly cert?: string | undefined
        readonly key?: string | undefined
        readonly serverName?: string | undefined
      }
  readonly apiKey?: string
  /** Whether this process is a worker too; default: true. */
  readonly worker?: boolean | TemporalWorkerOptions
  /** Several applications in one database and namespace keep their flows apart by it; default: none. */
  readonly scope?: string
  /** Folder for large payloads that all workers and clients share; default: the database. */
  readonly payloads?: string
}

export interface TemporalWorkerOptions {
  /** Task queues beside the main one, without their beginning: `gpu.nvidia-t4`, `imports`. With `only`, these alone. */
  readonly queues?: readonly (string | { readonly name: string; readonly slots: number })[]
  /** Nothing but the named queues: no workflows, no functions of the main queue. */
  readonly only?: boolean
  /** Functions at one time, per queue; default 200. */
  readonly slots?: number
  /** Workflows that are kept in memory; the SDK's default by the size of the heap. */
  readonly maxCachedWorkflows?: number
  /** For worker versioning (docs/cluster.md): deployment name and build id. */
  readonly deployment?: { readonly name: string; readonly buildId: string }
}

export interface EngineOptions {
  /** `embedded` (default) runs both modes; `express` has no store and refuses standard flows; `temporal` runs standard flows on a cluster. */
  readonly engine?: 'embedded' | 'express' | 'temporal'
  /** Folder of the store, or `:memory:` (default). Of the engine `temporal`: the URL of a PostgreSQL database. */
  readonly store?: string
  /** Of the engine `temporal` only. */
  readonly temporal?: TemporalOptions
  /** Name -> handler, or name -> specification. A name without `app/` is in app `default`. */
  readonly functions?: Readonly<Record<string, ModuleHandler | FunctionSpec>>
  /** Variables of the environment that functions which are put may name as secrets; default: none. */
  readonly functionSecrets?: readonly string[]
  /** Own executors by runtime name. */
  readonly executors?: Readonly<Record<string, ExecutorFactory>>
  /** Connections to brokers by name, used by triggers and channels. */
  readonly connections?: Readonly<Record<string, ConnectionOptions>>
  /** Whether timers and brokers start flows here, too; default true. */
  readonly triggers?: boolean
  /** IANA zone of timers that name none; default `UTC`. */
  readonly timezone?: string
  /** Event channels by name: of kind `log`, `http` or `topic`, or over a connection. */
  readonly channels?: Readonly<Record<string, ChannelOptions>>
  /** Whom channels and functions may send requests to; default: hosts of the public internet alone. */
  readonly outbound?: OutboundOptions
  /** How long records of ended executions are kept, in ms; default 90 days. */
  readonly retentionMs?: number
  /** Who makes the tokens of `http` triggers with `auth: jwt` that name nobody. */
  readonly jwt?: TokenIssuer
  /** Starts past them are refused with `too-many-executions`. */
  readonly limits?: {
    /** That have not ended, children included; default 1,000,000. On a cluster it is counted every few seconds. */
    readonly executions?: number
    /** Of this process; default 0: no limit. */
    readonly startsPerSecond?: number
  }
  /** Base of callback URLs, or what tells it each time; default `http://127.0.0.1:8900`. */
  readonly publicUrl?: string | (() => string)
  /** Called when a callback node begins to wait, and again after a restart; children's too. */
  readonly onCallback?: (info: CallbackInfo) => void
  /** Gets the log lines of functions and of `log` channels, as they come. */
  readonly onLog?: (line: LogLine & { readonly execution?: string; readonly node?: string }) => void
}

export interface StartOptions {
  readonly input?: Json
  /** An id of the caller's: `[A-Za-z0-9_.-]{1,128}`. A start with an id that exists is that execution. */
  readonly id?: string
  /**
   * Standard flows only, `[A-Za-z0-9_.-]{1,128}`: unique per flow for 90 days. A start with a name that is taken is that execution, if it had the
   * same input; with another one it is refused with `conflict`.
   */
  readonly name?: string
  readonly trigger?: { readonly type: string; readonly name?: string; readonly event?: Json }
  /** W3C trace context of whoever starts it: its functions are given it. */
  readonly traceparent?: string
  readonly signal?: AbortSignal
  /** `express`: refuse a standard flow, with EngineError `not-express`. */
  readonly mode?: 'express'
  /** Express flows only: called with every change of a node. Standard flows: use `events`. */
  readonly onNode?: (node: NodeRecord) => void
  /** Express flows only: it is known to whoever holds the handle, in no list, and found by no id. */
  readonly unlisted?: boolean
}

/** A handle on one execution. */
export interface Execution {
  readonly id: string
  readonly flow: string
  /** True where a start has found it: the id that was given existed. */
  readonly existed?: boolean
  /** The output; rejects with {@link ExecutionFailed} (the error document) when it failed, timed out or was cancelled. */
  result(options?: { readonly signal?: AbortSignal }): Promise<Json>
  describe(): Promise<ExecutionRecord>
  stop(): Promise<void>
}

/** A line of a function of an execution; `attempt` counts from 1. */
export interface LogRecord extends LogLine {
  readonly node?: string
  readonly attempt?: number
}

export interface LogEvent {
  /** Position: increasing in the order in which lines were written, which is mostly that of their times. */
  readonly id: number
  readonly line: LogRecord
}

export type ExecutionEvent =
  | { readonly id: number; readonly type: 'node'; readonly node: NodeRecord }
  | { readonly id: number; readonly type: 'execution'; readonly execution: ExecutionRecord }
  /** A callback node waits: its token and URL (once per attempt). */
  | {
      readonly id: number
      readonly type: 'callback'
      readonly execution: string
      readonly node: string
      readonly token: string
      readonly url: string
    }

/** What executions are selected by; all of it must hold. */
export interface ExecutionFilter {
  /** Of several: those of any of them; of none: nothing. */
  readonly flow?: string | readonly string[]
  readonly status?: ExecutionStatus | readonly ExecutionStatus[]
  /** What started them: a type, such as `retry`, or type and name, such as `cron/nightly`. */
  readonly trigger?: string
  /** Epoch ms: started then or later. */
  readonly startedAfter?: number
  /** Epoch ms: started before. */
  readonly startedBefore?: number
  /** Id of the execution that started them as subflows. */
  readonly parent?: string
  /** That their starts gave. */
  readonly name?: string
}

export interface ListOptions extends ExecutionFilter {
  /** 1-200, default 50. */
  readonly limit?: number
  readonly cursor?: string
}

export type CallbackResult =
  | { readonly status: 'succeeded'; readonly output?: Json }
  | { readonly status: 'failed'; readonly error?: { readonly errorType?: string; readonly errorMessage?: string } }

export interface RetryOptions {
  /** An id of the caller's, as of a start. */
  readonly id?: string
  /** W3C trace context that the new execution is part of; that of the first one stays its own. */
  readonly traceparent?: string
}

export interface RerunOptions extends RetryOptions {
  /** Node from which on it runs again; default: the start. */
  readonly from?: string
  /** Replaces the input of `from`. */
  readonly input?: Json
  /** Runs on this version or alias of the flow (`latest`, too) instead of the execution's own definition. */
  readonly version?: string
  readonly dryRun?: boolean
}

export interface RerunPlan {
  readonly kept: readonly { readonly node: string }[]
  readonly again: readonly { readonly node: string; readonly reason: string }[]
}

export interface InvokeOptions {
  /** W3C trace context that the function is given. */
  readonly traceparent?: string
  readonly signal?: AbortSignal
  /** Gets what the function logs; the engine's own `onLog` does, too. */
  readonly onLog?: (line: LogLine) => void
}

/** What an execution runs. */
export interface ExecutionDefinition {
  readonly flow: string
  readonly version: string
  /** Hash. */
  readonly revision: string
  /** As `deploy` takes it. */
  readonly definition: JsonObject
}

export interface StatisticsOptions {
  /** Of several: each of them; default: all. */
  readonly flow?: string | readonly string[]
  /** Epoch ms, taken to full hours; default: a week before `to`, for hours a day. */
  readonly from?: number
  /** Default: now. */
  readonly to?: number
  /** UTC; default `day`. */
  readonly period?: 'hour' | 'day' | 'all'
}

/** What ended of a flow in a period. */
export interface StatisticsItem {
  readonly flow: string
  readonly from: number
  readonly to: number
  /** That ended in it. */
  readonly executions: number
  /** Of these, those that failed or timed out. */
  readonly failures: number
  /** Durations in ms, within 5 %. */
  readonly p50: number
  readonly p95: number
}

/** A deployed flow. */
export interface FlowRecord {
  readonly flow: string
  readonly version: string
  /** Of the definition. */
  readonly hash: string
  readonly mode: FlowMode
}

export interface Engine {
  /** The deployed flows: their texts, versions and aliases. */
  readonly catalogue: Catalogue
  /** Stops, retries or deletes many executions at once. */
  readonly batches: Batches
  /** Requests with keys, for servers: each is made once. */
  readonly idempotency: Idempotency
  /** What {@link deploy} would say of a definition; nothing is deployed. `flow` only where there are no errors. */
  check(flow: string | Uint8Array | object): Promise<{ readonly flow?: string; readonly diagnostics: readonly Diagnostic[] }>
  /** A flow by `name`, or `name:version-or-alias`. Rejects with EngineError `flow-not-found`, `version-not-found`. */
  flow(ref: string): Promise<FlowRecord>
  /** Text (YAML or JSON), bytes, or an object: `latest` from now on. Rejects with {@link FlowInvalid} carrying all diagnostics. */
  deploy(
    flow: string | Uint8Array | object,
  ): Promise<{ readonly flow: string; readonly hash: string; readonly warnings: readonly Diagnostic[]; readonly plan: Plan }>
  start(flow: string, options?: StartOptions): Promise<Execution>
  /** Starts and waits for the output; of an express flow wholly in process. */
  run(flow: string, options?: StartOptions): Promise<Json>
  /** A handle on an existing execution. */
  execution(id: string): Promise<Execution>
  result(id: string, options?: { readonly signal?: AbortSignal }): Promise<Json>
  stop(id: string): Promise<void>
  /** `id`: of the new execution, the caller's. One that exists is that execution. */
  retry(id: string, options?: RetryOptions): Promise<Execution>
  rerun(id: string, options: RerunOptions & { readonly dryRun: true }): Promise<RerunPlan>
  rerun(id: string, options?: RerunOptions): Promise<Execution>
  describe(id: string): Promise<ExecutionRecord>
  /** In order of start. Without `iterations`: nodes outside of loops and services' insides included, loops' insides not. With it: the records inside that loop. */
  nodes(id: string, options?: { readonly iterations?: string; readonly offset?: number; readonly limit?: number }): Promise<NodeRecord[]>
  /** Of a loop, by its id or place (`outer[3]/each`): the records inside of `limit` (default 50) iterations from index `from` on. */
  iterations(
    id: string,
    loop: string,
    options?: { readonly from?: number; readonly limit?: number },
  ): Promise<{ items: NodeRecord[]; total: number }>
  /** The definition that an execution runs, made of its plan. */
  definition(id: string): Promise<ExecutionDefinition>
  /** Deletes an ended execution with its journal and logs. */
  delete(id: string): Promise<void>
  /** Of standard flows, by flow and period, from counts that outlive the records. */
  statistics(options?: StatisticsOptions): Promise<StatisticsItem[]>
  list(options?: ListOptions): Promise<{ items: ExecutionRecord[]; nextCursor?: string }>
  /** First the state so far, then every change; ends after the execution's end. */
  events(id: string, options?: { readonly after?: number; readonly signal?: AbortSignal }): AsyncIterable<ExecutionEvent>
  /** What functions have logged, by time; `limit`: 1 to 200, default 50. */
  logs(id: string, options?: { readonly limit?: number; readonly cursor?: string }): Promise<{ items: LogRecord[]; nextCursor?: string }>
  /** The lines so far, then every new one as it comes; ends after the execution's end. `after`: only those behind this one; one that there is not: all. */
  followLogs(id: string, options?: { readonly after?: number; readonly signal?: AbortSignal }): AsyncIterable<LogEvent>
  /** `id`: of the call, the caller's. The call that was taken may be repeated with it. */
  callback(token: string, result: CallbackResult, options?: { readonly id?: string }): Promise<void>
  /** The same without the token: a callback node by its id, or its place (`both[1]/ask`) where several of that id wait. */
  answer(id: string, node: string, result: CallbackResult, options?: { readonly id?: string }): Promise<void>
  /**
   * From now on triggers of type `custom` and this `kind` are brought their events by the connector; docs/connectors.md says how to write one.
   * Throws EngineError `bad-option`, and `conflict` for a kind that is registered.
   */
  registerConnector(kind: string, connector: OwnConnector): void
  /** From now on the observer is told of what happens; returns how to stop. */
  observe(observer: EngineObserver): () => void
  /** Asks what the engine stands on, within 2 s, and at most once a second. Never rejects. */
  health(): Promise<EngineHealth>
  /** Processes of functions, by function. */
  instances(): InstanceCount[]
  invoke(functionRef: string, body: Json, options?: InvokeOptions): Promise<Json>
  /** The functions that this process knows. */
  readonly functions: EngineFunctions
  /** What was last loaded from which flow file. */
  readonly flowFiles: FlowFiles
  /** What starts flows by itself. */
  readonly triggers: Triggers
  close(): Promise<void>
}
