import { lineageOf } from '../dsl/core/place.ts'
import type { NodeRun, Recorder, RunStatus } from '../dsl/core/state.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'

/** Watches a loop while it is folded, for another recorder: how many iterations it has. */
export class LoopView implements Recorder {
  /** Iterations of the loop; 0 where it has not begun, or was taken over whole. */
  total = 0
  private readonly loop: string
  private readonly inner: Recorder

  constructor(loop: string, inner: Recorder) {
    this.loop = loop
    this.inner = inner
  }

  started(run: NodeRun): void {
    this.inner.started(run)
  }

  changed(run: NodeRun): void {
    this.look(run)
    this.inner.changed(run)
  }

  ended(run: NodeRun, status: RunStatus, value: Json | ErrorDocument | undefined): void {
    this.look(run)
    this.inner.ended(run, status, value)
  }

  iterationEnded(run: NodeRun, index: number, ok: boolean): void {
    this.look(run)
    this.inner.iterationEnded(run, index, ok)
  }

  /** What the core tells nothing of: to be called for what is outstanding when all is folded. */
  look(run: NodeRun): void {
    if (run.node.plan.type !== 'loop' || run.memory === null || lineageOf(run) !== this.loop) return
    this.total = (run.memory as { readonly count: number }).count
  }
}
