/** Server-sent events: what `GET /v1/executions/{id}/events` sends. */
import { Readable } from 'node:stream'
import type { Engine, ExecutionEvent } from '../api.ts'
import { nodeOf, summaryOf } from './documents.ts'

/** So often an idle stream says that it lives, ms. */
const COMMENT_MS = 15_000

/**
 * The events of an execution as an event stream. It is pulled by whoever reads: a client that stops reading holds up its own stream, and the
 * engine keeps for it no more than the latest state of each node. Rejects before the first byte where there is no such execution.
 */
export async function eventStream(engine: Engine, id: string, after: number | undefined, signal: AbortSignal): Promise<Readable> {
  const events = engine.events(id, { ...(after === undefined ? {} : { after }), signal })[Symbol.asyncIterator]()
  const first = await events.next()
  return Readable.from(lines(events, first), { objectMode: false })
}

async function* lines(
  events: AsyncIterator<ExecutionEvent>,
  first: IteratorResult<ExecutionEvent>,
): AsyncGenerator<string, void, undefined> {
  try {
    let next = first
    while (next.done !== true) {
      const text = textOf(next.value)
      if (text !== undefined) yield text
      const coming = events.next()
      for (;;) {
        const came = await orIdle(coming)
        if (came !== undefined) {
          next = came
          break
        }
        yield ': still here\n\n'
      }
    }
  } finally {
    await events.return?.()
  }
}

/** Undefined when nothing has come for a while. */
async function orIdle<T>(coming: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const idle = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), COMMENT_MS)
  })
  try {
    return await Promise.race([coming, idle])
  } finally {
    clearTimeout(timer)
  }
}

/** Callbacks are not told here: their tokens are secrets. */
function textOf(event: ExecutionEvent): string | undefined {
  if (event.type === 'callback') return undefined
  const data = event.type === 'node' ? nodeOf(event.node) : summaryOf(event.execution)
  return `event: ${event.type}\nid: ${event.id}\ndata: ${JSON.stringify(data)}\n\n`
}
