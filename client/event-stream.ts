/** Server-sent events (text/event-stream) of a server, across connections. */
import { ApiError, ServerUnreachable } from './errors.ts'
import { pauseFor, send, type Connection, type RequestParts } from './request.ts'

export interface ServerEvent {
  readonly event: string
  readonly id: string
  readonly data: string
}

/** A server says every 15 s that it lives: one that has said nothing for so long is gone, ms. */
const SILENCE_MS = 45_000
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 5_000

/**
 * The events of a stream. A connection that breaks, or ends before `isEnd` was true of an event, is made again, and goes on behind the last event; one
 * that cannot be made for `patienceMs` ends it. Throws ApiError, ServerUnreachable; the signal's reason when it is aborted.
 */
export async function* follow(
  connection: Connection,
  template: string,
  parts: RequestParts & {
    readonly after?: string | undefined
    readonly patienceMs: number
    readonly isEnd: (event: ServerEvent) => boolean
  },
): AsyncGenerator<ServerEvent, void, undefined> {
  const { signal } = parts
  let last = parts.after
  // whoever was never there is not waited for
  let heard = 0
  for (let attempt = 0; ; attempt += 1) {
    let broken: unknown
    try {
      for await (const event of once(connection, template, parts, last)) {
        heard = Date.now()
        attempt = 0
        if (event === undefined) continue
        if (event.id !== '') last = event.id
        yield event
        if (parts.isEnd(event)) return
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error
      broken = error
    }
    if (Date.now() - heard > parts.patienceMs)
      throw broken instanceof ApiError || broken instanceof ServerUnreachable
        ? broken
        : new ServerUnreachable(connection.server, broken ?? new Error('the stream ended before its end'))
    await pauseFor(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt), signal)
  }
}

/** The events of one connection; undefined for a sign of life. */
async function* once(
  connection: Connection,
  template: string,
  parts: RequestParts,
  last: string | undefined,
): AsyncGenerator<ServerEvent | undefined, void, undefined> {
  const silence = new AbortController()
  const signal = parts.signal === undefined ? silence.signal : AbortSignal.any([parts.signal, silence.signal])
  const headers = { ...parts.headers, accept: 'text/event-stream, application/problem+json', 'last-event-id': last }
  let timer = setTimeout(() => silence.abort(), SILENCE_MS)
  try {
    const answer = await send({ ...connection, retries: 0 }, 'GET', template, { ...parts, headers, signal })
    for await (const event of eventsOf(answer.body!)) {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(new Error('the server has said nothing for too long')), SILENCE_MS)
      yield event
    }
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

/** Events as the HTML standard parses them; undefined for each chunk that has none. */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent | undefined, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  let event = 'message'
  let id = ''
  let data: string[] = []
  for await (const bytes of body) {
    yield undefined
    rest += decoder.decode(bytes, { stream: true })
    // a CR at the end may be half of a CRLF
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop()!
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event, id, data: data.join('\n') }
        event = 'message'
        data = []
        continue
      }
      const colon = line.indexOf(':')
      const field = colon === -1 ? line : line.slice(0, colon)
      const value = colon === -1 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1))
      if (field === 'event') event = value
      else if (field === 'id') id = value
      else if (field === 'data') data.push(value)
    }
  }
}
