/**
 * The flow workflow: a thin shell around the driver. One promise per outstanding command, no scope per node, no waiting in conditions:
 * every promise costs (docs/design/temporal.md).
 */
import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  ChildWorkflowCancellationType,
  ChildWorkflowFailure,
  defineQuery,
  defineSignal,
  makeContinueAsNewFunc,
  ParentClosePolicy,
  proxySinks,
  scheduleActivity,
  setHandler,
  sleep,
  startChild,
  TerminatedFailure,
  TimeoutFailure,
  upsertSearchAttributes,
  workflowInfo,
  WorkflowIdReusePolicy,
  type ActivityOptions,
  type ChildWorkflowOptions,
  type Sinks,
} from '@temporalio/workflow'
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import type { RangeSpec } from '../dsl/core/range.ts'
import type { FlowStart, NodeRun, Timer } from '../dsl/core/state.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import { jsonBytes } from '../dsl/json-copy.ts'
import type { Json } from '../dsl/json.ts'
import type { PlanCallbackNode, PlanFunctionNode, PlanLoopNode } from '../dsl/plan.ts'
import type { RangeRequest } from '../dsl/nodes/loop.ts'
import type { Asked, Driver as DriverType, Effect, Port } from './driver.ts'
import { lastActivity, lastChild, lastTimer, positionOf, type Sequence } from './order.ts'
import { budget } from './protocol/budget.ts'
import type { PlanText } from './protocol/converter.ts'
import { PlanRef } from './protocol/converter.ts'
import { laneId, resolveId, shortId } from './protocol/ids.ts'
import {
  ASYNC_HEARTBEAT_TIMEOUT_MS,
  BYTES_HARD,
  BYTES_SOFT,
  EVENTS_EACH,
  EVENTS_HARD,
  EVENTS_SOFT,
  HEARTBEAT_TIMEOUT_MS,
  inlineLimit,
  LARGE_BYTES,
  UNDER_WAY_SOFT,
  workflowTaskTimeout,
} from './protocol/limits.ts'
import { invokeRequest } from './protocol/requests.ts'
import { callbackMarks, childNotStarted, documentOf, existsAlready, flowNotFound, type SeenFailure } from './protocol/outcomes.ts'
import {
  ATTRIBUTES,
  MEMO,
  callbackSignalOf,
  LANE_TYPE,
  QUERY_AWAITS,
  scopeAttribute,
  SIGNAL_CALLBACK,
  type EndedExecution,
  type EndedLane,
  type ExpressRequest,
  type ExpressResult,
  type PublishRequest,
  type ResolvedChild,
  type ResolveRequest,
  type StartInfo,
  type Taken,
} from './protocol/shapes.ts'
import { Driver, preparedOf } from './shared.ts'

interface RecordSinks extends Sinks {
  records: { ended(ended: EndedExecution): void; lane(ended: EndedLane): void }
}

const { records } = proxySinks<RecordSinks>()

/** The limits of invocations (functions.md, 1), and what a worker may take beyond them to say so. */
const SYNC_LIMIT_MS = 900_000
const ASYNC_LIMIT_MS = 259_200_000
const GRACE_MS = 30_000

/** The same attempt again, after a worker was lost: errors of functions are not retryable. */
const AGAIN: NonNullable<ActivityOptions['retry']> = { initialInterval: 200, backoffCoefficient: 2, maximumInterval: 10_000 }
/** A function that takes its worker down, or holds it up, each time it is delivered fails in the end, after some three minutes. */
const DELIVERY: NonNullable<ActivityOptions['retry']> = { ...AGAIN, maximumAttempts: 20 }
const ACTIVITY: ActivityOptions = {
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  retry: DELIVERY,
  cancellationType: ActivityCancellationType.TRY_CANCEL,
}

/** Looks a flow up. No local activity: those cannot outlive a workflow's place in the worker's cache. */
const RESOLVE: ActivityOptions = { startToCloseTimeout: 5000, retry: AGAIN, cancellationType: ActivityCancellationType.TRY_CANCEL }

/** Runs one flow, or with `range` one range of a loop of it. */
export async function runFlow(info: StartInfo, plan: PlanText, input: Json, taken: Taken, range: RangeSpec | undefined): Promise<Json> {
  const execution = new FlowExecution(info, plan, input, range)
  await execution.run(taken)
  return execution.conclude()
}

