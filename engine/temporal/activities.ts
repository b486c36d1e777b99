/**
 * What workers do for flows: invoke, publish, run express children and batches of iterations, look flows up. An attempt may be delivered more
 * than once (a worker was lost, or its answer): each delivery has the same request id, and its outcome counts once, in the workflow.
 */
import { ApplicationFailure, CompleteAsyncError, Context } from '@temporalio/activity'
import type { Client } from '@temporalio/client'
import { prepare } from '../../dsl/core/machine.ts'
import type { PreparedNode } from '../../dsl/core/prepare.ts'
import type { RangeResult, RangeSpec } from '../../dsl/core/range.ts'
import { NodeRun, Scope, type Flow, type Recorder } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import type { Plan } from '../../dsl/plan.ts'
import type { PlanText } from '../../workflows/protocol/converter.ts'
import { Sized } from '../../workflows/protocol/converter.ts'
import { BATCH_INLINE, inlineLimit } from '../../workflows/protocol/limits.ts'
import { callbackMarks } from '../../workflows/protocol/outcomes.ts'
import type {
  ExpressRequest,
  ExpressResult,
  InvokeRequest,
  PublishRequest,
  ResolvedChild,
  ResolveRequest,
  StartInfo,
  Taken,
} from '../../workflows/protocol/shapes.ts'
import type { LogLine } from '../../executors/contract.ts'
import type { CallbackInfo } from '../api.ts'
import type { Channels } from '../channels.ts'
import type { DeployedFlow } from '../execution-info.ts'
import { ExpressExecution, type ExpressDone, type ExpressServices, type ExpressStart } from '../express/express-host.ts'
import { callbackToken, derivedId, tokenHash } from '../ids.ts'
import type { InvocationOwner, Invoker } from '../invoker.ts'
import { ownerOf } from './codec.ts'
import { findFlow, hasLoop, hintsOf } from './flows.ts'
import type { Registry } from './registry/registry.ts'
import { isPassing } from './temporal-errors.ts'

/** Where a line of a function comes from. */
export interface LogOrigin {
  readonly scope: string
  readonly execution: string
  readonly node: string | undefined
  readonly attempt: number
}

/** What the activities need of the worker. */
export interface ActivityServices {
  readonly invoker: Invoker
  readonly channels: Channels
  readonly express: ExpressServices
  readonly client: Client
  readonly registry: Registry
  /** Where workflows run. */
  readonly mainQueue: string
  scoped(scope: string): Promise<Registry>
  deployed(info: StartInfo, planText: string): DeployedFlow
  startExpress(deployed: DeployedFlow, input: Json, start: ExpressStart, done: ExpressDone): ExpressExecution
  callbackUrl(token: string): string
  log(line: LogLine, from: LogOrigin): void
  onCallback(info: CallbackInfo, scope: string): void
}

/** Milliseconds between heartbeats; only what takes longer than one sends any. */
const HEARTBEAT_MS = 1000
const ASYNC_HEARTBEAT_MS = 5000
const KEPT_NODES = 1000

export class Activities {
  private readonly services: ActivityServices
  private readonly nodes = new Map<string, PreparedNode>()
  private readonly beating = new Map<() => void, number>()
  private beat: NodeJS.Timeout | null = null
  /** Invocations that hold no slot. */
  private readonly detached = new Set<() => void>()

  constructor(services: ActivityServices) {
    this.services = services
  }

  /** By the names that workflows call them by. */
  table(): Record<string, (...args: any[]) => Promise<unknown>> {
    return {
      invoke: (request: InvokeRequest, body: Json) => this.invoke(request, body),
      publish: (request: PublishRequest) => this.publish(request),
      express: (request: ExpressRequest, plan: PlanText, input: Json) => this.express(request, plan, input),
      batch: (info: StartInfo, plan: PlanText, input: Json, spec: RangeSpec, taken?: Taken) => this.batch(info, plan, input, spec, taken),
      resolve: (request: ResolveRequest) => this.resolve(request),
    }
  }

  /** Gives up what runs without a slot: it will be delivered again elsewhere. */
  close(): void {
    for (const giveUp of [...this.detached]) giveUp()
    if (this.beat !== null) clearInterval(this.beat)
  }

