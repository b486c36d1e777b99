/**
 * The state of one execution, as the core sees it.
 *
 * Ownership: a {@link Flow} owns a tree. A {@link Scope} is one sequential path (the whole flow, a branch, an iteration, the inside of a
 * service) and has at most one active {@link NodeRun}; a container's run owns the scopes of its children. Only the functions of this
 * folder and the steps of the node kinds change it.
 *
 * Invariants, cited by comments and tests:
 * - I1. A scope has at most one active run, `scope.current`.
 * - I2. An active run is waiting for something: an effect, a timer, a callback or its children. Else it has ended.
 * - I3. An event for a run that does not wait for it changes nothing.
 * - I4. Values are immutable: whatever enters the state was copied at the border, and nothing in it is ever written to.
 * - I5. The state is a function of the plan, the start and the events: no clock, no randomness.
 */
import type { ErrorDocument } from '../errors.ts'
import type { Json } from '../json.ts'
import type { PreparedNode, PreparedPlan } from './prepare.ts'

/** What an execution was started with. */
export interface FlowStart {
  /** May be a getter: an id that nobody asks for need not be made. */
  readonly id: string
  readonly input: Json
  /** Epoch ms. */
  readonly startedAt: number
  readonly version: string
  readonly trigger: { readonly type: string; readonly name?: string; readonly event?: Json } | undefined
  /** The token and URL of a callback, derived from the place alone, so that every delivery carries the same. */
  callbackAt(place: string): { readonly token: string; readonly url: string }
}

export type FlowStatus = 'running' | 'succeeded' | 'failed' | 'cancelled' | 'timedOut'
export type RunStatus = 'running' | 'retrying' | 'waiting' | 'succeeded' | 'failed' | 'caught' | 'cancelled'
/** What a run has outside of the core. `range`: iterations of a loop that the host has others do (dsl/core/range.ts). */
export type Effect = 'invoke' | 'publish' | 'child' | 'range'
export type TimerPurpose = 'wait' | 'retry' | 'timeout' | 'interval' | 'flow'

/** A timer, set or to be set; identified by the place of its run and its purpose. */
export class Timer {
  readonly kind = 'timer'
  /** Null: the execution's own. */
  readonly run: NodeRun | null
  readonly purpose: TimerPurpose
  /** Epoch ms. */
  readonly due: number
  /** The host's own. */
  handle: unknown = null
  constructor(run: NodeRun | null, purpose: TimerPurpose, due: number) {
    this.run = run
    this.purpose = purpose
    this.due = due
  }
}

/** What the host has to do. A run stands for its effect. */
export type Command =
  | NodeRun
  | Timer
  /** Give up the effect of a run: its outcome no longer counts. */
  | { readonly kind: 'cancel'; readonly run: NodeRun; readonly effect: Effect; readonly attempt: number }
  | { readonly kind: 'clear'; readonly timer: Timer }
  | { readonly kind: 'end' }

/** What was taken over from an earlier execution at one lineage. */
export interface Carried {
  readonly output: Json
  readonly status: 'succeeded' | 'caught'
  readonly attempts: number
  /** Where the path went on, if not to the node's `next`. */
  readonly next?: string
}

/** How a loop's iterations are dealt out in ranges, instead of being run one by one here. */
export interface RangeChoice {
  /** A workflow of its own for each range, or one call that comes back with the results. */
  readonly kind: 'lane' | 'batch'
  /** Iterations of one range. */
  readonly size: number
  /** Ranges at one time. */
  readonly width: number
  /** Iterations of one range at one time; 0: no limit. */
  readonly concurrency: number
}

/** Decides for one run of a loop; null: run it here. Must follow from plan, start and count alone (I5). */
export type RangePolicy = (run: NodeRun, count: number) => RangeChoice | null

/** Told of every change; builds views and streams. It must not change the state. */
export interface Recorder {
  started(run: NodeRun): void
  changed(run: NodeRun): void
  /** Of a failed run `value` is the error document. */
  ended(run: NodeRun, status: RunStatus, value: Json | ErrorDocument | undefined): void
  iterationEnded(run: NodeRun, index: number, ok: boolean): void
}

/** One sequential path. */
export class Scope {
  readonly flow: Flow
  readonly parent: NodeRun | null
  /** Branch or iteration; 0 at the root. */
  readonly index: number
  /** Where the path ends although the graph goes on. */
  readonly join: PreparedNode | null
  current: NodeRun | null = null
  /** A loop of the core is going along this path: the next node is handed to it. */
  entering = false
  ahead: PreparedNode | null = null
  arriving: Json = null
  /** Outputs that some `$$.nodes` path may ask for. */
  outputs: Map<string, Json> | null = null
  constructor(flow: Flow, parent: NodeRun | null, index: number, join: PreparedNode | null) {
    this.flow = flow
    this.parent = parent
    this.index = index
    this.join = join
  }
}

/** One run of one node at one place: the command for its effect, the host's handle and the source of its record. */
export class NodeRun {
  /** The effect that is outstanding or to be issued; null: none. As a command, what to do. */
  kind: Effect | null = null
  readonly scope: Scope
  readonly node: PreparedNode
  /** What came from the node before. */
  readonly arrived: Json
  /** Behind the input filter. */
  input: Json = null
  /** From 1; of a container its run number. */
  attempt = 1
  /** Effects issued, over all attempts. */
  invocations = 0
  active = true
  status: RunStatus = 'running'
  timer: Timer | null = null
  /** Of a container: the active ones, by index. */
  children: Map<number, Scope> | null = null
  /** What the step of the kind keeps between its events. */
  memory: unknown = null
  /** Where the path went on from here; null: it ended, or the run has not. */
  to: PreparedNode | null = null
  /** The host's own. */
  handle: unknown = null
  /** The time of the event that it began with; -1: it was not begun here. */
  startedAt = -1
  constructor(scope: Scope, node: PreparedNode, arrived: Json) {
    this.scope = scope
    this.node = node
    this.arrived = arrived
  }
}

/** One execution. */
export class Flow {
  readonly prepared: PreparedPlan
  readonly start: FlowStart
  readonly root: Scope
  recorder: Recorder | null = null
  status: FlowStatus = 'running'
  output: Json = null
  error: ErrorDocument | null = null
  /** The time of the event at hand; the only time there is. */
  now = 0
  /** Commands of the step at hand, in order; only the first `commandCount` count. Never shrunk: a fresh array per step is measurable. */
  readonly commands: Command[] = []
  commandCount = 0
  timer: Timer | null = null
  carried: Map<string, Carried> | null = null
  /** Inputs put in place of what arrives, by lineage (rerun). */
  replaced: Map<string, Json> | null = null
  /** Set by hosts that deal out large loops; null: every iteration runs here. */
  ranges: RangePolicy | null = null
  command(command: Command): void {
    this.commands[this.commandCount++] = command
  }

  constructor(prepared: PreparedPlan, start: FlowStart) {
    this.prepared = prepared
    this.start = start
    this.now = start.startedAt
    this.root = new Scope(this, null, 0, null)
  }
}
