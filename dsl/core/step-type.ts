import type { ErrorDocument } from '../errors.ts'
import type { Json } from '../json.ts'
import type { PrepareContext } from './prepare.ts'
import type { NodeRun, TimerPurpose } from './state.ts'
import type { Core } from './core.ts'

/** The run-time half of a node kind. A step asks the core and returns; it never waits. */
export interface Step {
  /** It puts its output together of others' values: the size is checked. */
  readonly builds?: boolean
  /** Closures of one node, found again as `run.node.detail`. */
  prepare?(plan: never, context: PrepareContext): unknown
  /** The input is filtered; may throw a NodeError, which fails the run. */
  start(run: NodeRun, core: Core): void
  /** The effect succeeded. Default: its result completes the run. */
  ok?(run: NodeRun, core: Core, result: Json): void
  /** The effect failed. Default: the error fails the run. */
  failed?(run: NodeRun, core: Core, error: ErrorDocument): void
  timer?(run: NodeRun, core: Core, purpose: TimerPurpose): void
  called?(run: NodeRun, core: Core, ok: boolean, value: Json): void
  /** A child's path has ended; of a failed one `value` is the error document. */
  childEnded?(run: NodeRun, core: Core, index: number, ok: boolean, value: Json): void
}
