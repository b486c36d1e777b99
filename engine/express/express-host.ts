/**
 * The express host: executions in memory, for at most five minutes, without records (flow-language.md, 1).
 *
 * Each execution carries out its commands in the order of the events. Invocations that end while a step is under way are queued,
 * so that a loop of handlers without any wait does not grow the stack.
 */
import { begin, beginRange, createFlow, find, step, type CoreEvent } from '../../dsl/core/machine.ts'
import { lineageOf, placeOf } from '../../dsl/core/place.ts'
import type { RangeSpec } from '../../dsl/core/range.ts'
import { NodeRun, type Carried, type Command, type Flow, type FlowStart, type Recorder, type Timer } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import { awaitsCallback } from '../../dsl/nodes/callback.ts'
import type { PlanSubflowNode } from '../../dsl/plan.ts'
import type { LogLine } from '../../executors/contract.ts'
import type { CallbackInfo, ExecutionRecord, NodeRecord } from '../api.ts'
import type { Channels } from '../channels.ts'
import { DeadlineEntry } from '../deadlines.ts'
import type { DeployedFlow } from '../execution-info.ts'
import { newId, derivedId, callbackToken } from '../ids.ts'
import type { InvocationOwner, Invoker } from '../invoker.ts'
import { setLongTimeout, type LongTimeout } from '../long-timeout.ts'
import { NodeView } from '../view.ts'
import type { ChildLauncher, RunningChild } from '../children.ts'

/** Made once: the core does not keep events, and a fresh one per invocation is measurable. */
const OK: CoreEvent & { kind: 'ok' } = { kind: 'ok', data: null, time: 0 }
const FAILED: CoreEvent & { kind: 'error' } = { kind: 'error', data: null as never, time: 0 }

/** What express executions need of the engine around them. */
export interface ExpressServices {
  readonly invoker: Invoker
  readonly channels: Channels
  readonly children: ChildLauncher
  readonly secret: Uint8Array
  readonly callbackUrl: (token: string) => string
  log(line: LogLine, execution: string, node: string | undefined, attempt: number): void
  onCallback(info: CallbackInfo): void
}

export interface ExpressStart {
  readonly id?: string
  readonly depth?: number
  readonly parent?: { readonly execution: string; readonly node: string }
  readonly trigger?: FlowStart['trigger']
  readonly traceparent?: string
  readonly onNode?: (node: NodeRecord) => void
  /** Not the flow, but a range of a loop in it, for an execution that began elsewhere. */
  readonly range?: {
    readonly spec: RangeSpec
    readonly startedAt: number
    readonly recorder: Recorder
    readonly carried: readonly (readonly [lineage: string, Carried])[]
  }
}

/** Called once, when it has ended. */
export type ExpressDone = (execution: ExpressExecution) => void

/**
 * The callbacks of express executions, by token; `execution` is null when it has ended, so that a late call is told from a wrong one, and
 * `usedBy` the id that the call brought which was taken.
 */
export type ExpressCallbacks = Map<
  string,
  { execution: ExpressExecution | null; readonly place: string; used: boolean; usedBy?: string | undefined }
>

/** Ended callbacks that are remembered. */
const CALLBACKS_REMEMBERED = 10_000

/** One express execution. As a deadline it is the flow's timeout. */
export class ExpressExecution extends DeadlineEntry implements InvocationOwner, FlowStart {
  readonly deployed: DeployedFlow
  readonly flow: Flow
  readonly input: Json
  readonly startedAt: number
  readonly depth: number
  readonly parent: ExpressStart['parent']
  readonly trigger: FlowStart['trigger']
  readonly traceparent: string | undefined
  endedAt = 0
  private readonly services: ExpressServices
  private readonly callbacks: ExpressCallbacks
  private readonly done: ExpressDone
  /** Due times and records need the time to the millisecond. */
  private readonly exact: boolean
  private readonly range: NonNullable<ExpressStart['range']> | null
  private givenId: string | null
  private timers: Map<Timer, LongTimeout> | null = null
  private tokens: string[] | null = null
  private watchers: (() => void)[] | null = null
  private silent = false
  private busy = true
  private queue: (NodeRun | boolean | Json)[] | null = null

