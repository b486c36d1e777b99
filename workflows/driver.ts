/**
 * The driver: one execution's core, with the bookkeeping that Temporal asks for. It knows neither Temporal nor a clock: the workflow
 * (flow.ts) gives it a port that schedules, the history fold (engine/temporal) one that does nothing, and both drive the same code.
 *
 * - D1. What it does follows from start, plan and the order of the events alone. When a request is *sent* does not: it may wait here for its
 *   turn, so its body is made, and what is wrong with it told, when the core asks for it.
 * - D2. An outcome counts once: an {@link Asked} that is settled or withdrawn is deaf.
 * - D3. Every event that counts is in the journal, in its order; folding the journal gives the same state.
 */
import { bodyValue } from '../dsl/core/body.ts'
import { begin, beginRange, createFlow, find, outstanding, step, type CoreEvent } from '../dsl/core/machine.ts'
import { lineageOf, placeOf } from '../dsl/core/place.ts'
import type { PreparedPlan } from '../dsl/core/prepare.ts'
import type { RangeSpec } from '../dsl/core/range.ts'
import type { Timer } from '../dsl/core/state.ts'
import { NodeRun, type Carried, type Command, type Flow, type FlowStart, type Recorder } from '../dsl/core/state.ts'
import type { CloudEvent } from '../dsl/cloud-event.ts'
import { ENGINE_ERRORS, NodeError, type ErrorDocument } from '../dsl/errors.ts'
import { copyJson, jsonBytes, JsonCopyError, PAYLOAD_LIMIT } from '../dsl/json-copy.ts'
import type { Json } from '../dsl/json.ts'
import { awaitsCallback } from '../dsl/nodes/callback.ts'
import { cloudEventOf } from '../dsl/nodes/event.ts'
import { rangeOf, type RangeRequest } from '../dsl/nodes/loop.ts'
import { startError } from '../dsl/nodes/subflow.ts'
import type { PlanEventNode, PlanFunctionNode, PlanSubflowNode } from '../dsl/plan.ts'
import { EVENT, eventOf, isPrelude } from './protocol/journal.ts'
import { Instants } from './protocol/instants.ts'
import { OUTSTANDING_LIMIT, SINK_JOURNAL_BYTES, TIMERS_LIMIT } from './protocol/limits.ts'
import { rangePolicy } from './protocol/ranges.ts'
import type { FlowHints, JournalRow, Taken } from './protocol/shapes.ts'

/** How deep subflows may call: the first flow is at depth 0 (flow-language.md, 2). */
export const MAX_DEPTH = 10

/** One effect that was asked for. */
export class Asked {
  readonly run: NodeRun
  readonly attempt: number
  readonly place: string
  readonly what: Effect
  /** Of a range: what its iterations take over. */
  taken: Taken | null = null
  /** Sent and not answered. */
  sent = false
  /** Settled or withdrawn: what still comes of it is void. */
  deaf = false
  /** The port's own. */
  handle: unknown = null
  constructor(run: NodeRun, place: string, what: Effect) {
    this.run = run
    this.attempt = run.attempt
    this.place = place
    this.what = what
  }
}

/** What is to be done for a run. */
export type Effect =
  | { readonly kind: 'invoke'; readonly body: Json }
  | { readonly kind: 'publish'; readonly channel: string; readonly event: CloudEvent; readonly sees?: readonly string[] }
  | { readonly kind: 'child'; readonly flow: string; readonly wait: boolean; readonly node: string; readonly input: Json }
  | RangeRequest

/** What the driver asks of its surroundings. Outcomes come back by {@link Driver.ended}, never synchronously. */
export interface Port {
  send(asked: Asked): void
  /** What was sent is not wanted any more. */
  cancel(asked: Asked): void
  /** One timer per instant; {@link Driver.due} is called with it. */
  setTimer(due: number, first: Timer): void
  clearTimer(due: number): void
  /** The flow has ended; nothing is sent or cancelled behind this. */
  end(): void
  /** Nothing is under way any more, and {@link Driver.drain} was called. */
  drained(): void
}

