import type { ErrorDocument } from '../errors.ts'
import type { Json } from '../json.ts'
import type { CompiledExpression } from '../expressions.ts'
import type { PreparedNode } from './prepare.ts'
import type { Effect, NodeRun, RangeChoice, TimerPurpose } from './state.ts'

/** What a step may ask of the core. One object serves all executions; the state is in the runs. */
export interface Core {
  /** Issues the run's effect; its outcome arrives as `ok` or `failed`. */
  effect(run: NodeRun, effect: Effect): void
  /** Sets the run's timer; it replaces the one set before. */
  timer(run: NodeRun, purpose: TimerPurpose, due: number): void
  clearTimer(run: NodeRun): void
  /** Time of the event at hand, epoch ms. */
  now(run: NodeRun): number
  /** Waits for something other than an effect (a timer, a callback, a child): shown as `waiting`. */
  waiting(run: NodeRun): void
  /** The run has produced its output: filter, error node, `next` follow. */
  complete(run: NodeRun, output: Json): void
  /** As `complete`, with the way that the path takes chosen by the step. */
  completeTo(run: NodeRun, output: Json, next: PreparedNode | null): void
  fail(run: NodeRun, error: ErrorDocument): void
  /** Starts a child path. It may end, and with it the run, before this returns. */
  spawn(run: NodeRun, index: number, start: PreparedNode, input: Json, join: PreparedNode | null): void
  /** Cancels the children that still run. */
  cancelChildren(run: NodeRun): void
  isTrue(run: NodeRun, expression: CompiledExpression, data: Json): boolean
  iterationEnded(run: NodeRun, index: number, ok: boolean): void
  /** How the loop's iterations are dealt out; null: they are run here. */
  ranges(run: NodeRun, count: number): RangeChoice | null
  /** The flow is a range of a loop, and that has ended. */
  rangeEnded(run: NodeRun, ok: boolean, value: Json): void
}