  private async invoke(request: InvokeRequest, body: Json): Promise<unknown> {
    const { activityId, workflowExecution } = Context.current().info
    const place = request.place ?? activityId
    const call = new Call(this.services, this.nodeFor(request, place), request, ownerOf(workflowExecution?.workflowId), place)
    const handed = request.callback === undefined ? body : await call.bind(body, request.callback.until)
    if (request.invoke === 'async') return this.detach(call, handed)
    const value = await this.attended(call.run(handed), () => call.cancel())
    return new Sized(value, request.inline ?? inlineLimit(0))
  }

  /** Ends the activity without an outcome; the function goes on, holding no slot, and its outcome is told by the task's token. */
  private detach(call: Call, body: Json): never {
    const { client } = this.services
    const { taskToken } = Context.current().info
    const { request, executionId } = call
    const inline = request.inline ?? inlineLimit(0)
    const giveUp = (): void => {
      clearInterval(heartbeat)
      this.detached.delete(giveUp)
      call.cancel()
    }
    const heartbeat = setInterval(() => {
      client.activity.heartbeat(taskToken).catch((error: unknown) => {
        // cancelled, or nobody waits for it any more; what does not get through is tried again
        if (isFinal(error)) giveUp()
      })
    }, ASYNC_HEARTBEAT_MS)
    this.detached.add(giveUp)
    const serializationContext = { type: 'activity', namespace: client.options.namespace, workflowId: executionId, isLocal: false } as const
    const tell = async (outcome: () => Promise<void>): Promise<void> => {
      for (let pause = 100; this.detached.has(giveUp); pause = Math.min(pause * 2, 5000)) {
        try {
          await outcome()
          break
        } catch (error) {
          // else delivered again, when no more heartbeats come
          if (isFinal(error) || !isPassing(error)) break
          await new Promise((resolve) => setTimeout(resolve, pause))
        }
      }
      clearInterval(heartbeat)
      this.detached.delete(giveUp)
    }
    call.run(body).then(
      (value) => tell(() => client.activity.complete(taskToken, new Sized(value, inline), { serializationContext })),
      (error: unknown) => tell(() => client.activity.fail(taskToken, error, { serializationContext })),
    )
    throw new CompleteAsyncError()
  }

  private async publish({ channel, event, sees }: PublishRequest): Promise<Json> {
    const { ok, value, isClosing } = await this.attended(this.services.channels.send(channel, event, sees), () => undefined)
    if (isClosing === true) throw ApplicationFailure.retryable('the worker closes: another one sends the event', 'EngineClosed')
    if (!ok) throw failureOf(value as unknown as ErrorDocument)
    return value
  }

  private express({ info, wait }: ExpressRequest, plan: PlanText, input: Json): Promise<ExpressResult> {
    const { services } = this
    let child: ExpressExecution | null = null
    const ended = new Promise<ExpressResult>((resolve) => {
      const { id, depth, parent, traceparent } = info
      const start = { id, depth, ...(parent === undefined ? {} : { parent }), ...(traceparent === undefined ? {} : { traceparent }) }
      child = services.startExpress(services.deployed(info, plan.text), input, start, ({ flow }) =>
        resolve(flow.error === null ? { ok: true, value: flow.output } : { ok: false, value: flow.error }),
      )
      child.begin()
    })
    if (!wait) return Promise.resolve({ ok: true, value: { executionId: info.id } })
    return this.attended(ended, () => {
      if (child?.flow.status === 'running') child.stop()
    })
  }

  /** Iterations of one short function, all in this worker. What fails the loop is told with what had ended before. */
  private async batch(info: StartInfo, plan: PlanText, input: Json, spec: RangeSpec, taken: Taken = {}): Promise<unknown> {
    const { services } = this
    const outcome = new BatchOutcome(spec)
    let execution: ExpressExecution | null = null
    const ended = new Promise<Flow>((resolve) => {
      const { id, depth, trigger, traceparent, startedAt = 0 } = info
      const start = {
        id,
        depth,
        ...(trigger === undefined ? {} : { trigger }),
        ...(traceparent === undefined ? {} : { traceparent }),
        range: { spec, startedAt, recorder: outcome, carried: taken.carried ?? [] },
      }
      const express = {
        ...services.express,
        log: (line: LogLine, execution: string, node: string | undefined, attempt: number) =>
          services.log(line, { execution, node, attempt, scope: info.scope }),
      }
      execution = new ExpressExecution(express, new Map(), services.deployed(info, plan.text), input, start, ({ flow }) => resolve(flow))
      execution.begin()
    })
    const { error, output } = await this.attended(ended, () => {
      if (execution?.flow.status === 'running') execution.stop()
    })
    return new Sized(error === null ? output : outcome.failed(error), BATCH_INLINE)
  }