export interface DriverOptions {
  readonly hints: FlowHints
  readonly depth: number
  readonly recorder?: Recorder
}

export class Driver {
  readonly flow: Flow
  readonly journal: JournalRow[] = []
  /** Of the journal's data; counted up to some limit, see {@link journalIsShort}. */
  private journalBytes = 0
  private readonly port: Port
  private readonly depth: number
  private readonly timers = new Map<number, Set<Timer>>()
  /** Which of the instants have a timer of the port's. */
  private readonly instants = new Instants(TIMERS_LIMIT)
  /** Asked for and not yet sent, in order; `queueAt` is the next. */
  private queue: Asked[] = []
  private queueAt = 0
  private underWay = 0
  /** Those under way that may last as long as they like: children that are waited for, lanes, asynchronous functions. */
  private lasting = 0
  private draining = false
  /** What is carried over, by loop and iteration; made when a range first asks. */
  private readonly carriedIn = new Map<string, Map<number, (readonly [string, Carried])[]>>()
  /** Outcomes that are known at once, taken when the step at hand is done. */
  private readonly atOnce: { readonly asked: Asked; readonly error: ErrorDocument }[] = []
  private busy = false

  constructor(prepared: PreparedPlan, start: FlowStart, port: Port, { hints, depth, recorder }: DriverOptions) {
    this.flow = createFlow(prepared, start, recorder ?? null)
    this.flow.ranges = rangePolicy(hints)
    this.port = port
    this.depth = depth
  }

  /** Takes the start, and whatever was taken over. Of a lane `range` is its part of the loop. */
  begin(taken: Taken, range?: RangeSpec): void {
    const { startedAt } = this.flow.start
    for (const [lineage, data] of taken.carried ?? []) this.prelude([EVENT.carry, lineage, startedAt, data as unknown as Json])
    for (const [lineage, input] of taken.replaced ?? []) this.prelude([EVENT.replace, lineage, startedAt, input])
    const { journal } = taken
    if (journal === undefined) return this.carryOut(this.enter(range))
    // a later run of the same execution: as a recovery does
    let entered = false
    for (const row of journal) {
      if (!entered && !isPrelude(row)) {
        entered = true
        this.enter(range)
      }
      this.note(row)
      step(this.flow, eventOf(row))
    }
    if (!entered) this.enter(range)
    this.carryOut(outstanding(this.flow))
  }

  /** What was sent has come to an end. `now` is epoch ms, as everywhere here. */
  ended(asked: Asked, ok: boolean, data: Json, now: number): void {
    if (!this.settle(asked)) return
    const { run, place } = asked
    if (run.active && run.kind !== null && run.attempt === asked.attempt) {
      if (ok) this.take([EVENT.ok, place, now, data], { kind: 'ok', run, data, time: now })
      else this.take([EVENT.error, place, now, data], { kind: 'error', run, data: data as unknown as ErrorDocument, time: now })
    }
    this.pump()
  }

  /** The timer for an instant has fired. */
  due(due: number, now: number): void {
    const timers = this.timers.get(due)
    if (timers === undefined) return
    this.timers.delete(due)
    this.dropInstant(due)
    const time = Math.max(now, due)
    for (const timer of timers) {
      // one of them may have ended the flow, or cleared others
      if (!timers.has(timer) || this.flow.status !== 'running') continue
      const place = placeOfTimer(timer)
      this.take([EVENT.timer, place, time, timer.purpose], { kind: 'timer', place, purpose: timer.purpose, time })
    }
    this.pump()
  }

  /** A callback's answer; false if nothing waits for it. */
  called(place: string, ok: boolean, value: Json, now: number): boolean {
    if (!this.awaits(place)) return false
    if (ok) this.take([EVENT.called, place, now, value], { kind: 'called', place, data: value, time: now })
    else this.take([EVENT.refused, place, now, value], { kind: 'refused', place, data: value as unknown as ErrorDocument, time: now })
    this.pump()
    return true
  }

  awaits(place: string): boolean {
    const run = this.flow.status === 'running' ? find(this.flow, place) : null
    return run !== null && awaitsCallback(run)
  }

