import type { PlanRabbitmqTrigger } from '../../dsl/plan.ts'
import type { Backoff } from '../triggers/backoff.ts'
import type { TriggerHost, TriggerSource } from '../triggers/contract.ts'
import type { UnderWay } from './intake.ts'
import type { Link, LinkState } from './link.ts'
import type { Broker, BrokerError } from './port.ts'
import { Session, type SessionPatience } from './session.ts'

export interface SourceOptions {
  /** Undefined: there is no such connection. */
  readonly link: Link | undefined
  /** Each call makes one of its own. */
  backoff(): Backoff
  readonly patience?: SessionPatience
}

/** Brings the messages of a queue to its trigger (triggers.md, 2), over whatever connection there is, for ever. */
export class RabbitmqSource implements TriggerSource {
  lag = 0
  private readonly trigger: PlanRabbitmqTrigger
  private readonly host: TriggerHost
  private readonly options: SourceOptions
  private readonly underWay: UnderWay = new Map()
  private stopping: AbortController | null = null
  private running: Promise<void> = Promise.resolve()
  private began = false
  /** Sessions whose deliveries are not all answered. */
  private readonly closing = new Set<Promise<void>>()

  constructor(trigger: PlanRabbitmqTrigger, host: TriggerHost, options: SourceOptions) {
    this.trigger = trigger
    this.host = host
    this.options = options
  }

  async start(): Promise<void> {
    if (this.stopping !== null) return
    const { link } = this.options
    if (link === undefined) return this.host.tell('failed', `there is no connection ${this.trigger.connection} of kind rabbitmq`)
    this.stopping = new AbortController()
    const { signal } = this.stopping
    this.running = this.running.then(() => this.run(link, signal))
  }

  async pause(): Promise<void> {
    await this.stop()
    this.host.tell('paused')
  }

  async stop(): Promise<void> {
    this.stopping?.abort()
    this.stopping = null
    await this.running
  }

  private async run(link: Link, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    this.host.tell('connecting')
    const end = link.use((state) => this.linkChanged(state))
    const backoff = this.options.backoff()
    for (;;) {
      const broker = await link.connected(signal)
      if (broker === undefined) break
      const why = await this.consume(broker, signal, backoff)
      // the link tells of a connection that is gone, and pauses
      if (why === undefined || signal.aborted || !broker.isOpen) continue
      this.host.tell(why.isRefusal ? 'failed' : 'reconnecting', this.wordsOf(why))
      await backoff.wait(signal)
    }
    await Promise.all(this.closing)
    await end()
  }

  /** Resolves with why it can't go on; undefined where it is not to. */
  private async consume(broker: Broker, signal: AbortSignal, backoff: Backoff): Promise<BrokerError | undefined> {
    const { trigger, host, underWay, options } = this
    let session: Session | undefined
    const over = new AbortController()
    try {
      session = await Session.open(broker, {
        trigger,
        host,
        underWay,
        backoff: options.backoff(),
        ...(options.patience === undefined ? {} : { patience: options.patience }),
        measured: (lag) => (this.lag = lag),
      })
      this.began = true
      backoff.reset()
      await Promise.race([session.ended, aborted(signal, over.signal)])
      return undefined
    } catch (error) {
      return error as BrokerError
    } finally {
      over.abort()
      // the next one need not wait: it knows what is under way
      if (session !== undefined) this.close(session)
    }
  }

  private close(session: Session): void {
    const closed = session.close().finally(() => this.closing.delete(closed))
    this.closing.add(closed)
  }

  private linkChanged({ isUp, wasUp, reason }: LinkState): void {
    if (isUp || reason === undefined || this.stopping === null) return
    const state = reason.isRefusal ? 'failed' : wasUp || this.began ? 'reconnecting' : 'connecting'
    this.host.tell(state, reason.message)
  }

  /** With what can be done about it. */
  private wordsOf({ code, message }: BrokerError): string {
    const { queue, declare } = this.trigger
    if (code === 404 && !declare) return `${message}; make it, or say declare: true`
    if (code === 406 && declare && message.includes(queue))
      return `${message}; give the arguments that it was declared with, or declare: false`
    return message
  }
}

/** Resolves when the signal is aborted; stops to look at it when `over` is. */
function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true, signal: over })
  })
}