  private async resolve({ scope, execution, place, flow }: ResolveRequest): Promise<ResolvedChild | null> {
    const registry = await this.services.scoped(scope)
    const id = derivedId('child', execution, place)
    const found = await findFlow(registry.catalogue, flow, id)
    if (found === undefined) return null
    const planText = await registry.plan(found.hash)
    if (planText === undefined) return null
    const plan = JSON.parse(planText) as Plan
    const hints = hintsOf(plan, await this.services.registry.functions(), this.services.mainQueue)
    const { name, hash, version, mode } = found
    return { id, flow: name, version, hash, mode, hints, hasLoop: hasLoop(plan) }
  }

  /** Waits for an outcome; meanwhile heartbeats, and cancellation. */
  private async attended<T>(outcome: Promise<T>, giveUp: () => void): Promise<T> {
    const context = Context.current()
    const beat = (): void => context.heartbeat()
    this.beating.set(beat, Date.now())
    this.beat ??= setInterval(() => this.beatAll(), HEARTBEAT_MS)
    const { cancellationSignal } = context
    // it may have come while the call was prepared
    if (cancellationSignal.aborted) giveUp()
    else cancellationSignal.addEventListener('abort', giveUp, { once: true })
    try {
      const value = await Promise.race([outcome, context.cancelled])
      // what giving up has made of it is no outcome
      return cancellationSignal.aborted ? await context.cancelled : value
    } finally {
      cancellationSignal.removeEventListener('abort', giveUp)
      this.beating.delete(beat)
    }
  }

  private beatAll(): void {
    if (this.beating.size === 0) {
      // not with the last activity: mostly the next one is about to come
      clearInterval(this.beat as NodeJS.Timeout)
      this.beat = null
      return
    }
    const old = Date.now() - HEARTBEAT_MS / 2
    for (const [beat, since] of this.beating) if (since < old) beat()
  }

  /** A node as the invoker wants it: the request has all that it asks of one. */
  private nodeFor({ function: ref, invoke, timeoutMs, callback }: InvokeRequest, place: string): PreparedNode {
    const node = place.slice(place.lastIndexOf('/') + 1, place.lastIndexOf('#'))
    const type = callback === undefined ? 'function' : 'callback'
    const plain = `${node}\0${ref}`
    const key =
      invoke === undefined && timeoutMs === undefined && type === 'function' ? plain : `${plain}\0${invoke}\0${timeoutMs}\0${type}`
    let prepared = this.nodes.get(key)
    if (prepared === undefined) {
      const limits = timeoutMs === undefined ? {} : { timeoutMs }
      const plan = { type, id: node, label: node, at: [], function: ref, invoke: invoke ?? 'sync', ...limits }
      const flow = { format: 1, flow: 'invoke', mode: 'standard', mergeInput: false, start: node, nodes: { [node]: plan } }
      prepared = prepare(flow as unknown as Plan).start
      this.nodes.set(key, prepared)
      const [oldest] = this.nodes.keys()
      if (this.nodes.size > KEPT_NODES) this.nodes.delete(oldest as string)
    }
    return prepared
  }
}

/** One delivery of one attempt. */
class Call implements InvocationOwner {
  readonly request: InvokeRequest
  readonly executionId: string
  readonly place: string
  private readonly services: ActivityServices
  private readonly node: PreparedNode
  private nodeRun: NodeRun | null = null
  private resolve: (value: Json) => void = () => undefined
  private reject: (error: unknown) => void = () => undefined

  constructor(services: ActivityServices, node: PreparedNode, request: InvokeRequest, executionId: string, place: string) {
    this.services = services
    this.node = node
    this.request = request
    this.executionId = executionId
    this.place = place
  }

  get traceparent(): string | undefined {
    return this.request.traceparent
  }

  callbackAt(place: string): { readonly token: string; readonly url: string } {
    const token = callbackToken(this.services.registry.secret, this.executionId, place)
    return { token, url: this.services.callbackUrl(token) }
  }