  stop(now: number): void {
    if (this.flow.status === 'running') this.take([EVENT.stop, '', now, null], { kind: 'stop', time: now })
  }

  /** Sent and not answered. */
  get pending(): { readonly underWay: number; readonly lasting: number } {
    return { underWay: this.underWay, lasting: this.lasting }
  }

  /** From now on nothing is sent; when nothing is under way any more the port is told. */
  drain(): void {
    if (this.draining || this.flow.status !== 'running') return
    this.draining = true
    this.pump()
  }

  /** True if the journal is short enough to be handed over whole. */
  get journalIsShort(): boolean {
    return this.journalBytes <= SINK_JOURNAL_BYTES
  }

  private enter(range: RangeSpec | undefined): Command[] {
    return range === undefined ? begin(this.flow) : beginRange(this.flow, range)
  }

  private prelude(row: JournalRow): void {
    this.note(row)
    step(this.flow, eventOf(row))
  }

  private note(row: JournalRow): void {
    this.journal.push(row)
    if (this.journalIsShort) this.journalBytes += row[1].length + 24 + jsonBytes(row[3], SINK_JOURNAL_BYTES)
  }

  private take(row: JournalRow, event: CoreEvent): void {
    this.note(row)
    this.carryOut(step(this.flow, event))
  }

  private carryOut(commands: readonly Command[]): void {
    // the flow's end cancels everything at Temporal: no need to say so one by one
    if (this.flow.status !== 'running') {
      this.queue = []
      this.port.end()
      return
    }
    const outer = !this.busy
    this.busy = true
    for (const command of commands) this.obey(command)
    if (!outer) return
    for (let next = this.atOnce.shift(); next !== undefined; next = this.atOnce.shift()) {
      const { asked, error } = next
      if (asked.deaf) continue
      asked.deaf = true
      const { run, place } = asked
      const time = this.flow.now
      this.take([EVENT.error, place, time, error as unknown as Json], { kind: 'error', run, data: error, time })
    }
    this.busy = false
    this.pump()
  }

  private obey(command: Command): void {
    if (command instanceof NodeRun) {
      // a later command of the same step may have withdrawn it
      if (command.active && command.kind !== null) this.ask(command)
      return
    }
    switch (command.kind) {
      case 'timer':
        return this.setTimer(command)
      case 'clear':
        return this.clearTimer(command.timer)
      case 'cancel': {
        const asked = command.run.handle as Asked | null
        if (asked !== null && asked.attempt === command.attempt) this.withdraw(asked)
      }
    }
  }

  private ask(run: NodeRun): void {
    const place = placeOf(run)
    let what: Effect
    try {
      what = this.effectOf(run)
    } catch (error) {
      const asked = new Asked(run, place, NOTHING)
      run.handle = asked
      this.atOnce.push({ asked, error: documentOf(run, error) })
      return
    }
    const asked = new Asked(run, place, what)
    if (what.kind === 'lane' || what.kind === 'batch') asked.taken = this.takenBy(run, what.spec)
    run.handle = asked
    this.queue.push(asked)
  }

  private effectOf(run: NodeRun): Effect {
    switch (run.kind) {
      case 'invoke':
        return { kind: 'invoke', body: bodyValue(run) }
      case 'publish': {
        const { channel, sees } = run.node.plan as PlanEventNode
        return { kind: 'publish', channel, event: cloudEventOf(run, this.flow.start.id), ...(sees === undefined ? {} : { sees }) }
      }
      case 'child': {
        const { flow, wait } = run.node.plan as PlanSubflowNode
        if (this.depth >= MAX_DEPTH) {
          throw new NodeError(
            'SubflowDepthExceeded',
            `flow ${flow} would run at depth ${this.depth + 1}; at most ${MAX_DEPTH} are allowed below the first`,
          )
        }
        return { kind: 'child', flow, wait, node: lineageOf(run), input: copyJson(bodyValue(run), PAYLOAD_LIMIT) }
      }
      default:
        return rangeOf(run)
    }
  }

