/** Server-sent events: what `GET /v1/executions/{id}/events` sends. */
import type { Readable } from 'node:stream'
import type { Engine, ExecutionEvent } from '../api.ts'
import { nodeOf, summaryOf } from './documents.ts'
import { Outbox } from './outbox.ts'
import { Problem } from './problem.ts'

/** So often an idle stream says that it lives, ms. */
const COMMENT_MS = 15_000
/** What belongs to one position comes without a pause. */
const TOGETHER_MS = 5

type Coming = Promise<IteratorResult<ExecutionEvent>>

/**
 * The events of an execution as an event stream. A client that stops reading holds up its own stream, for which the engine keeps no more than the
 * latest state of each node, until it is cut off. Rejects, before the first byte, with EngineError `execution-not-found` and
 * Problem `express`.
 */
export async function eventStream(engine: Engine, id: string, after: number | undefined, signal: AbortSignal): Promise<Readable> {
  const { mode } = await engine.describe(id)
  if (mode === 'express') throw new Problem('express', `execution ${id} is of an express flow, which keeps no records of its nodes`)
  const events = engine.events(id, { ...(after === undefined ? {} : { after }), signal })[Symbol.asyncIterator]()
  return new Outbox(lines(events, after))
}

/**
 * Several events may be of one position. Whoever is cut off between them must get the rest of them: so only the last one has the position as
 * its id, and those before it the position before.
 */
async function* lines(events: AsyncIterator<ExecutionEvent>, after: number | undefined): AsyncGenerator<string, void, undefined> {
  let told = after ?? 0
  try {
    // that a client has its headers and knows that it is heard
    yield ': connected\n\n'
    let coming: Coming = events.next()
    for (;;) {
      let next = await within(coming, COMMENT_MS)
      for (; next === undefined; next = await within(coming, COMMENT_MS)) yield ': still here\n\n'
      if (next.done === true) return
      const event = next.value
      coming = events.next()
      // it is looked at again, and throws there
      coming.catch(() => undefined)
      const peeked = await within(coming, TOGETHER_MS).catch(() => undefined)
      const isLast = peeked === undefined || peeked.done === true || peeked.value.id !== event.id
      if (isLast) told = event.id
      const data = dataOf(event)
      if (data !== undefined) yield `event: ${event.type}\nid: ${told}\ndata: ${JSON.stringify(data)}\n\n`
    }
  } finally {
    await events.return?.()
  }
}

/** Undefined when it has not come in time. */
async function within<T>(coming: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([coming, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Callbacks are not told here: their tokens are secrets. */
function dataOf(event: ExecutionEvent): object | undefined {
  switch (event.type) {
    case 'callback':
      return undefined
    case 'node':
      return nodeOf(event.node)
    case 'execution':
      return summaryOf(event.execution)
  }
}