  /** Makes the token known, before anybody can use it, and puts it into the body where the workflow has put a mark. */
  async bind(body: Json, until: number): Promise<Json> {
    const { place, executionId: execution } = this
    const real = this.callbackAt(place)
    const { scope = '' } = this.request
    await (await this.services.scoped(scope)).bindCallback({ hash: tokenHash(real.token), execution, place, expiresAt: until })
    const marks = callbackMarks(place)
    return replaced(
      body,
      new Map([
        [marks.token, real.token],
        [marks.url, real.url],
      ]),
    )
  }

  run(body: Json): Promise<Json> {
    return new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
      // the invoker asks a run for its node and attempt, and this owner for the rest
      const run = new NodeRun(new Scope(null as never, null, 0, null), this.node, body)
      run.input = body
      // the last part of a place: `fetch#2`
      run.attempt = Number(this.place.slice(this.place.lastIndexOf('#') + 1))
      run.kind = 'invoke'
      this.nodeRun = run
      this.services.invoker.dispatch(run, this, Date.now())
    })
  }

  cancel(): void {
    if (this.nodeRun !== null) this.services.invoker.cancel(this.nodeRun)
  }

  log(line: LogLine, node: string | undefined, attempt: number): void {
    this.services.log(line, { execution: this.executionId, node, attempt, scope: this.request.scope ?? '' })
  }

  ended(_run: NodeRun, ok: boolean, value: Json): void {
    const { callback, scope = '' } = this.request
    if (callback === undefined) {
      if (ok) this.resolve(value)
      else this.reject(failureOf(value as unknown as ErrorDocument))
      return
    }
    const { place, executionId: execution } = this
    const { id: node } = this.node
    const { token, url } = this.callbackAt(place)
    if (ok) {
      this.resolve(value)
      this.services.onCallback({ execution, flow: callback.flow, node, token, url }, scope)
      return
    }
    const failure = failureOf(value as unknown as ErrorDocument)
    // the node fails: its token is worth nothing
    const retire = async (): Promise<void> => (await this.services.scoped(scope)).retireCallback(tokenHash(token))
    retire().then(
      () => this.reject(failure),
      (error: unknown) => this.reject(error),
    )
  }
}

/** What of a batch had ended when something failed the loop. */
class BatchOutcome implements Recorder {
  private readonly spec: RangeSpec
  private readonly ended_ = new Set<number>()
  private results: readonly Json[] = []
  private readonly failedAt: number[] = []

  constructor(spec: RangeSpec) {
    this.spec = spec
  }

  started(): void {
    // iterations count, not their nodes
  }
  changed(): void {
    // likewise
  }
  ended(): void {
    // likewise
  }
  iterationEnded(run: NodeRun, index: number, ok: boolean): void {
    this.results = (run.memory as { results: Json[] }).results
    this.ended_.add(index - this.spec.from)
    if (!ok) this.failedAt.push(index - this.spec.from)
  }

  failed(error: ErrorDocument): Json {
    const missing = this.spec.items.flatMap((_item, at) => (this.ended_.has(at) ? [] : [at]))
    const results = this.results.length > 0 ? [...this.results] : this.spec.items.map(() => null)
    // the last one failed the loop; those before it were tolerated, and stand in their places
    const last = this.failedAt.at(-1)
    if (last !== undefined) results[last] = { error: error as unknown as Json }
    return { results, failedAt: this.failedAt, lastStart: 0, failed: error, missing } satisfies RangeResult as unknown as Json
  }
}

/** What a node's error is to Temporal: not to be retried there, the core does that. */
function failureOf(document: ErrorDocument): ApplicationFailure {
  return ApplicationFailure.create({
    message: document.errorMessage.slice(0, 1000),
    type: document.errorType.slice(0, 200),
    nonRetryable: true,
    details: [new Sized(document, inlineLimit(0))],
  })
}

/** Of a call for an activity that nobody waits for any more. */
function isFinal(error: unknown): boolean {
  const { name } = (error ?? {}) as { name?: unknown }
  return name === 'ActivityNotFoundError' || name === 'ActivityCancelledError' || name === 'ActivityResetError'
}

/** The value with some texts in it replaced; itself where there are none. */
function replaced(value: Json, by: ReadonlyMap<string, string>): Json {
  if (typeof value === 'string') return by.get(value) ?? value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => replaced(item, by))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, by)]))
}
