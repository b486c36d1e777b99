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
import { EVENT } from './schema.ts'

/**
 * Follows an execution: the state so far, then every change, until it has ended. `id` of an event is the journal's position; with `after`
 * only what came behind it, or the whole state if the journal has no such position. Events are read from the store when they are wanted:
 * a slow consumer costs no memory, and sees several changes of a node as one.
 */
export async function* followExecution(
  host: EmbeddedHost,
  id: string,
  { after = -1, signal }: { readonly after?: number; readonly signal?: AbortSignal },
): AsyncGenerator<ExecutionEvent, void, undefined> {
  let news = true
  let failure: EngineError | null = null
  let wake: (() => void) | null = null
  const notify = (): void => {
    wake?.()
    wake = null
  }
  const unfollow = host.follow(id, {
    event() {
      news = true
      notify()
    },
    failed(error) {
      failure = error
      notify()
    },
  })
  signal?.addEventListener('abort', notify)
  try {
    const row = await host.journal.read(() => host.reader.row(id))
    const { deployed, start } = host.startOf(row)
    const changes = new Changes()
    const folder = new Folder(deployed.prepared, start, changes)
    const last = await host.journal.read(() =>
      host.store.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM events WHERE execution = ?', row.key),
    )
    const known = after <= (last?.seq ?? 0) ? after : -1
    let caughtUp = known < 0
    for (;;) {
      while (!news && failure === null && signal?.aborted !== true) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      if (failure !== null) throw failure as EngineError
      if (signal?.aborted === true) return
      news = false
      await host.journal.read(() => {
        for (const event of host.store.events(row.key, folder.seq)) {
          if (!caughtUp && event.seq > known) {
            if (event.kind !== EVENT.carry && event.kind !== EVENT.replace) folder.begin()
            changes.forget()
            caughtUp = true
          }
          folder.take(event)
        }
        folder.begin()
        if (!caughtUp) changes.forget()
        caughtUp = true
      })
      const position = folder.seq
      for (const node of changes.take()) yield { id: position, type: 'node', node }
      for (const run of changes.takeWaiting()) {
        const { token, url } = start.callbackAt(placeOf(run))
        yield { id: position, type: 'callback', execution: id, node: run.node.id, token, url }
      }
      if (folder.flow.status !== 'running') {
        const execution = await host.journal.read(() => host.reader.record(id, true))
        yield { id: position, type: 'execution', execution }
        return
      }
    }
  } finally {
    unfollow()
    signal?.removeEventListener('abort', notify)
  }
}

/** The records that changed since they were last taken. */
export class Changes implements Recorder {
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
  /** What was changed so far is known already. */
  forget(): void {
    this.changed_.clear()
    this.waiting.clear()
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
