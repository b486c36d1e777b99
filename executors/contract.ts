import type { ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'

/** A function as functions.yaml describes it (functions.md, 1), defaults filled in, paths absolute, durations in ms. */
export interface FunctionSpec {
  readonly app: string
  readonly name: string
  /** A registered executor: `module`, `nodejs`, `python`, or one of the user's. */
  readonly runtime: string
  /** Absolute path of the folder (or file) of the code; absent for inline `module` handlers. */
  readonly code?: string
  /** `file.function`. */
  readonly handler: string
  readonly initializer?: string
  readonly initializerTimeoutMs: number
  /** The function's own timeout, counted from the moment an instance takes the request; absent: none of its own. */
  readonly timeoutMs?: number
  readonly memoryMb: number
  readonly environment: { readonly variables: Readonly<Record<string, string>>; readonly secrets: Readonly<Record<string, string>> }
  /** Secrets whose source has no value, with the reason: the function cannot be started, others can. */
  readonly missingSecrets?: readonly string[]
  readonly concurrency: {
    readonly perInstance: number
    readonly maxInstances: number
    readonly reserved: number
    readonly idleTimeoutMs: number
  }
  /** On Temporal: the function runs on workers that poll this queue. */
  readonly pool?: string
  /** A share of one card: on Temporal, workers with such a card. */
  readonly gpu?: { readonly type: string; readonly memoryGiB: number }
  /** Only for runtime `module`: the handler itself. */
  readonly inline?: ModuleHandler
}

/** An in-process handler: gets a copy of the body, returns what JSON can carry. */
export type ModuleHandler = (event: any, context: any) => unknown

/** One line of a function's stdout, stderr or logger. */
export interface LogLine {
  readonly time: number
  readonly requestId: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly text: string
}

/**
 * One delivery of one attempt. The engine makes it, an executor works on it and settles it exactly once
 * with `succeed` or `fail`; later settlements have no effect. It never hangs: the engine settles it itself
 * at the deadline and on cancellation, and tells the executor by `onAbort`.
 */
export interface Invocation {
  readonly spec: FunctionSpec
  /** The reference as the flow gave it, resolved: `app/name:qualifier`. */
  readonly functionRef: string
  /** Not yet copied: an in-process executor copies it, another serialises it. */
  readonly body: Json
  /** Idempotency key, the same for every delivery of one attempt; `[A-Za-z0-9-]+`. Computed when first read. */
  readonly requestId: string
  readonly attempt: number
  /** Epoch ms by which it must have ended. */
  readonly deadline: number
  /** Made when first read. */
  readonly signal: AbortSignal
  readonly callback: { readonly token: string; readonly url: string } | undefined
  readonly traceparent: string | undefined
  /** Set by the executor: called once when the engine gives up (deadline 433, cancellation 499). The executor stops the work. */
  onAbort: ((reason: ErrorDocument) => void) | undefined
  /** Also after the settlement: what an instance prints between two requests goes to the last one. */
  log(line: LogLine): void
  /** `result` must be the callee's own copy. */
  succeed(result: Json): void
  /** `function` and `attempt` are filled in by the engine. */
  fail(error: ErrorDocument): void
}

/** Processes of one function, by what they do. */
export interface InstanceCount {
  /** `app/name` */
  readonly function: string
  readonly starting: number
  readonly busy: number
  readonly idle: number
}

/** How functions of one runtime are invoked. One instance per engine. */
export interface Executor {
  /** Called once per function when it is registered or replaced; may check what is cheap to check. Never starts processes for functions without `reserved`. */
  register?(spec: FunctionSpec): void
  /** Called when a function is gone, or replaced: what it has of processes for it ends as soon as it has no requests. */
  unregister?(spec: FunctionSpec): void
  invoke(invocation: Invocation): void
  /** What it has of processes; absent where there are none. */
  instances?(): readonly InstanceCount[]
  /** Ends every instance and process; resolves when they are gone. Invocations under way are abandoned, not settled. */
  stop(): Promise<void>
}

/** What an engine hands to an executor at creation. */
export interface ExecutorHost {
  now(): number
}

export type ExecutorFactory = (host: ExecutorHost) => Executor
