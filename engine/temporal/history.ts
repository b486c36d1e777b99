/**
 * The history fold: an execution's state from Temporal's event history, without a worker. It drives the same driver as the workflow does, with
 * the same events in the same order and at the same times; what the driver asks for is only noted, as the history has what came of it.
 *
 * The order is that of a worker's activations: what had come in when a workflow task was started is taken when that task is completed, signals
 * first, at the time of the task's start.
 */
import type { temporal } from '@temporalio/proto'
import type { PreparedPlan } from '../../dsl/core/prepare.ts'
import type { RangeSpec } from '../../dsl/core/range.ts'
import type { FlowStart, Recorder } from '../../dsl/core/state.ts'
import type { Json } from '../../dsl/json.ts'
import { Driver, type Asked, type Port } from '../../workflows/driver.ts'
import { laneId, resolveId, shortId } from '../../workflows/protocol/ids.ts'
import {
  childNotStarted,
  documentOf,
  existsAlready,
  flowNotFound,
  callbackMarks,
  type SeenFailure,
} from '../../workflows/protocol/outcomes.ts'
import {
  callbackSignalOf,
  LANE_TYPE,
  SIGNAL_CALLBACK,
  type ExpressResult,
  type StartInfo,
  type Taken,
} from '../../workflows/protocol/shapes.ts'
import { derivedId } from '../ids.ts'
import type { PayloadReader } from './payloads.ts'

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent
type Failure = temporal.api.failure.v1.IFailure
type Timestamp = { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined

/** What the fold needs of its surroundings. */
export interface FoldServices {
  readonly payloads: PayloadReader
  /** The plan of a hash, ready to run; rejects where it is gone. */
  prepared(hash: string): Promise<PreparedPlan>
}

/** How a run ended; undefined while it runs. */
export type RunEnd = 'completed' | 'failed' | 'canceled' | 'terminated' | 'timedOut' | 'continued'

export class HistoryFold {
  /** These are there behind the first event. */
  info!: StartInfo
  input: Json = null
  driver!: Driver
  end: RunEnd | undefined
  /** Epoch ms; of the closing event. */
  endedAt: number | undefined
  runId = ''
  /** Epoch ms; of a lane that continued as new its first run's. */
  beganAt = 0
  /** Where a continued run goes on. */
  nextRunId: string | undefined
  private readonly services: FoldServices
  private readonly recorder: Recorder | undefined
  private taken: Taken = {}
  private range: RangeSpec | undefined
  private begun = false
  private readonly asked = new Map<string, Asked>()
  /** By the id of the activity that looks up a subflow's flow. */
  private readonly resolves = new Map<string, Asked>()
  private readonly resolving = new Map<string, Asked>()
  /** By the number of the event that scheduled or initiated. */
  private readonly activities = new Map<string, Asked>()
  private readonly children = new Map<string, Asked>()
  private readonly timers = new Map<string, number>()
  /** What has come in and no workflow task has taken. */
  private signals: ((now: number) => void)[] = []
  private others: ((now: number) => void)[] = []
  private task: { readonly time: number; readonly signals: ((now: number) => void)[]; readonly others: ((now: number) => void)[] } | null =
    null

  constructor(services: FoldServices, recorder?: Recorder) {
    this.services = services
    this.recorder = recorder
  }

  /** Takes the events of a run in their order. Rejects where a payload or the plan cannot be had. */
  async take(event: HistoryEvent): Promise<void> {
    const time = ms(event.eventTime)
    const id = String(event.eventId)
    if (event.workflowExecutionStartedEventAttributes) return this.started(event.workflowExecutionStartedEventAttributes, time)
    if (event.workflowTaskStartedEventAttributes) {
      this.task = { time, signals: this.signals, others: this.others }
      this.signals = []
      this.others = []
    } else if (event.workflowTaskCompletedEventAttributes) this.taskCompleted()
    else if (event.workflowTaskFailedEventAttributes || event.workflowTaskTimedOutEventAttributes) this.taskLost()
    else if (event.activityTaskScheduledEventAttributes) {
      const { activityId } = event.activityTaskScheduledEventAttributes
      const resolving = this.resolves.get(activityId ?? '')
      if (resolving !== undefined) this.resolving.set(id, resolving)
      else this.schedule(this.activities, id, activityId)
    } else if (event.startChildWorkflowExecutionInitiatedEventAttributes) {
      const { workflowId } = event.startChildWorkflowExecutionInitiatedEventAttributes
      this.schedule(this.children, id, workflowId)
    } else if (event.timerStartedEventAttributes) await this.timerStarted(event)
    else if (!this.closed(event, time)) await this.outcome(event)
  }

  /** @internal Something was asked for: by its id the history will speak of it. */
  note(asked: Asked): void {
    const { place, what } = asked
    const { id } = this.info
    if (what.kind === 'lane') this.asked.set(laneId(id, place), asked)
    else {
      this.asked.set(shortId(place), asked)
      if (what.kind === 'child') {
        this.asked.set(derivedId('child', id, place), asked)
        this.resolves.set(resolveId(place), asked)
      }
    }
  }

  private async started(attributes: temporal.api.history.v1.IWorkflowExecutionStartedEventAttributes, time: number): Promise<void> {
    const args = await this.services.payloads.all(attributes.input)
    this.info = args[0] as StartInfo
    this.input = args[2] as Json
    const isLane = attributes.workflowType?.name === LANE_TYPE
    this.range = isLane ? { beganAt: time, ...(args[3] as RangeSpec) } : undefined
    this.beganAt = this.range?.beganAt ?? time
    this.taken = (args[isLane ? 4 : 3] ?? {}) as Taken
    this.runId = attributes.originalExecutionRunId ?? ''
    const { id, version, trigger, hash, hints, depth } = this.info
    const startedAt = this.info.startedAt ?? time
    const start: FlowStart = { id, input: this.input, startedAt, version, trigger, callbackAt: callbackMarks }
    const options = { hints, depth, ...(this.recorder === undefined ? {} : { recorder: this.recorder }) }
    this.driver = new Driver(await this.services.prepared(hash), start, portOf(this), options)
  }

  /** Begins, if no workflow task has; then the state is that of the start. */
  begin(): void {
    if (this.begun) return
    this.begun = true
    this.driver.begin(this.taken, this.range)
  }

  private taskCompleted(): void {
    this.begin()
    const { task } = this
    this.task = null
    if (task === null) return
    for (const take of [...task.signals, ...task.others]) take(task.time)
  }

  /** What it had taken goes to the next one. */
  private taskLost(): void {
    if (this.task === null) return
    this.signals = [...this.task.signals, ...this.signals]
    this.others = [...this.task.others, ...this.others]
    this.task = null
  }

  private schedule(into: Map<string, Asked>, event: string, id: string | null | undefined): void {
    const asked = this.asked.get(id ?? '')
    if (asked !== undefined) into.set(event, asked)
  }

  private async timerStarted(event: HistoryEvent): Promise<void> {
    const { timerId } = event.timerStartedEventAttributes as { timerId?: string | null }
    const summary = event.userMetadata?.summary
    if (timerId == null || summary == null) return
    const text = String(await this.services.payloads.first({ payloads: [summary] }))
    const due = Date.parse(text.slice(text.lastIndexOf('| ') + 2))
    if (Number.isFinite(due)) this.timers.set(timerId, due)
  }

  /** What has come of something. */
  private async outcome(event: HistoryEvent): Promise<void> {
    const { payloads } = this.services
    const activity = (of: { scheduledEventId?: unknown }): Asked | undefined => this.activities.get(String(of.scheduledEventId))
    const child = (of: { initiatedEventId?: unknown }): Asked | undefined => this.children.get(String(of.initiatedEventId))
    const fail = (asked: Asked | undefined, failure: SeenFailure): void =>
      this.settled(asked, false, documentOf(failure) as unknown as Json)

    if (event.activityTaskCompletedEventAttributes) {
      const resolving = this.resolving.get(String(event.activityTaskCompletedEventAttributes.scheduledEventId))
      if (resolving !== undefined) {
        const found = await payloads.first(event.activityTaskCompletedEventAttributes.result)
        if (found === null && resolving.what.kind === 'child')
          this.settled(resolving, false, flowNotFound(resolving.what.flow) as unknown as Json)
        return
      }
      const asked = activity(event.activityTaskCompletedEventAttributes)
      if (asked === undefined || asked.deaf) return
      const result = ((await payloads.first(event.activityTaskCompletedEventAttributes.result)) ?? null) as Json
      if (asked.what.kind !== 'child') return this.settled(asked, true, result)
      const { ok, value } = result as unknown as ExpressResult
      return this.settled(asked, ok, value as Json)
    }
    if (event.activityTaskFailedEventAttributes) {
      const { failure } = event.activityTaskFailedEventAttributes
      const resolving = this.resolving.get(String(event.activityTaskFailedEventAttributes.scheduledEventId))
      if (resolving !== undefined)
        return this.settled(
          resolving,
          false,
          childNotStarted(documentOf(await seenFailure(failure, payloads)).errorMessage) as unknown as Json,
        )
      return fail(activity(event.activityTaskFailedEventAttributes), await seenFailure(failure, payloads))
    }
    if (event.activityTaskTimedOutEventAttributes) {
      const { failure } = event.activityTaskTimedOutEventAttributes
      return fail(activity(event.activityTaskTimedOutEventAttributes), { kind: 'timeout', message: failure?.message ?? '' })
    }
    if (event.activityTaskCanceledEventAttributes)
      return fail(activity(event.activityTaskCanceledEventAttributes), { kind: 'cancelled', message: '' })
    if (event.timerFiredEventAttributes) {
      const due = this.timers.get(event.timerFiredEventAttributes.timerId ?? '')
      if (due !== undefined) this.others.push((now) => this.driver.due(due, now))
      return
    }
    if (event.childWorkflowExecutionStartedEventAttributes) {
      const { workflowExecution } = event.childWorkflowExecutionStartedEventAttributes
      const asked = child(event.childWorkflowExecutionStartedEventAttributes)
      if (asked?.what.kind === 'child' && !asked.what.wait) this.settled(asked, true, { executionId: workflowExecution?.workflowId ?? '' })
      return
    }
    if (event.startChildWorkflowExecutionFailedEventAttributes) {
      const { workflowId } = event.startChildWorkflowExecutionFailedEventAttributes
      const document = childNotStarted(existsAlready(workflowId ?? ''))
      return this.settled(child(event.startChildWorkflowExecutionFailedEventAttributes), false, document as unknown as Json)
    }
    if (event.childWorkflowExecutionCompletedEventAttributes) {
      const asked = child(event.childWorkflowExecutionCompletedEventAttributes)
      if (asked === undefined || asked.deaf) return
      return this.settled(
        asked,
        true,
        ((await payloads.first(event.childWorkflowExecutionCompletedEventAttributes.result)) ?? null) as Json,
      )
    }
    if (event.childWorkflowExecutionFailedEventAttributes) {
      const { failure } = event.childWorkflowExecutionFailedEventAttributes
      return fail(child(event.childWorkflowExecutionFailedEventAttributes), await seenFailure(failure, payloads))
    }
    if (event.childWorkflowExecutionCanceledEventAttributes)
      return fail(child(event.childWorkflowExecutionCanceledEventAttributes), { kind: 'cancelled', message: '' })
    if (event.childWorkflowExecutionTimedOutEventAttributes)
      return fail(child(event.childWorkflowExecutionTimedOutEventAttributes), { kind: 'timeout', message: '' })
    if (event.childWorkflowExecutionTerminatedEventAttributes)
      return fail(child(event.childWorkflowExecutionTerminatedEventAttributes), { kind: 'terminated', message: '' })
    if (event.workflowExecutionSignaledEventAttributes) {
      const { signalName, input } = event.workflowExecutionSignaledEventAttributes
      if (signalName !== SIGNAL_CALLBACK) return
      const answer = callbackSignalOf(await payloads.first(input))
      if (answer !== undefined) this.signals.push((now) => this.driver.called(answer.place, answer.ok, answer.value, now))
    }
    if (event.workflowExecutionCancelRequestedEventAttributes) this.others.push((now) => this.driver.stop(now))
  }

  private settled(asked: Asked | undefined, ok: boolean, value: Json): void {
    if (asked !== undefined) this.others.push((now) => this.driver.ended(asked, ok, value, now))
  }

  private closed(event: HistoryEvent, time: number): boolean {
    const end: RunEnd | undefined = event.workflowExecutionCompletedEventAttributes
      ? 'completed'
      : event.workflowExecutionFailedEventAttributes
        ? 'failed'
        : event.workflowExecutionCanceledEventAttributes
          ? 'canceled'
          : event.workflowExecutionTerminatedEventAttributes
            ? 'terminated'
            : event.workflowExecutionTimedOutEventAttributes
              ? 'timedOut'
              : event.workflowExecutionContinuedAsNewEventAttributes
                ? 'continued'
                : undefined
    if (end === undefined) return false
    this.end = end
    this.endedAt = time
    this.nextRunId = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined
    return true
  }
}

/** What a failure of Temporal's is, without its wrapping. */
export async function seenFailure(failure: Failure | null | undefined, payloads: PayloadReader): Promise<SeenFailure> {
  const at = failure?.activityFailureInfo || failure?.childWorkflowExecutionFailureInfo ? (failure.cause ?? failure) : failure
  const message = at?.message ?? ''
  if (at?.applicationFailureInfo) return { kind: 'application', message, detail: await payloads.first(at.applicationFailureInfo.details) }
  if (at?.canceledFailureInfo) return { kind: 'cancelled', message }
  if (at?.timeoutFailureInfo) return { kind: 'timeout', message }
  if (at?.terminatedFailureInfo) return { kind: 'terminated', message }
  return { kind: 'other', message }
}

/** Notes what is asked for. The history has the rest: cleared timers do not fire, and to what is cancelled the driver itself is deaf. */
function portOf(fold: HistoryFold): Port {
  const nothing = (): void => undefined
  return { send: (asked) => fold.note(asked), cancel: nothing, setTimer: nothing, clearTimer: nothing, end: nothing, drained: nothing }
}

/** Epoch ms of a protobuf timestamp, as the SDK rounds it. */
export function ms(time: Timestamp): number {
  return time == null ? 0 : Number(time.seconds) * 1000 + Math.floor((time.nanos ?? 0) / 1_000_000)
}