class FlowExecution implements Port {
  private readonly info: StartInfo
  private readonly input: Json
  private readonly range: RangeSpec | undefined
  private readonly startedAt: number
  private readonly driver: DriverType
  /** Nothing of the root scope: a stop goes through the core, and the end of the workflow takes back all that is left. */
  private readonly scope = new CancellationScope({ cancellable: false, parent: CancellationScope.current() })
  private readonly timers = new Map<number, CancellationScope>()
  /** One scope for all iterations of a loop: they are cancelled together or not at all. */
  private readonly loops = new Map<NodeRun, CancellationScope>()
  /** What has been told and is to be taken, in the order in which it happened. */
  private arrived: { readonly position: number; take(now: number): void }[] = []
  private how: 'running' | 'ended' | 'drained' = 'running'

  constructor(info: StartInfo, plan: PlanText, input: Json, range: RangeSpec | undefined) {
    this.info = info
    this.input = input
    this.range = range === undefined ? undefined : { beganAt: workflowInfo().startTime.getTime(), ...range }
    this.startedAt = info.startedAt ?? workflowInfo().startTime.getTime()
    const { id, version, trigger } = info
    const start: FlowStart = { id, input, startedAt: this.startedAt, version, trigger, callbackAt: callbackMarks }
    this.driver = new Driver(
      preparedOf(info.hash, () => plan.text),
      start,
      this,
      { hints: info.hints, depth: info.depth },
    )
  }

  async run(taken: Taken): Promise<void> {
    const root = CancellationScope.current()
    setHandler(defineQuery<boolean, [string]>(QUERY_AWAITS), (place) => this.driver.awaits(place))
    await this.scope.run(async () => {
      this.driver.begin(taken, this.range)
      root.cancelRequested.catch(() => this.arrive(positionOf('stop'), (now) => this.driver.stop(now)))
      setHandler(defineSignal<[unknown]>(SIGNAL_CALLBACK), (signal) => {
        const answer = callbackSignalOf(signal)
        if (answer !== undefined) this.arrive(0, (now) => this.driver.called(answer.place, answer.ok, answer.value, now))
      })
      await condition(() => this.isOver())
    })
  }

  /**
   * Takes what has arrived. The SDK asks a condition once more when an activation has told all it has to tell and no promise is left to settle:
   * that is the moment. (A promise that wakes a loop would make it ask twice more, and each asking is a call into the sandbox, with a thread
   * that watches over its time: more than all the rest.) Signals are told synchronously, and so are taken before all else.
   */
  private isOver(): boolean {
    if (this.arrived.length > 0) {
      // commands belong to our scope, and conditions are asked in none
      void this.scope.run(async () => this.takeArrived())
      this.look()
    }
    return this.how !== 'running'
  }

  private arrive(position: number, take: (now: number) => void): void {
    this.arrived.push({ position, take })
  }

  private takeArrived(): void {
    const arrived = this.arrived.sort((a, b) => a.position - b.position)
    this.arrived = []
    const now = Date.now()
    // also behind the event that has drained the run: it is in the journal that the next run gets
    for (const { take } of arrived) if (this.how !== 'ended') take(now)
  }

  /** The output; throws what Temporal takes for the workflow's failure, cancellation or continuation. */
  async conclude(): Promise<Json> {
    if (this.how === 'drained') return this.continueAsNew()
    const { status, output, error } = this.driver.flow
    this.record()
    if (status === 'cancelled') throw new CancelledFailure((error as ErrorDocument).errorMessage)
    if (error === null) return output
    if (status === 'timedOut' && this.range === undefined) upsertSearchAttributes({ [ATTRIBUTES.status]: ['timedOut'] })
    throw ApplicationFailure.create({
      message: error.errorMessage.slice(0, 1000),
      type: error.errorType.slice(0, 200),
      nonRetryable: true,
      // the status, because any function may call its error FlowTimeout
      details: [error, status],
    })
  }

