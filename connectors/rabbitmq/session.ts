import type { PlanRabbitmqTrigger } from '../../dsl/plan.ts'
import type { Backoff } from '../triggers/backoff.ts'
import type { TriggerHost } from '../triggers/contract.ts'
import { Intake, type UnderWay } from './intake.ts'
import { patience } from './patience.ts'
import { BrokerError, type Broker, type BrokerChannel } from './port.ts'
import { openQueue } from './queue.ts'

/**
 * So long messages are held while nothing can be started. Then the consumer is cancelled and they go back into the queue: others may take them, and a
 * broker closes a channel whose messages stay unacknowledged. Not at once: a flow that is a little slower than its queue would make each message
 * go back and forth for every one that starts.
 */
const HOLD_MS = 5_000
/** So long any of them is held at most, though others move on. */
const LONGEST_HOLD_MS = 60_000
const LAG_MS = 5_000

export interface SessionOptions {
  readonly trigger: PlanRabbitmqTrigger
  readonly host: TriggerHost
  readonly underWay: UnderWay
  /** Of deliveries that fail. */
  readonly backoff: Backoff
  /** Tests have a short one. */
  readonly holdMs?: number
  measured(lag: number): void
}

/** One channel that consumes a queue, until it ends or is closed. */
export class Session {
  /** Rejects, with why, when nothing comes any more. */
  readonly ended: Promise<never>
  private readonly channel: BrokerChannel
  private readonly options: SessionOptions
  private readonly intake: Intake
  private readonly stopListening: () => void
  private readonly lagTimer: NodeJS.Timeout
  private fail!: (error: BrokerError) => void
  private consumer: string | null = null
  /** Of consuming and cancelling, which come one after another. */
  private changing: Promise<void> = Promise.resolve()
  private holdTimer: NodeJS.Timeout | null = null
  private closed = false

  private constructor(channel: BrokerChannel, options: SessionOptions) {
    this.channel = channel
    this.options = options
    this.ended = new Promise((_, reject) => (this.fail = reject))
    // whoever closes it does not wait for it
    this.ended.catch(() => undefined)
    void channel.ended.then((why) => this.fail(why))
    this.intake = new Intake(channel, options, { stuck: () => this.hold(), moved: () => this.letGo(), ready: () => this.consume() })
    this.stopListening = options.host.onRoom((hasRoom) => this.roomChanged(hasRoom))
    this.lagTimer = setInterval(() => this.measure(), LAG_MS).unref()
  }

  /** Rejects with BrokerError; the channel is closed then. */
  static async open(broker: Broker, options: SessionOptions): Promise<Session> {
    const channel = await broker.channel()
    try {
      const { ready } = await openQueue(channel, options.trigger)
      await channel.prefetch(options.trigger.prefetch)
      options.measured(ready)
    } catch (error) {
      await channel.close()
      throw error
    }
    const session = new Session(channel, options)
    options.host.tell(options.host.hasRoom ? 'running' : 'paused')
    session.consume()
    return session
  }

  /** Resolves when everything that was delivered has its answer; the rest goes back into the queue. */
  async close(): Promise<void> {
    this.closed = true
    this.stopListening()
    this.letGo()
    clearInterval(this.lagTimer)
    this.cancel()
    // a connection that is dead does not answer, and is cut
    await Promise.race([this.changing, this.channel.ended, patience()])
    await this.intake.close()
    await this.channel.close()
  }

  private roomChanged(hasRoom: boolean): void {
    if (this.closed) return
    this.options.host.tell(hasRoom ? 'running' : 'paused')
    if (!hasRoom) return
    this.consume()
    this.intake.pump()
  }

  private hold(): void {
    if (this.holdTimer !== null || this.closed) return
    const { holdMs = HOLD_MS } = this.options
    const left = Math.min(holdMs, this.intake.oldest + LONGEST_HOLD_MS - performance.now())
    this.holdTimer = setTimeout(() => {
      this.holdTimer = null
      if (this.intake.isHeld) this.cancel()
    }, left)
    this.holdTimer.unref()
  }

  private letGo(): void {
    if (this.holdTimer !== null) clearTimeout(this.holdTimer)
    this.holdTimer = null
  }

  private consume(): void {
    this.change(async () => {
      if (this.consumer !== null || this.closed || !this.options.host.hasRoom) return
      const { queue } = this.options.trigger
      const lost = (): void => this.fail(new BrokerError(`the broker has cancelled the consumer: queue '${queue}' is gone, or moves`))
      this.consumer = await this.channel.consume(queue, (message) => this.intake.received(message), lost)
    })
  }

  /** And puts back what is in hand. */
  private cancel(): void {
    this.change(async () => {
      const { consumer } = this
      if (consumer === null || !this.channel.isOpen) return
      this.consumer = null
      await this.channel.cancel(consumer)
      this.intake.requeue()
    })
  }

  private change(step: () => Promise<void>): void {
    this.changing = this.changing.then(step).catch((error: BrokerError) => this.fail(error))
  }

  private measure(): void {
    if (!this.channel.isOpen) return
    const { trigger, measured } = this.options
    // a queue that is gone ends the channel, which tells
    this.channel.checkQueue(trigger.queue).then(
      ({ ready }) => measured(ready + this.intake.unstarted),
      () => undefined,
    )
  }
}
