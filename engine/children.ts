import type { NodeRun } from '../dsl/core/state.ts'
import type { Json } from '../dsl/json.ts'

/** A child that a `subflow` node asks for. */
export interface ChildRequest {
  /** `name` or `name:version-or-alias`. */
  readonly flow: string
  readonly wait: boolean
  /** Derived from the parent's id and the place of the attempt: asking again finds the same child. */
  readonly id: string
  /** Asked for before, by a process that died: it may be there. */
  readonly again?: boolean
  readonly depth: number
  readonly traceparent?: string
  /** `place` only of durable parents: a durable child reports to it, whoever holds the parent by then. */
  readonly parent: { readonly execution: string; readonly node: string; readonly place?: string }
}

export interface RunningChild {
  /** Stops a child that is waited for; one that is not lives on. */
  stop(): void
  /** Forgets a child that only lives in memory: it will be started again under its id. */
  abandon(): void
}

/** Starts children of any mode for parents of any mode. */
export interface ChildLauncher {
  /**
   * `ended` gets the outcome of a child that is waited for, the id of one that is not, or why it was not started.
   * `detached` is called instead when a durable child runs that will report to its durable parent by place.
   */
  launch(run: NodeRun, request: ChildRequest, ended: (ok: boolean, value: Json) => void, detached: () => void): RunningChild
}