  send(asked: Asked): void {
    const { what } = asked
    switch (what.kind) {
      case 'invoke':
        return this.inScope(asked, () => this.settleBy(asked, this.invoke(asked, what.body), lastActivity()))
      case 'publish':
        return this.inScope(asked, () => this.settleBy(asked, this.publish(asked, what), lastActivity()))
      case 'batch': {
        const request = [this.behind(), new PlanRef(this.info.hash), this.inputFor(what), what.spec, ...takenBy(asked)]
        return this.inScope(asked, () =>
          this.settleBy(asked, this.schedule('batch', asked, request, BATCH_LIMIT_MS, this.onQueue(bodyOf(asked))), lastActivity()),
        )
      }
      case 'lane':
        return this.inScope(asked, () => void this.lane(asked, what))
      case 'child':
        return this.inScope(asked, () => void this.child(asked, what))
    }
  }

  cancel(asked: Asked): void {
    ;(asked.handle as CancellationScope | null)?.cancel()
  }

  setTimer(due: number, first: Timer): void {
    const scope = new CancellationScope({ cancellable: true, parent: this.scope })
    this.timers.set(due, scope)
    const what = first.run === null ? 'flow' : summaryOf(first.run)
    // the instant behind the bar is what the history fold goes by
    const summary = `${what}: ${first.purpose} | ${new Date(due).toISOString()}`
    scope
      .run(async () => {
        const fired = sleep(Math.max(1, due - Date.now()), { summary })
        const timer = lastTimer()
        await fired
        this.arrive(positionOf(timer), (now) => {
          // cleared by what came before it
          if (this.timers.get(due) !== scope) return
          this.timers.delete(due)
          this.driver.due(due, now)
        })
      })
      .catch(() => undefined)
  }

  clearTimer(due: number): void {
    this.timers.get(due)?.cancel()
    this.timers.delete(due)
  }

  end(): void {
    this.how = 'ended'
  }

  drained(): void {
    if (this.how === 'running') this.how = 'drained'
  }

  private settleBy(asked: Asked, outcome: Promise<unknown>, sequence: Sequence): void {
    outcome.then(
      (value) => this.ended(asked, sequence, true, value as Json),
      (error: unknown) => this.ended(asked, sequence, false, documentOf(seen(error)) as unknown as Json),
    )
  }

  private ended(asked: Asked, sequence: Sequence, ok: boolean, value: Json): void {
    this.arrive(positionOf(sequence), (now) => this.driver.ended(asked, ok, value ?? null, now))
  }

  /** Whether the history has grown so much that the workflow should continue as new. */
  private look(): void {
    const { historyLength, historySize, continueAsNewSuggested } = workflowInfo()
    const { underWay, lasting } = this.driver.pending
    if (historyLength + EVENTS_EACH * underWay >= EVENTS_HARD || historySize >= BYTES_HARD) return this.driver.drain()
    const isLong = continueAsNewSuggested || historyLength >= EVENTS_SOFT || historySize >= BYTES_SOFT
    // children that are waited for may last for months: what else goes on must not wait for them
    if (isLong && underWay <= UNDER_WAY_SOFT && lasting === 0) this.driver.drain()
  }

  /** Where the run can be cancelled alone, in a scope of its own. */
  private inScope(asked: Asked, what: () => void): void {
    const parent = asked.run.scope.parent
    // a callback's own timeout withdraws its invocation
    if (parent === null && asked.run.node.plan.type !== 'callback') return what()
    let scope: CancellationScope | undefined
    if (parent?.node.plan.type === 'loop') {
      scope = this.loops.get(parent)
      if (scope === undefined || scope.consideredCancelled) {
        scope = new CancellationScope({ cancellable: true, parent: this.scope })
        this.loops.set(parent, scope)
      }
    } else scope = new CancellationScope({ cancellable: true, parent: this.scope })
    asked.handle = scope
    // runs it at once
    void scope.run(async () => what())
  }

  private schedule(type: string, { place, run }: Asked, args: unknown[], limitMs: number, more: ActivityOptions = {}): Promise<unknown> {
    return scheduleActivity(type, args, {
      ...ACTIVITY,
      activityId: shortId(place),
      startToCloseTimeout: limitMs + GRACE_MS,
      ...more,
      summary: summaryOf(run),
    })
  }

