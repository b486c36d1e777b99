import type { NodeRun, Recorder, RunStatus } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import { awaitsCallback } from '../../dsl/nodes/callback.ts'
import type { NodeRecord } from '../api.ts'
import { NodeView } from '../view.ts'

/** What has changed since it was last taken, and at which position: the number of the core's events so far. */
export class News implements Recorder {
  /** Where the fold is; asked with every change. */
  position: () => number = () => 0
  private readonly changed_ = new Map<NodeRecord, number>()
  private readonly waiting = new Map<NodeRun, number>()
  private readonly view = new NodeView({ onChange: (record) => this.changed_.set(record, this.position()) })

  started(run: NodeRun): void {
    this.view.started(run)
  }
  changed(run: NodeRun): void {
    this.view.changed(run)
    if (run.node.plan.type === 'callback' && run.status === 'waiting') this.waiting.set(run, this.position())
  }
  ended(run: NodeRun, status: RunStatus, value: Json | ErrorDocument | undefined): void {
    this.waiting.delete(run)
    this.view.ended(run, status, value)
  }
  iterationEnded(run: NodeRun, index: number, ok: boolean): void {
    this.view.iterationEnded(run, index, ok)
  }

  /** Copies of what changed behind a position: the records go on changing. What changed before it is known. */
  take(after: number): { readonly nodes: NodeRecord[]; readonly waiting: NodeRun[] } {
    const nodes = behind(this.changed_, after).map((record) => ({
      ...record,
      ...(record.iterations === undefined ? {} : { iterations: { ...record.iterations } }),
    }))
    return { nodes, waiting: behind(this.waiting, after).filter(awaitsCallback) }
  }
}

function behind<Key>(changes: Map<Key, number>, after: number): Key[] {
  const keys = [...changes].flatMap(([key, position]) => (position > after ? [key] : []))
  changes.clear()
  return keys
}
