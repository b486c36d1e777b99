import { placeOf } from '../../dsl/core/place.ts'
import type { NodeRun, Recorder, RunStatus } from '../../dsl/core/state.ts'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import { awaitsCallback } from '../../dsl/nodes/callback.ts'
import type { ExecutionEvent, NodeRecord } from '../api.ts'
import type { EngineError } from '../errors.ts'
import { NodeView } from '../view.ts'
import type { EmbeddedHost } from './embedded-host.ts'
import { Folder } from './fold.ts'
import type { EventRow } from './store.ts'

/** Follows an execution: the state so far, then every change, until it has ended. `id` of an event is the journal's position. */
export async function* followExecution(
  host: EmbeddedHost,
  id: string,
  { after = -1, signal }: { readonly after?: number; readonly signal?: AbortSignal },
): AsyncGenerator<ExecutionEvent, void, undefined> {
  await host.journal.settled()
  const row = host.reader.row(id)
  const { deployed, start } = host.startOf(row)
  const changes = new Changes()
  const folder = new Folder(deployed.prepared, start, changes)
  const queue: EventRow[] = []
  let failure: EngineError | null = null
  let wake: (() => void) | null = null
  const signalOne = (): void => {
    wake?.()
    wake = null
  }
  const unfollow = host.follow(id, {
    event(event) {
      queue.push(event)
      signalOne()
    },
    failed(error) {
      failure = error
      signalOne()
    },
  })
  signal?.addEventListener('abort', signalOne)
  try {
    for (const event of host.store.events(row.key)) folder.take(event)
    folder.begin()
    for (;;) {
      const position = folder.seq
      if (position > after) {
        for (const node of changes.take()) yield { id: position, type: 'node', node }
        for (const run of changes.takeWaiting()) {
          const { token, url } = start.callbackAt(placeOf(run))
          yield { id: position, type: 'callback', execution: id, node: run.node.id, token, url }
        }
      } else changes.take()
      if (folder.flow.status !== 'running') {
        yield { id: position, type: 'execution', execution: host.reader.record(id, true) }
        return
      }
      while (queue.length === 0) {
        if (failure !== null) throw failure as EngineError
        if (signal?.aborted === true) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      for (const event of queue.splice(0)) if (event.seq > folder.seq) folder.take(event)
    }
  } finally {
    unfollow()
    signal?.removeEventListener('abort', signalOne)
  }
}

/** The records that changed since they were last taken. */
class Changes implements Recorder {
  private readonly changed_ = new Set<NodeRecord>()
  private readonly waiting = new Set<NodeRun>()
  private readonly view = new NodeView({ onChange: (record) => this.changed_.add(record) })

  started(run: NodeRun): void {
    this.view.started(run)
  }
  changed(run: NodeRun): void {
    this.view.changed(run)
    if (run.node.plan.type === 'callback' && run.status === 'waiting') this.waiting.add(run)
  }
  ended(run: NodeRun, status: RunStatus, value: Json | ErrorDocument | undefined): void {
    this.waiting.delete(run)
    this.view.ended(run, status, value)
  }
  iterationEnded(run: NodeRun, index: number, ok: boolean): void {
    this.view.iterationEnded(run, index, ok)
  }
  /** Copies: the records go on changing. */
  take(): NodeRecord[] {
    const records = [...this.changed_].map((record) => ({
      ...record,
      ...(record.iterations === undefined ? {} : { iterations: { ...record.iterations } }),
    }))
    this.changed_.clear()
    return records
  }
  takeWaiting(): NodeRun[] {
    const runs = [...this.waiting].filter(awaitsCallback)
    this.waiting.clear()
    return runs
  }
}
