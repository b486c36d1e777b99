/** A channel that sends its events as requests: CloudEvents over HTTP, signed as Standard Webhooks says. */
import { WebhookSecret } from '../webhook-signature.ts'
import { EventTooLarge, type Channel, type CloudEvent } from './contract.ts'
import type { OwnChannelOptions } from './options.ts'

export type HttpChannelOptions = Extract<OwnChannelOptions, { kind: 'http' }>

/** As the platform's, behind what guards outgoing requests. */
export type ChannelFetch = (
  url: string,
  init: {
    readonly method: 'POST'
    readonly headers: Record<string, string>
    readonly body: string
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<{
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: { cancel(): Promise<void> } | null
}>

export interface HttpChannelServices {
  readonly fetch: ChannelFetch
  /** True for a failure of `fetch` that a repetition cannot mend. */
  isFinal(error: unknown): boolean
  /** Ends what waits. */
  readonly closed: AbortSignal
}

const ATTEMPT_MS = 10_000
/** How long an event is tried, altogether: less than what an `event` node has for one publication on a cluster. */
const TRIED_MS = 45_000
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000

/** Thrown for an answer, or the lack of one. */
class NotTaken extends Error {
  readonly again: boolean
  readonly afterMs: number
  constructor(message: string, again: boolean, afterMs = 0) {
    super(message)
    this.name = 'NotTaken'
    this.again = again
    this.afterMs = afterMs
  }
}

/** Network errors, 429 and 5xx are tried again under the same id; whatever else is not 2xx is final. Throws RangeError for a wrong secret. */
export function httpChannel(options: HttpChannelOptions, services: HttpChannelServices): Channel {
  const secret = options.secret === undefined ? undefined : new WebhookSecret(options.secret)
  return {
    async publish(event) {
      const { headers, body } = requestOf(options, event)
      const until = Date.now() + TRIED_MS
      for (let attempt = 0; ; attempt++) {
        try {
          const signed = secret === undefined ? {} : secret.sign(event.id, Date.now(), body)
          return await send(options.url, { ...headers, ...signed }, body, services)
        } catch (error) {
          const pause = Math.max(pauseOf(attempt), error instanceof NotTaken ? error.afterMs : 0)
          const isFinal = error instanceof NotTaken ? !error.again : error instanceof EventTooLarge || services.isFinal(error)
          if (isFinal || services.closed.aborted || Date.now() + pause > until) throw error
          await sleep(pause, services.closed)
        }
      }
    },
  }
}

function requestOf({ mode = 'binary', headers = {} }: HttpChannelOptions, event: CloudEvent) {
  if (mode === 'structured') {
    return { headers: { ...headers, 'content-type': 'application/cloudevents+json; charset=utf-8' }, body: JSON.stringify(event) }
  }
  const { data, datacontenttype, ...attributes } = event
  const said = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, headerValue(value)])
  return { headers: { ...headers, ...Object.fromEntries(said), 'content-type': datacontenttype }, body: JSON.stringify(data) }
}

/** As the HTTP binding of CloudEvents writes attributes: what is not printable ASCII, a space, a quote and a percent sign as %XX. */
function headerValue(text: string): string {
  return [...text.toWellFormed()].map((char) => (/[\x21\x23\x24\x26-\x7e]/.test(char) ? char : percent(char))).join('')
}

function percent(char: string): string {
  return [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

async function send(url: string, headers: Record<string, string>, body: string, { fetch, closed }: HttpChannelServices): Promise<void> {
  const signal = AbortSignal.any([AbortSignal.timeout(ATTEMPT_MS), closed])
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  // what it says is not looked at: it may have no end
  await response.body?.cancel().catch(() => undefined)
  const { status } = response
  if (status >= 200 && status < 300) return
  if (status === 413) throw new EventTooLarge('the receiver answered 413: the event is too large for it')
  const again = status === 429 || status >= 500
  throw new NotTaken(`the receiver answered ${status}`, again, again ? retryAfterMs(response.headers.get('retry-after')) : 0)
}

function retryAfterMs(header: string | null): number {
  if (header === null) return 0
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? 0 : Math.max(0, ms)
}

function pauseOf(attempt: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2)
}

function sleep(ms: number, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      closed.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    closed.addEventListener('abort', done)
  })
}