  constructor(
    services: ExpressServices,
    callbacks: ExpressCallbacks,
    deployed: DeployedFlow,
    input: Json,
    start: ExpressStart,
    done: ExpressDone,
  ) {
    super()
    this.services = services
    this.callbacks = callbacks
    this.deployed = deployed
    this.input = input
    this.exact = deployed.prepared.timed || start.onNode !== undefined
    this.depth = start.depth ?? 0
    this.parent = start.parent
    this.trigger = start.trigger
    this.traceparent = start.traceparent
    this.done = done
    this.range = start.range ?? null
    this.startedAt = start.range?.startedAt ?? this.now()
    this.givenId = start.id ?? null
    const { nodes } = services.invoker.observers
    const recorder = start.range?.recorder ?? (start.onNode === undefined ? null : new NodeView({ onChange: start.onNode }))
    this.flow = createFlow(deployed.prepared, this, nodes === null ? recorder : nodes.beside(recorder))
  }

  /** Made when first asked for. */
  get id(): string {
    return (this.givenId ??= newId(this.startedAt))
  }

  get executionId(): string {
    return this.id
  }

  get version(): string {
    return this.deployed.version
  }

  begin(): void {
    if (this.range === null) {
      this.services.invoker.observers.current?.executionStarted(this.deployed.name)
      this.carryOut(begin(this.flow))
    } else {
      const time = (this.flow.now = this.now())
      for (const [lineage, data] of this.range.carried) step(this.flow, { kind: 'carry', lineage, data, time })
      this.carryOut(beginRange(this.flow, this.range.spec))
    }
    this.drain()
  }

  callbackAt(place: string): { readonly token: string; readonly url: string } {
    const token = callbackToken(this.services.secret, this.id, place)
    return { token, url: this.services.callbackUrl(token) }
  }

  log(line: LogLine, node: string | undefined, attempt: number): void {
    this.services.log(line, this.id, node, attempt)
  }

  ended(run: NodeRun, ok: boolean, value: Json): void {
    if (this.busy) {
      ;(this.queue ??= []).push(run, ok, value)
      return
    }
    this.busy = true
    this.outcome(run, ok, value)
    this.drain()
  }

  stop(): void {
    this.take(step(this.flow, { kind: 'stop', time: Date.now() }))
  }

  /** The deadline of the whole flow. */
  override expire(): void {
    this.take(step(this.flow, { kind: 'timer', place: '', purpose: 'flow', time: Date.now() }))
  }

  /** False if nothing waits at the place any more. */
  called(place: string, ok: boolean, value: Json): boolean {
    const run = find(this.flow, place)
    if (run === null || !awaitsCallback(run)) return false
    const time = Date.now()
    if (ok) this.take(step(this.flow, { kind: 'called', place, data: value, time }))
    else this.take(step(this.flow, { kind: 'refused', place, data: value as unknown as ErrorDocument, time }))
    return true
  }

  describe(): ExecutionRecord {
    const { flow } = this
    const ended = flow.status !== 'running'
    return {
      id: this.id,
      flow: this.deployed.name,
      version: this.version,
      revision: this.deployed.hash,
      mode: 'express',
      status: flow.status,
      startedAt: this.startedAt,
      ...(ended ? { endedAt: this.endedAt } : {}),
      input: this.input,
      ...(flow.status === 'succeeded' ? { output: flow.output } : {}),
      ...(flow.error === null ? {} : { error: flow.error }),
      ...(this.parent === undefined ? {} : { parent: this.parent }),
      ...(this.trigger === undefined
        ? {}
        : { trigger: { type: this.trigger.type, ...(this.trigger.name === undefined ? {} : { name: this.trigger.name }) } }),
    }
  }

  private now(): number {
    return this.exact ? Date.now() : this.services.invoker.deadlines.now()
  }

  private drain(): void {
    const { queue } = this
    if (queue !== null) {
      for (let at = 0; at < queue.length; at += 3) this.outcome(queue[at] as NodeRun, queue[at + 1] as boolean, queue[at + 2] as Json)
      queue.length = 0
    }
    this.busy = false
  }

  private outcome(run: NodeRun, ok: boolean, data: Json): void {
    const event: CoreEvent = ok ? OK : FAILED
    event.run = run
    event.data = data as never
    event.time = this.now()
    this.carryOut(step(this.flow, event))
    if (run.status === 'waiting' && run.node.plan.type === 'callback' && run.active) this.announce(run)
  }

  private take(commands: Command[]): void {
    const nested = this.busy
    this.busy = true
    this.carryOut(commands)
    if (!nested) this.drain()
  }

