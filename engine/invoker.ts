import { bodyValue } from '../dsl/core/body.ts'
import { placeOf } from '../dsl/core/place.ts'
import type { NodeRun } from '../dsl/core/state.ts'
import { ERROR_TYPE_OF_STATUS, NodeError, STATUS, type ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import type { PlanCallbackNode, PlanFunctionNode } from '../dsl/plan.ts'
import type { Executor, FunctionSpec, Invocation, LogLine } from '../executors/contract.ts'
import { DeadlineEntry, type Deadlines } from './deadlines.ts'
import type { FunctionRegistry, ResolvedFunction } from './functions.ts'
import { derivedId } from './ids.ts'
import type { Observers } from './observer.ts'

/** A synchronous call may take 15 minutes at most (flow-language.md, 2). */
const SYNC_LIMIT_MS = 900_000
/** An asynchronous one as long as any function may run (functions.md, 1). */
const ASYNC_LIMIT_MS = 259_200_000
/** Executors that count the function's own timeout themselves, from the moment an instance takes the request. */
const TIMED_BY_EXECUTOR: ReadonlySet<string> = new Set(['nodejs', 'python'])

/** How long is waited for a look at what other processes have put. */
const SEEK_MS = 5000

/** Whose invocations these are: one execution of a host, or a direct call. */
export interface InvocationOwner {
  readonly executionId: string
  callbackAt(place: string): { readonly token: string; readonly url: string }
  /** Where the run stands for one of another execution (Temporal's activities): the place of that. */
  readonly place?: string
  /** Trace context of whoever started it. */
  readonly traceparent?: string | undefined
  log(line: LogLine, node: string | undefined, attempt: number): void
  /** Called once per invocation, maybe before `dispatch` has returned. Not called after `cancel`. */
  ended(run: NodeRun, ok: boolean, value: Json): void
}

/** One delivery under way: what the executor sees, and the entry in the deadlines. Kept small, as there is one per step of a flow. */
class RunInvocation extends DeadlineEntry implements Invocation {
  readonly invoker: Invoker
  readonly owner: InvocationOwner
  readonly run: NodeRun
  readonly resolved: ResolvedFunction
  readonly body: Json
  readonly attempt: number
  settled = false
  onAbort: ((reason: ErrorDocument) => void) | undefined = undefined
  private id: string | null = null
  private abort: AbortController | null = null

  constructor(invoker: Invoker, owner: InvocationOwner, run: NodeRun, resolved: ResolvedFunction, body: Json) {
    super()
    this.invoker = invoker
    this.owner = owner
    this.run = run
    this.resolved = resolved
    this.body = body
    this.attempt = run.attempt
  }

  get spec(): FunctionSpec {
    return this.resolved.spec as FunctionSpec
  }

  get functionRef(): string {
    return this.resolved.ref
  }

  get traceparent(): string | undefined {
    return this.owner.traceparent
  }

  get requestId(): string {
    return (this.id ??= requestIdOf(this.owner, this.run, this.attempt))
  }

  get deadline(): number {
    return this.dueAt
  }

  get signal(): AbortSignal {
    if (this.abort === null) {
      this.abort = new AbortController()
      if (this.settled) this.abort.abort()
    }
    return this.abort.signal
  }

  get callback(): { readonly token: string; readonly url: string } | undefined {
    return this.run.node.plan.type === 'callback' ? this.owner.callbackAt(placeOfAttempt(this.owner, this.run, this.attempt)) : undefined
  }

  log(line: LogLine): void {
    this.owner.log(line, this.run.node.id, this.attempt)
  }

  succeed(result: Json): void {
    if (!this.settle()) return
    this.observed(200)
    this.owner.ended(this.run, true, result)
  }

  fail(error: ErrorDocument): void {
    if (!this.settle()) return
    this.observed(error.status)
    this.owner.ended(this.run, false, { ...error, function: this.functionRef, attempt: this.attempt } as unknown as Json)
  }

  override expire(): void {
    if (this.settled) return
    const ms = limitOf(this.run, this.spec)
    const own = ms < nodeLimitOf(this.run, this.spec)
    const whose = own ? `function ${this.functionRef}` : `node ${this.run.node.id}`
    const reason = timeoutError(`${whose} did not answer within ${ms / 1000} s`)
    this.giveUp(reason)
    this.owner.ended(this.run, false, { ...reason, function: this.functionRef, attempt: this.attempt } as unknown as Json)
  }

  cancel(): void {
    if (this.settled) return
    this.giveUp({ status: STATUS.cancelled, errorType: 'Cancelled', errorMessage: 'the invocation was cancelled' })
  }

  private giveUp(reason: ErrorDocument): void {
    this.settle()
    this.observed(reason.status)
    this.abort?.abort(Object.assign(new Error(reason.errorMessage), { name: 'AbortError', status: reason.status }))
    this.onAbort?.(reason)
  }

  private observed(status: number): void {
    const observer = this.invoker.observers.current
    if (observer !== null) observer.invocationEnded(`${this.spec.app}/${this.spec.name}`, status)
  }

  /** False if it was settled before. */
  private settle(): boolean {
    if (this.settled) return false
    this.settled = true
    this.invoker.deadlines.remove(this)
    if (this.run.handle === this) this.run.handle = null
    return true
  }
}

/** How many deliveries begin in one turn of the event loop: a loop of 100,000 items must neither hold it up nor have all of its calls in memory at once. */
const BURST = 1000

/** A delivery that begins in a later turn; stands as the run's handle meanwhile. */
class Postponed {
  readonly run: NodeRun
  readonly owner: InvocationOwner
  constructor(run: NodeRun, owner: InvocationOwner) {
    this.run = run
    this.owner = owner
  }
}

/** Turns `invoke` commands into calls of executors. */
export class Invoker {
  readonly functions: FunctionRegistry
  readonly deadlines: Deadlines
  readonly observers: Observers
  private begun = 0
  private readonly postponed: Postponed[] = []

  constructor(functions: FunctionRegistry, deadlines: Deadlines, observers: Observers) {
    this.observers = observers
    this.functions = functions
    this.deadlines = deadlines
  }

  /** Starts the delivery of a run's present attempt; `run.handle` is it while it lasts. `now` is epoch ms. */
  dispatch(run: NodeRun, owner: InvocationOwner, now: number): void {
    if (this.begun++ === 0) setImmediate(this.nextTurn)
    if (this.begun > BURST) {
      const postponed = new Postponed(run, owner)
      run.handle = postponed
      this.postponed.push(postponed)
    } else this.begin(run, owner, now)
  }

  /** Gives up what is under way for a run; nothing is reported. */
  cancel(run: NodeRun): void {
    if (run.handle instanceof RunInvocation) run.handle.cancel()
    else if (run.handle instanceof Postponed) run.handle = null
  }

  private readonly nextTurn = (): void => {
    this.begun = 0
    const now = Date.now()
    for (const postponed of this.postponed.splice(0, BURST)) {
      const { run, owner } = postponed
      if (run.handle !== postponed) continue
      this.begun += 1
      this.begin(run, owner, now)
    }
    if (this.begun > 0 || this.postponed.length > 0) {
      this.begun = Math.max(1, this.begun)
      setImmediate(this.nextTurn)
    }
  }

  private begin(run: NodeRun, owner: InvocationOwner, now: number, isSought = false): void {
    const plan = run.node.plan as PlanFunctionNode | PlanCallbackNode
    const resolved = this.functions.resolveFor(run.node)
    if (resolved.error !== null) {
      const { elsewhere } = this.functions
      if (elsewhere !== null && !isSought && resolved.error.status === STATUS.noSuchFunction) {
        const again = (): void => this.begin(run, owner, Date.now(), true)
        // a store that does not answer knows of no function
        return this.after(run, owner, withinSeekTime(elsewhere()), again, again)
      }
      return owner.ended(run, false, { ...resolved.error, function: plan.function, attempt: run.attempt } as unknown as Json)
    }
    const { absent } = this.functions
    const bring = absent.size === 0 ? undefined : absent.get(resolved.spec as FunctionSpec)
    if (bring !== undefined) {
      const again = (): void => this.begin(run, owner, Date.now(), isSought)
      return this.after(run, owner, bring(), again, (error) => owner.ended(run, false, internalError(error) as unknown as Json))
    }
    let body: Json
    try {
      body = bodyValue(run)
    } catch (error) {
      return owner.ended(run, false, (error instanceof NodeError ? error.document : internalError(error)) as unknown as Json)
    }
    const invocation = new RunInvocation(this, owner, run, resolved, body)
    run.handle = invocation
    this.deadlines.add(invocation, now, limitOf(run, resolved.spec as FunctionSpec))
    try {
      ;(resolved.executor as Executor).invoke(invocation)
    } catch (error) {
      invocation.fail(internalError(error))
    }
  }

  /** Goes on with a run behind `work`, unless it was cancelled meanwhile. */
  private after(run: NodeRun, owner: InvocationOwner, work: Promise<void>, then: () => void, failed: (error: unknown) => void): void {
    const postponed = new Postponed(run, owner)
    run.handle = postponed
    const isCurrent = (): boolean => run.handle === postponed
    work.then(
      () => {
        if (isCurrent()) then()
      },
      (error: unknown) => {
        if (isCurrent()) failed(error)
      },
    )
  }
}

function withinSeekTime(work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, SEEK_MS)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** How long a run's invocation may take, ms: as its node says, or the function's own timeout if that is shorter. */
function limitOf(run: NodeRun, spec: FunctionSpec): number {
  return Math.min(nodeLimitOf(run, spec), ownLimitOf(spec))
}

function nodeLimitOf({ node }: NodeRun, spec: FunctionSpec): number {
  const { invoke, timeoutMs } = node.plan as PlanFunctionNode | PlanCallbackNode
  const limit = invoke === 'async' ? (spec.timeoutMs ?? ASYNC_LIMIT_MS) : SYNC_LIMIT_MS
  return timeoutMs === undefined || timeoutMs > limit ? limit : timeoutMs
}

/** Infinite where the executor counts it, from the moment an instance takes the request. */
function ownLimitOf(spec: FunctionSpec): number {
  return spec.timeoutMs === undefined || TIMED_BY_EXECUTOR.has(spec.runtime) ? Infinity : spec.timeoutMs
}

/** The request id of an attempt follows from its place, so every delivery of it carries the same. */
function requestIdOf(owner: InvocationOwner, run: NodeRun, attempt: number): string {
  return derivedId('request', owner.executionId, placeOfAttempt(owner, run, attempt))
}

function placeOfAttempt({ place }: InvocationOwner, run: NodeRun, attempt: number): string {
  return place ?? placeAt(run, attempt)
}

function placeAt(run: NodeRun, attempt: number): string {
  const place = placeOf(run)
  return run.attempt === attempt ? place : `${place.slice(0, place.lastIndexOf('#'))}#${attempt}`
}

function timeoutError(errorMessage: string): ErrorDocument {
  return { status: STATUS.timeout, errorType: ERROR_TYPE_OF_STATUS[STATUS.timeout] as string, errorMessage }
}

function internalError(error: unknown): ErrorDocument {
  return { status: STATUS.internal, errorType: 'InternalError', errorMessage: error instanceof Error ? error.message : String(error) }
}
