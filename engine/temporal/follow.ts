import { placeOf } from '../../dsl/core/place.ts'
import type { ExecutionEvent } from '../api.ts'
import { EngineError } from '../errors.ts'
import { callbackToken } from '../ids.ts'
import type { Cluster } from './cluster.ts'
import { HistoryFold } from './history.ts'
import { News } from './news.ts'
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
  const { reader, registry } = services
  const { status } = await reader.record(id, false)
  const both = signal === undefined ? services.closed : AbortSignal.any([signal, services.closed])
  // of one that has ended Temporal may have forgotten all, and the database may have no journal: too long, or on its way
  if (status === 'running' || (await registry.journal(id)) === undefined) {
    const outcome = yield* followHistory(services, id, after, both)
    if (outcome !== 'gone') return
  }
  if (signal?.aborted === true) return
  const news = new News()
  let position = 0
  news.position = () => position
  await reader.fold(id, news, () => (position += 1))
  // what is of one position comes without a pause
  const execution = await reader.record(id, true)
  for (const node of news.take(knownOf(after, position)).nodes) yield { id: position, type: 'node', node }
  yield { id: position, type: 'execution', execution }
}

/** A position that there is not: nothing is known. */
function knownOf(after: number, position: number): number {
  return after > position ? -1 : after
}

async function* followHistory(
  services: FollowServices,
  id: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<ExecutionEvent, 'ended' | 'gone', undefined> {
  const { cluster, reader, closed } = services
  const news = new News()
  const foldFrom = (runId: string): HistoryFold => {
    const made = new HistoryFold(reader.services, news)
    made.runId = runId
    news.position = () => made.driver.journal.length
    return made
  }
  let fold = foldFrom('')
  // null: what has come is not told yet
  let known: number | null = null
  let taken = 0
  const tell = function* (): Generator<ExecutionEvent, void, undefined> {
    const position = fold.driver.journal.length
    yield* told(services, id, news.take(known ?? knownOf(after, position)), position)
    known = Math.max(known ?? 0, position)
  }
  for (;;) {
    try {
      const run = fold.runId === '' ? {} : { runId: fold.runId }
      // once its end is known only the record may be missing
      for await (const events of fold.end === undefined ? historyOf(cluster, id, { wait: true, signal, ...run }) : []) {
        const fresh = events.filter((event) => Number(event.eventId) > taken)
        for (const event of fresh) {
          await fold.take(event)
          // one by one: the next may have to wait for the database, and come again
          taken = Number(event.eventId)
        }
        if (fresh.length === 0 || taken === 0) continue
        if (fold.end !== undefined) break
        yield* tell()
      }
      if (fold.end !== undefined) {
        // what is of one position comes without a pause
        const execution = fold.end === 'continued' ? null : await reader.record(id, true)
        yield* tell()
        if (execution !== null) {
          yield { id: fold.driver.journal.length, type: 'execution', execution }
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
    // the new run has the journal of the old: what is known of it is not told again
    if (fold.end === 'continued') {
      taken = 0
      fold = foldFrom(fold.nextRunId ?? '')
    }
  }
}

function* told(
  { registry, callbackUrl }: FollowServices,
  id: string,
  { nodes, waiting }: ReturnType<News['take']>,
  position: number,
): Generator<ExecutionEvent, void, undefined> {
  for (const node of nodes) yield { id: position, type: 'node', node }
  for (const run of waiting) {
    const token = callbackToken(registry.secret, id, placeOf(run))
    yield { id: position, type: 'callback', execution: id, node: run.node.id, token, url: callbackUrl(token) }
  }
}