  private carryOut(commands: Command[]): void {
    for (let at = 0; at < commands.length; at++) {
      const command = commands[at] as Command
      if (command instanceof NodeRun) this.issue(command)
      else this.obey(command)
    }
  }

  private issue(run: NodeRun): void {
    // a later command of the same step may have withdrawn it
    if (!run.active || run.kind === null) return
    if (run.kind === 'invoke') {
      if (run.node.plan.type === 'callback') this.register(run)
      this.services.invoker.dispatch(run, this, this.flow.now)
    } else if (run.kind === 'publish') {
      const { attempt } = run
      this.services.channels.publish(run, this.id, (ok, value) => {
        if (run.attempt === attempt) this.ended(run, ok, value)
      })
    } else {
      run.handle = this.launch(run)
    }
  }

  private launch(run: NodeRun): RunningChild {
    const plan = run.node.plan as PlanSubflowNode
    const { attempt } = run
    return this.services.children.launch(
      run,
      {
        flow: plan.flow,
        wait: plan.wait,
        id: derivedId('child', this.id, placeOf(run)),
        ...(this.traceparent === undefined ? {} : { traceparent: this.traceparent }),
        depth: this.depth + 1,
        parent: { execution: this.id, node: lineageOf(run) },
      },
      (ok, value) => {
        if (run.active && run.attempt === attempt) this.ended(run, ok, value)
      },
      () => undefined,
    )
  }

  private obey(command: Exclude<Command, NodeRun>): void {
    switch (command.kind) {
      case 'timer':
        this.setTimer(command)
        break
      case 'clear':
        this.clearTimer(command.timer)
        break
      case 'cancel':
        if (command.effect === 'invoke') this.services.invoker.cancel(command.run)
        else if (command.effect === 'child') (command.run.handle as RunningChild | null)?.stop()
        break
      case 'end':
        this.close()
    }
  }

  private setTimer(timer: Timer): void {
    if (timer.run === null) {
      this.services.invoker.deadlines.add(this, this.startedAt, timer.due - this.startedAt)
      return
    }
    const now = Date.now()
    const place = placeOf(timer.run)
    const { purpose } = timer
    ;(this.timers ??= new Map<Timer, LongTimeout>()).set(
      timer,
      setLongTimeout(timer.due - now, () => {
        this.timers?.delete(timer)
        // timers of Node fire up to a millisecond early; due times are promises
        this.take(step(this.flow, { kind: 'timer', place, purpose, time: Math.max(Date.now(), timer.due) }))
      }),
    )
  }

  private clearTimer(timer: Timer): void {
    if (timer.run === null) return this.services.invoker.deadlines.remove(this)
    this.timers?.get(timer)?.clear()
    this.timers?.delete(timer)
  }

  private register(run: NodeRun): void {
    const place = placeOf(run)
    const { token } = this.callbackAt(place)
    ;(this.tokens ??= []).push(token)
    this.callbacks.set(token, { execution: this, place, used: false })
  }

  private announce(run: NodeRun): void {
    const place = placeOf(run)
    this.services.onCallback({ execution: this.id, flow: this.deployed.name, node: run.node.id, ...this.callbackAt(place) })
  }

  /** Calls back when it has ended, at once if it has. */
  whenEnded(then: () => void): void {
    if (this.flow.status !== 'running') then()
    else (this.watchers ??= []).push(then)
  }

  /** As a crash would: nothing more is told. */
  forget(): void {
    this.silent = true
    if (this.flow.status === 'running') this.stop()
  }

  /** The map is in order of coming: the ended ones that are forgotten are the oldest. */
  private retireTokens(tokens: readonly string[]): void {
    for (const token of tokens) {
      const entry = this.callbacks.get(token)
      if (entry === undefined) continue
      this.callbacks.delete(token)
      this.callbacks.set(token, { execution: null, place: '', used: entry.used, usedBy: entry.usedBy })
    }
    for (const [token, { execution }] of this.callbacks) {
      if (this.callbacks.size <= CALLBACKS_REMEMBERED || execution !== null) return
      this.callbacks.delete(token)
    }
  }

  private close(): void {
    this.endedAt = Math.max(this.now(), this.startedAt)
    if (this.tokens !== null) this.retireTokens(this.tokens)
    if (this.silent) return
    if (this.range === null) this.services.invoker.observers.current?.executionEnded(this.deployed.name, this.flow.status)
    this.done(this)
    if (this.watchers !== null) for (const then of this.watchers) then()
    this.watchers = null
  }
}
