import { hash } from 'node:crypto'
import { EventTooLarge, type Channel, type CloudEvent } from '../channels/contract.ts'
import { pause, type Backoff } from '../triggers/backoff.ts'
import type { Link } from './link.ts'
import { BrokerError, NO_ROUTE, type Broker, type ConfirmChannel, type Publication } from './port.ts'

/** How long an event is tried, altogether: less than what an `event` node has for one publication on a cluster. */
const TRIED_MS = 45_000
/** Of one channel, sent and not confirmed; others wait. */
const MOST_UNCONFIRMED = 1_000
const MOST_UNCONFIRMED_BYTES = 64 * 1024 * 1024
/** PRECONDITION_FAILED, among others. */
const TOO_LARGE = 406
/** Of AMQP's short texts. */
const LONGEST_SHORT_TEXT = 255

export interface PublisherOptions {
  readonly exchange: string
  readonly routingKey?: string
  /** `structured` (default): the whole event is the body; `binary`: the data is, and headers `cloudEvents:…` say the rest. */
  readonly mode?: 'binary' | 'structured'
}

export interface PublisherServices {
  readonly link: Link
  backoff(): Backoff
  /** Ends what waits. */
  readonly closed: AbortSignal
  readonly triedMs?: number
}

/**
 * An event channel that publishes to an exchange (triggers.md, 3). An event is safe when the broker has confirmed it. Where the answer is lost it is sent
 * again with the same id; what the broker refuses, and what no queue takes, is final.
 */
export class Publisher implements Channel {
  private readonly options: PublisherOptions
  private readonly services: PublisherServices
  private end: (() => Promise<void>) | null = null
  private opening: Promise<ConfirmChannel> | null = null
  private broker: Broker | undefined
  private unconfirmed = 0
  private unconfirmedBytes = 0
  private readonly waiting = new Set<() => void>()
  /** Why there is no connection. */
  private reason: string | undefined

  constructor(options: PublisherOptions, services: PublisherServices) {
    this.options = options
    this.services = services
  }

  async publish(event: CloudEvent): Promise<void> {
    const publication = publicationOf(this.options, event)
    const signal = AbortSignal.any([this.services.closed, AbortSignal.timeout(this.services.triedMs ?? TRIED_MS)])
    const { length } = publication.body
    await this.turn(length, signal)
    try {
      await this.send(publication, signal)
    } finally {
      this.unconfirmed -= 1
      this.unconfirmedBytes -= length
      const [next] = this.waiting
      next?.()
    }
  }

  async close(): Promise<void> {
    const channel = await this.opening?.catch(() => undefined)
    await channel?.close()
    await this.end?.()
  }

  private async send(publication: Publication, signal: AbortSignal): Promise<void> {
    const backoff = this.services.backoff()
    for (;;) {
      try {
        const channel = await this.opened(signal)
        return await Promise.race([channel.publish(publication), over(signal)])
      } catch (error) {
        const failure = error as BrokerError
        const most = largestOf(failure)
        if (most !== undefined && publication.body.length > most) throw new EventTooLarge(failure.message)
        // it has ended the channel, with all that others had on their way
        if (failure.code === NO_ROUTE || (failure.isRefusal && most === undefined)) throw failure
        if (signal.aborted) throw this.givenUp(failure)
      }
      await pause(backoff.next(), signal)
    }
  }

  /** The channel at hand, or a new one. */
  private async opened(signal: AbortSignal): Promise<ConfirmChannel> {
    const { link } = this.services
    // kept up from the first event on: the next one shall not wait for a connection
    this.end ??= link.use(({ reason }) => (this.reason = reason?.message))
    const broker = await link.connected(signal)
    if (broker === undefined) throw new BrokerError(this.reason ?? 'there is no connection')
    this.broker = broker
    for (;;) {
      const { opening } = this
      const channel = await opening?.catch(() => undefined)
      if (channel?.isOpen === true) return channel
      // of several that have waited for it the first one opens the next
      if (this.opening === opening) return (this.opening = broker.confirmChannel())
    }
  }

  private async turn(bytes: number, signal: AbortSignal): Promise<void> {
    while (this.unconfirmed > 0 && (this.unconfirmed >= MOST_UNCONFIRMED || this.unconfirmedBytes + bytes > MOST_UNCONFIRMED_BYTES)) {
      if (signal.aborted) throw this.givenUp(new BrokerError('what was sent before is not confirmed'))
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.waiting.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        this.waiting.add(done)
        signal.addEventListener('abort', done)
      })
    }
    this.unconfirmed += 1
    this.unconfirmedBytes += bytes
  }

  private givenUp({ message }: BrokerError): BrokerError {
    const { closed, triedMs = TRIED_MS } = this.services
    if (closed.aborted) return new BrokerError('the engine closes')
    const { blocked } = this.broker ?? {}
    const why = blocked === undefined ? message : `the broker takes no messages for now: ${blocked}`
    return new BrokerError(`not confirmed within ${triedMs / 1000} s: ${why}`)
  }
}

/** What the broker takes at most, where it has refused one that is larger: its words are the only ones that say so. */
function largestOf({ code, message }: BrokerError): number | undefined {
  const said = code === TOO_LARGE ? /message size \d+ is larger than (?:configured )?max size (\d+)/.exec(message) : null
  return said === null ? undefined : Number(said[1])
}

function over(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const reason = (): void => reject(new BrokerError('no answer'))
    if (signal.aborted) return reason()
    signal.addEventListener('abort', reason, { once: true })
  })
}

/** Throws BrokerError for what no broker could take. */
function publicationOf({ exchange, routingKey = '', mode = 'structured' }: PublisherOptions, event: CloudEvent): Publication {
  const { data, datacontenttype, ...attributes } = event
  const { id, type, time } = attributes
  const isBinary = mode === 'binary'
  const said = Object.entries(attributes).map(([name, value]) => [`cloudEvents:${name}`, value])
  return {
    exchange,
    routingKey,
    // one that is too long is named as well, and the event has it whole
    messageId: isShort(id) ? id : hash('sha256', id, 'hex'),
    contentType: isBinary ? datacontenttype : 'application/cloudevents+json; charset=utf-8',
    ...(isShort(type) ? { type } : {}),
    time: Date.parse(time),
    headers: isBinary ? (Object.fromEntries(said) as Record<string, string>) : {},
    body: Buffer.from(JSON.stringify(isBinary ? data : event)),
  }
}

function isShort(text: string): boolean {
  return Buffer.byteLength(text) <= LONGEST_SHORT_TEXT
}