  private invoke(asked: Asked, body: Json): Promise<unknown> {
    const { run, place } = asked
    const plan = run.node.plan as PlanFunctionNode | PlanCallbackNode
    const { function: ref, invoke, timeoutMs } = plan
    const { flow, scope, traceparent } = this.info
    const until = run.timer?.due ?? 0
    const request = invokeRequest(plan, { place, flow, scope, until, traceparent, inline: inlineLimit(budget.used) })
    const most = invoke === 'async' ? ASYNC_LIMIT_MS : SYNC_LIMIT_MS
    return this.schedule('invoke', asked, [request, body], Math.min(most, timeoutMs ?? most), {
      ...this.onQueue(ref),
      ...(invoke === 'async' ? { heartbeatTimeout: ASYNC_HEARTBEAT_TIMEOUT_MS } : {}),
    })
  }

  /** Where a function runs, unless that is where its workflow does. */
  private onQueue(ref: string): ActivityOptions {
    const queue = this.info.hints.queues[ref.slice(0, ref.indexOf(':'))]
    return queue === undefined ? {} : { taskQueue: queue }
  }

  private publish(asked: Asked, { channel, event, sees }: Effect & { kind: 'publish' }): Promise<unknown> {
    const { id: execution } = this.info
    const { place, run } = asked
    const request: PublishRequest = { execution, node: run.node.id, place, channel, event, ...(sees === undefined ? {} : { sees }) }
    return this.schedule('publish', asked, [request], PUBLISH_LIMIT_MS)
  }

  private async lane(asked: Asked, request: RangeRequest): Promise<void> {
    const workflowId = laneId(this.info.id, asked.place)
    const { spec } = request
    await this.startChild(asked, true, LANE_TYPE, {
      workflowId,
      args: [this.behind(), new PlanRef(this.info.hash), this.inputFor(request), spec, ...takenBy(asked)],
      staticSummary: `${spec.loop} ${spec.from}-${spec.from + spec.items.length - 1}`,
      workflowTaskTimeout: workflowTaskTimeout({ hasLoop: true, isLarge: asked.taken !== null }),
    })
  }

  private async child(asked: Asked, { flow, wait, node, input }: Effect & { kind: 'child' }): Promise<void> {
    const { place } = asked
    const { scope, id: execution } = this.info
    const request: ResolveRequest = { scope, execution, place, flow }
    const asking = scheduleActivity<ResolvedChild | null>('resolve', [request], { ...RESOLVE, activityId: resolveId(place) })
    const answered = lastActivity()
    let resolved: ResolvedChild | null
    try {
      resolved = await asking
    } catch (error) {
      return this.ended(asked, answered, false, childNotStarted(documentOf(seen(error)).errorMessage) as unknown as Json)
    }
    if (asked.deaf) return
    if (resolved === null) return this.ended(asked, answered, false, flowNotFound(flow) as unknown as Json)
    const { id, version, hash, hints } = resolved
    const parent = { execution, node, place }
    const { traceparent } = this.info
    const info: StartInfo = {
      protocol: 1,
      id,
      flow: resolved.flow,
      version,
      hash,
      scope,
      depth: this.info.depth + 1,
      hints,
      parent,
      ...(traceparent === undefined ? {} : { traceparent }),
    }
    if (resolved.mode === 'express') {
      const request: ExpressRequest = { info, wait }
      return this.express(asked, this.schedule('express', asked, [request, new PlanRef(hash), input], EXPRESS_LIMIT_MS), lastActivity())
    }
    await this.startChild(asked, wait, resolved.flow, {
      workflowId: id,
      args: [info, new PlanRef(hash), input],
      searchAttributes: { [ATTRIBUTES.version]: [version], [ATTRIBUTES.scope]: [scopeAttribute(scope)], [ATTRIBUTES.parent]: [execution] },
      memo: { [MEMO.revision]: hash },
      staticSummary: summaryOf(asked.run),
      workflowTaskTimeout: workflowTaskTimeout({ hasLoop: resolved.hasLoop, isLarge: jsonBytes(input, LARGE_BYTES) >= LARGE_BYTES }),
    })
  }

