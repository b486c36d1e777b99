/** Server-sent events: what `GET /v1/executions/{id}/events` sends, and `/logs` with `follow`. */
import type { FastifyReply } from 'fastify'
import type { Readable } from 'node:stream'
import type { Engine, ExecutionEvent, ExecutionRecord, LogEvent } from '../api.ts'
import { nodeOf, summaryOf } from './documents.ts'
import { Outbox } from './outbox.ts'
import { Problem } from './problem.ts'

/** So often an idle stream says that it lives, ms. */
const COMMENT_MS = 15_000
/** What belongs to one position comes without a pause. */
const TOGETHER_MS = 5

/** How long a stream may take to tell that the server closes. */
const GRACE_MS = 500

type Coming<T> = Promise<IteratorResult<T>>

/** Answers with a stream, which ends when the client has left, or the server closes. */
export async function sendStream(
  reply: FastifyReply,
  closing: AbortSignal,
  open: (signal: AbortSignal) => Promise<Readable>,
): Promise<FastifyReply> {
  const left = new AbortController()
  reply.raw.once('close', () => left.abort())
  // one that does not read would hold up the end of the server
  closing.addEventListener('abort', () => setTimeout(() => reply.raw.destroy(), GRACE_MS).unref(), { signal: left.signal })
  const stream = await open(AbortSignal.any([left.signal, closing]))
  return reply.header('content-type', 'text/event-stream').header('cache-control', 'no-store').send(stream)
}

/** What Last-Event-ID says. A position that is none of ours: all is told. */
export function positionOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined
}

/**
 * The events of an execution as an event stream. A client that stops reading holds up its own stream, for which the engine keeps no more than the
 * latest state of each node, until it is cut off. Rejects, before the first byte, with EngineError `execution-not-found` and
 * Problem `express`.
 */
export async function eventStream(engine: Engine, id: string, after: number | undefined, signal: AbortSignal): Promise<Readable> {
  const execution = await mustKeepRecords(engine, id)
  const told = { position: after ?? 0 }
  const open = (behind: number | undefined, first: string): AsyncGenerator<string, void, undefined> => {
    const left = new AbortController()
    const both = AbortSignal.any([signal, left.signal])
    const events = engine.events(id, { ...(behind === undefined ? {} : { after: behind }), signal: both })[Symbol.asyncIterator]()
    return lines(events, told, first, () => left.abort())
  }
  // of one that has ended its record comes last, as its end
  const start =
    after === undefined && execution.status === 'running'
      ? `event: execution\nid: 0\ndata: ${JSON.stringify(summaryOf(execution))}\n\n`
      : ''
  // that a client has its headers and knows that it is heard
  const first = open(after, `: connected\n\n${start}`)
  let openedAt = -1
  return new Outbox(first, {
    again: {
      hasAdvanced: () => told.position !== openedAt,
      // as a client that comes again would be answered
      open() {
        openedAt = told.position
        return open(told.position === 0 ? undefined : told.position, '')
      },
    },
  })
}

/** The lines of an execution as an event stream, and an event `end` behind the last of them; else as {@link eventStream}. */
export async function logStream(engine: Engine, id: string, after: number | undefined, signal: AbortSignal): Promise<Readable> {
  await mustKeepRecords(engine, id)
  const lines = engine.followLogs(id, { ...(after === undefined ? {} : { after }), signal })[Symbol.asyncIterator]()
  return new Outbox(logTexts(lines, after ?? 0, signal))
}

async function mustKeepRecords(engine: Engine, id: string): Promise<ExecutionRecord> {
  const execution = await engine.describe(id)
  if (execution.mode === 'express')
    throw new Problem('express', `execution ${id} is of an express flow, which keeps no records of its nodes`)
  return execution
}

async function* logTexts(lines: AsyncIterator<LogEvent>, after: number, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  let last = after
  try {
    yield ': connected\n\n'
    for (;;) {
      const coming: Coming<LogEvent> = lines.next()
      let next = await within(coming, COMMENT_MS)
      for (; next === undefined; next = await within(coming, COMMENT_MS)) yield ': still here\n\n'
      if (next.done === true) break
      last = next.value.id
      yield `event: log\nid: ${last}\ndata: ${JSON.stringify(next.value.line)}\n\n`
    }
    // a client that is told so need not come again; one whose server closes must
    if (!signal.aborted) yield `event: end\nid: ${last}\ndata: {}\n\n`
  } finally {
    await lines.return?.()
  }
}

/**
 * Several events may be of one position. Whoever is cut off between them must get the rest of them: so only the last one has the position as
 * its id, and those before it the position before.
 */
async function* lines(
  events: AsyncIterator<ExecutionEvent>,
  told: { position: number },
  first: string,
  leave: () => void,
): AsyncGenerator<string, void, undefined> {
  try {
    if (first !== '') yield first
    let coming: Coming<ExecutionEvent> = events.next()
    for (;;) {
      let next = await within(coming, COMMENT_MS)
      for (; next === undefined; next = await within(coming, COMMENT_MS)) yield ': still here\n\n'
      if (next.done === true) return
      const event = next.value
      // a position that there is not: the whole state comes
      if (event.id < told.position) told.position = 0
      coming = events.next()
      // it is looked at again, and throws there
      coming.catch(() => undefined)
      const peeked = await within(coming, TOGETHER_MS).catch(() => undefined)
      const isLast = peeked === undefined || peeked.done === true || peeked.value.id !== event.id
      if (isLast) told.position = event.id
      const data = dataOf(event)
      if (data !== undefined) yield `event: ${event.type}\nid: ${told.position}\ndata: ${JSON.stringify(data)}\n\n`
    }
  } finally {
    // what waits for its next event holds up its end
    leave()
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
