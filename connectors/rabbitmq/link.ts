import type { ConnectionHealth } from '../kind.ts'
import { pause, type Backoff } from '../triggers/backoff.ts'
import type { BrokerError } from './port.ts'
import { type Broker } from './port.ts'

/** How a connection is, for who uses it. */
export interface LinkState {
  readonly isUp: boolean
  /** Whether there was one before. */
  readonly wasUp: boolean
  /** Why there is none. */
  readonly reason?: BrokerError
}

/**
 * A connection that several use, opened again for ever while one of them does.
 *
 * - L1. It is opened with the first use, and closed with the last.
 * - L2. There is one attempt at a time, whoever waits, and a pause behind each that failed and each connection that ended by itself.
 */
export class Link {
  private readonly open: () => Promise<Broker>
  private readonly backoff: Backoff
  private readonly users = new Set<(state: LinkState) => void>()
  private readonly waiting = new Set<(broker: Broker | undefined) => void>()
  private broker: Broker | undefined
  private reason: BrokerError | undefined
  private wasUp = false
  private isClosed = false
  private running: Promise<void> | null = null
  private stopped = new AbortController()

  constructor(open: () => Promise<Broker>, backoff: Backoff) {
    this.open = open
    this.backoff = backoff
  }

  /** Undefined while nobody uses it. */
  get health(): ConnectionHealth | undefined {
    if (this.users.size === 0) return undefined
    if (this.broker?.isOpen === true) {
      const { blocked } = this.broker
      return blocked === undefined ? { state: 'ok' } : { state: 'failed', reason: `the broker takes no messages: ${blocked}` }
    }
    return this.reason === undefined ? { state: 'ok' } : { state: 'failed', reason: this.reason.message }
  }

  /**
   * Begins to use it; `changed` is called each time that it is up or down, and at once where it is known to be down. Returns how to end that; which
   * resolves, with the last use, when the connection has ended.
   */
  use(changed: (state: LinkState) => void): () => Promise<void> {
    this.users.add(changed)
    if (this.running === null) this.start()
    else if (this.reason !== undefined && this.broker === undefined) changed({ isUp: false, wasUp: this.wasUp, reason: this.reason })
    return () => (this.users.delete(changed) && this.users.size === 0 ? this.stop() : Promise.resolve())
  }

  /** Ends it whoever uses it, for good. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.stop()
  }

  /** Resolves to the connection, as soon as there is one; undefined when the signal is aborted before. */
  connected(signal: AbortSignal): Promise<Broker | undefined> {
    if (this.broker?.isOpen === true || signal.aborted) return Promise.resolve(signal.aborted ? undefined : this.broker)
    return new Promise((resolve) => {
      const done = (broker: Broker | undefined): void => {
        this.waiting.delete(done)
        signal.removeEventListener('abort', aborted)
        resolve(broker)
      }
      const aborted = (): void => done(undefined)
      this.waiting.add(done)
      signal.addEventListener('abort', aborted)
    })
  }

  private start(): void {
    if (this.isClosed) return
    this.stopped = new AbortController()
    this.running = this.run(this.stopped.signal)
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const broker = await this.open()
        this.reason = await this.hold(broker, signal)
      } catch (error) {
        this.reason = error as BrokerError
      }
      this.broker = undefined
      if (signal.aborted) return
      this.tell({ isUp: false, wasUp: this.wasUp, reason: this.reason })
      await pause(this.backoff.next(), signal)
    }
  }

  /** Resolves, when the connection has ended, with why. */
  private async hold(broker: Broker, signal: AbortSignal): Promise<BrokerError> {
    const close = (): void => void broker.close()
    // whoever used it may have gone meanwhile
    if (signal.aborted) close()
    else {
      signal.addEventListener('abort', close)
      this.broker = broker
      this.reason = undefined
      this.wasUp = true
      this.backoff.reset()
      this.tell({ isUp: true, wasUp: true })
      for (const done of [...this.waiting]) done(broker)
    }
    const why = await broker.ended
    signal.removeEventListener('abort', close)
    return why
  }

  private tell(state: LinkState): void {
    for (const changed of this.users) changed(state)
  }

  private async stop(): Promise<void> {
    const ending = this.running
    if (ending === null) return
    this.stopped.abort()
    await ending
    // another one that stops it has done the rest
    if (this.running !== ending) return
    this.running = null
    this.reason = undefined
    this.wasUp = false
    // somebody may have begun to use it meanwhile
    if (this.users.size > 0) this.start()
  }
}