  private async startChild(
    asked: Asked,
    wait: boolean,
    type: string,
    options: ChildWorkflowOptions & { workflowId: string; args: unknown[] },
  ): Promise<void> {
    const parentClosePolicy = wait ? ParentClosePolicy.REQUEST_CANCEL : ParentClosePolicy.ABANDON
    const starting = startChild(type, { ...CHILD, parentClosePolicy, ...options })
    const { started, ended } = lastChild()
    try {
      const handle = await starting
      if (!wait) return this.ended(asked, started, true, { executionId: options.workflowId })
      this.settleBy(asked, handle.result(), ended)
    } catch (error) {
      const exists = error instanceof WorkflowExecutionAlreadyStartedError
      const document = exists ? childNotStarted(existsAlready(options.workflowId)) : documentOf(seen(error))
      this.ended(asked, started, false, document as unknown as Json)
    }
  }

  private express(asked: Asked, outcome: Promise<unknown>, sequence: Sequence): void {
    outcome.then(
      (result) => {
        const { ok, value } = result as ExpressResult
        this.ended(asked, sequence, ok, value as Json)
      },
      (error: unknown) => this.ended(asked, sequence, false, documentOf(seen(error)) as unknown as Json),
    )
  }

  /** The execution's input, where iterations may ask for it. */
  private inputFor({ needsExecutionInput }: RangeRequest): Json {
    return needsExecutionInput ? this.input : null
  }

  /** The start, as those that run behind this one get it. */
  private behind(): StartInfo {
    return this.info.startedAt === undefined ? { ...this.info, startedAt: this.startedAt } : this.info
  }

  private record(): void {
    const { status, output, error, now } = this.driver.flow
    const journal = this.driver.journalIsShort ? this.driver.journal : null
    if (this.range !== undefined) {
      const { beganAt = 0 } = this.range
      const { id: execution, scope } = this.info
      return records.lane({ scope, execution, id: workflowInfo().workflowId, beganAt, journal })
    }
    records.ended({
      info: this.info,
      runId: workflowInfo().runId,
      status: status as EndedExecution['status'],
      startedAt: this.startedAt,
      endedAt: now,
      input: this.input,
      output,
      error,
      journal,
    })
  }

  private continueAsNew(): Promise<never> {
    const info: StartInfo = { ...this.behind(), runs: (this.info.runs ?? 0) + 1 }
    const { workflowType } = workflowInfo()
    const plan = new PlanRef(info.hash)
    const taken: Taken = { journal: this.driver.journal }
    const isLarge = jsonBytes(this.input, LARGE_BYTES) + jsonBytes(taken as Json, LARGE_BYTES) >= LARGE_BYTES
    const next = makeContinueAsNewFunc<(...args: unknown[]) => Promise<unknown>>({
      workflowType,
      ...(isLarge ? { workflowTaskTimeout: workflowTaskTimeout({ hasLoop: true, isLarge }) } : {}),
    })
    return this.range === undefined ? next(info, plan, this.input, taken) : next(info, plan, this.input, this.range, taken)
  }
}

/** What Temporal's pages show of a node: servers refuse summaries of more than 400 bytes. */
function summaryOf({ node }: NodeRun): string {
  return node.plan.label.replaceAll(/[\p{Cc}\p{Cs}"\\]/gu, ' ').slice(0, 100)
}

/** The function that a batch calls: all of its loop's body. */
function bodyOf({ run }: Asked): string {
  const [body] = Object.values((run.scope.parent?.node.plan as PlanLoopNode).nodes)
  return (body as PlanFunctionNode).function
}

/** What a range takes over, as a last argument, if there is any of it. */
function takenBy({ taken }: Asked): Taken[] {
  return taken === null ? [] : [taken]
}

const BATCH_LIMIT_MS = 900_000
const PUBLISH_LIMIT_MS = 60_000
const EXPRESS_LIMIT_MS = 300_000

const CHILD: Partial<ChildWorkflowOptions> = {
  cancellationType: ChildWorkflowCancellationType.TRY_CANCEL,
  workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What the SDK throws, without its wrapping. */
function seen(error: unknown): SeenFailure {
  const cause = (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure) && error.cause ? error.cause : error
  const message = messageOf(cause)
  if (cause instanceof ApplicationFailure) return { kind: 'application', message, detail: cause.details?.[0] }
  if (cause instanceof CancelledFailure) return { kind: 'cancelled', message }
  if (cause instanceof TimeoutFailure) return { kind: 'timeout', message }
  if (cause instanceof TerminatedFailure) return { kind: 'terminated', message }
  return { kind: 'other', message }
}
