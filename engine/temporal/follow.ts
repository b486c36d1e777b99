import { placeOf } from '../../dsl/core/place.ts'
import type { ExecutionEvent } from '../api.ts'
import { Changes } from '../embedded/event-stream.ts'
import { EngineError } from '../errors.ts'
import { callbackToken } from '../ids.ts'
import type { Cluster } from './cluster.ts'
import { HistoryFold, type HistoryEvent } from './history.ts'
import type { Reader } from './reader.ts'
import type { Registry } from './registry/registry.ts'
import { isNotFound, isPassing } from './temporal-errors.ts'
import { historyOf } from './view.ts'

export interface FollowServices {
  readonly cluster: Cluster
  readonly registry: Registry
  readonly reader: Reader
  readonly closed: AbortSignal
  callbackUrl(token: string): string
}

const RETRY_MS = 1000

/**
 * Follows an execution: the state so far, then every change, until it has ended. `id` of an event is the number of the core's events so
 * far, as in the embedded engine. Temporal is asked for news by a long poll; several changes that come with one answer are told as one.
 */
export async function* followExecution(
  services: FollowServices,
  id: string,
  { after = -1, signal }: { readonly after?: number; readonly signal?: AbortSignal },
): AsyncGenerator<ExecutionEvent, void, undefined> {
  const { reader } = services
  const record = await reader.record(id, false)
  const both = signal === undefined ? services.closed : AbortSignal.any([signal, services.closed])
  if (record.status === 'running') {
    const outcome = yield* followRunning(services, id, after, both)
    if (outcome !== 'gone') return
  }
  // it has ended, and Temporal may have forgotten it
  const changes = new Changes()
  const { flow } = await reader.fold(id, changes)
  const position = await positionOf(services, id)
  if (after >= 0 && after <= position) changes.forget()
  void flow
  for (const node of changes.take()) yield { id: position, type: 'node', node }
  yield { id: position, type: 'execution', execution: await reader.record(id, true) }
}

async function positionOf({ registry, reader }: FollowServices, id: string): Promise<number> {
  const journal = await registry.journal(id)
  // the head is no event
  if (journal !== undefined) return journal.length - 1
  return (await reader.history(id)).driver.journal.length
}

async function* followRunning(
  services: FollowServices,
  id: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<ExecutionEvent, 'ended' | 'gone', undefined> {
  const { cluster, reader, closed } = services
  const changes = new Changes()
  let fold = new HistoryFold(reader.services, changes)
  let known = after
  let caughtUp = known < 0
  let taken = 0
  for (;;) {
    try {
      for await (const events of historyOf(cluster, id, { wait: true, signal, ...(fold.runId === '' ? {} : { runId: fold.runId }) })) {
        const fresh = events.filter((event) => Number(event.eventId) > taken)
        for (const event of fresh) await fold.take(event)
        taken = Math.max(taken, ...fresh.map((event: HistoryEvent) => Number(event.eventId)))
        if (fresh.length === 0 || taken === 0) continue
        const position = fold.driver.journal.length
        if (!caughtUp) {
          // an unknown position: the whole state
          if (known <= position) changes.forget()
          caughtUp = true
        }
        yield* newsOf(services, id, fold, changes, position)
        if (fold.end === 'continued') break
        if (fold.end !== undefined) {
          yield { id: position, type: 'execution', execution: await reader.record(id, true) }
          return 'ended'
        }
      }
    } catch (error) {
      if (closed.aborted) throw new EngineError('engine-closed', 'the engine was closed; the execution goes on')
      if (signal.aborted) return 'ended'
      if (isNotFound(error)) return 'gone'
      if (!isPassing(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      continue
    }
    if (fold.end === 'continued') {
      // the new run has the journal of the old: what is known of it is not told again
      known = fold.driver.journal.length
      caughtUp = false
      taken = 0
      const next = new HistoryFold(reader.services, changes)
      next.runId = fold.nextRunId ?? ''
      fold = next
    }
  }
}

function* newsOf(
  { registry, callbackUrl }: FollowServices,
  id: string,
  fold: HistoryFold,
  changes: Changes,
  position: number,
): Generator<ExecutionEvent, void, undefined> {
  for (const node of changes.take()) yield { id: position, type: 'node', node }
  for (const run of changes.takeWaiting()) {
    const token = callbackToken(registry.secret, id, placeOf(run))
    yield { id: position, type: 'callback', execution: id, node: run.node.id, token, url: callbackUrl(token) }
  }
  void fold
}