  /** What of a carried-over loop lies in a range of it. */
  private takenBy(run: NodeRun, { from, items }: RangeSpec): Taken | null {
    const { carried } = this.flow
    if (carried === null) return null
    const loop = lineageOf(run.scope.parent as NodeRun)
    let byIndex = this.carriedIn.get(loop)
    if (byIndex === undefined) {
      byIndex = new Map()
      for (const entry of carried) {
        if (!entry[0].startsWith(`${loop}[`)) continue
        const index = Number.parseInt(entry[0].slice(loop.length + 1), 10)
        const some = byIndex.get(index)
        if (some === undefined) byIndex.set(index, [entry])
        else some.push(entry)
      }
      this.carriedIn.set(loop, byIndex)
    }
    const own: (readonly [string, Carried])[] = []
    for (let index = from; index < from + items.length; index++) own.push(...(byIndex.get(index) ?? []))
    return own.length === 0 ? null : { carried: own }
  }

  /** Sends what is asked for, as far as that goes. */
  private pump(): void {
    if (this.busy || this.flow.status !== 'running') return
    while (!this.draining && this.queueAt < this.queue.length && this.underWay < OUTSTANDING_LIMIT) {
      const asked = this.queue[this.queueAt++] as Asked
      if (asked.deaf) continue
      asked.sent = true
      this.underWay += 1
      if (isLasting(asked)) this.lasting += 1
      this.port.send(asked)
    }
    if (this.queueAt === this.queue.length && this.queueAt > 0) {
      this.queue = []
      this.queueAt = 0
    }
    if (this.draining && this.underWay === 0) this.port.drained()
  }

  /** False if it was settled or withdrawn before (D2). */
  private settle(asked: Asked): boolean {
    if (asked.deaf) return false
    asked.deaf = true
    if (asked.sent) {
      this.underWay -= 1
      if (isLasting(asked)) this.lasting -= 1
    }
    return true
  }

  private withdraw(asked: Asked): void {
    if (this.settle(asked) && asked.sent) this.port.cancel(asked)
  }

  private setTimer(timer: Timer): void {
    const timers = this.timers.get(timer.due)
    if (timers !== undefined) {
      timers.add(timer)
      return
    }
    this.timers.set(timer.due, new Set([timer]))
    const put = this.instants.add(timer.due)
    if (put.off !== undefined) this.port.clearTimer(put.off)
    if (put.on) this.port.setTimer(timer.due, timer)
  }

  private clearTimer(timer: Timer): void {
    const timers = this.timers.get(timer.due)
    if (timers?.delete(timer) !== true || timers.size > 0) return
    this.timers.delete(timer.due)
    if (this.instants.isOn(timer.due)) this.port.clearTimer(timer.due)
    this.dropInstant(timer.due)
  }

  /** An instant is past or nobody's; the next of those that wait for a timer gets one. */
  private dropInstant(due: number): void {
    const next = this.instants.remove(due)
    if (next === undefined) return
    const [first] = this.timers.get(next) as Set<Timer>
    this.port.setTimer(next, first as Timer)
  }
}

const NOTHING: Effect = { kind: 'invoke', body: null }

function isLasting({ what, run }: Asked): boolean {
  if (what.kind === 'child') return what.wait
  return what.kind === 'lane' || (what.kind === 'invoke' && (run.node.plan as PlanFunctionNode).invoke === 'async')
}

export function placeOfTimer({ run }: Timer): string {
  return run === null ? '' : placeOf(run)
}

/** What keeps an effect from being asked for, as the outcome of its node. */
function documentOf(run: NodeRun, error: unknown): ErrorDocument {
  const document = bareDocumentOf(error)
  return run.kind === 'child' ? startError(document) : document
}

function bareDocumentOf(error: unknown): ErrorDocument {
  if (error instanceof NodeError) return error.document
  if (error instanceof JsonCopyError) {
    return error.reason === 'too-deep'
      ? { status: ENGINE_ERRORS.PayloadTooDeep, errorType: 'PayloadTooDeep', errorMessage: error.message }
      : { status: 406, errorType: 'PayloadTooLarge', errorMessage: error.message }
  }
  return { status: 500, errorType: 'InternalError', errorMessage: error instanceof Error ? error.message : String(error) }
}
