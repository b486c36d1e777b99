import type { PlanRabbitmqTrigger } from '../../dsl/plan.ts'
import type { Backoff } from '../triggers/backoff.ts'
import type { TriggerHost } from '../triggers/contract.ts'
import { Acks } from './acks.ts'
import { Intake, type UnderWay } from './intake.ts'
import { patience } from './patience.ts'
import { BrokerError, type Broker, type BrokerChannel } from './port.ts'
import { openQueue } from './queue.ts'

/**
 * So long an acknowledgement is withheld; then the consumer is made anew, for as many messages as there is room for. But not while the broker may
 * send something, for much longer: what comes while a consumer is cancelled is put back by some queues.
 */
const WITHHELD_MS = 1_000
const LONG_WITHHELD_MS = 60_000
/** So long it is waited for messages before a consumer that could take more is made anew; where none come, it is large enough. */
const DRAIN_MS = 50
const DRAIN_EVERY_MS = 1_000
/**
 * So long messages are held that cannot be started: then they go back into the queue, where others may take them, before the broker closes the channel
 * (after 30 minutes by default). Both count as a delivery.
 */
const HELD_MS = 10 * 60_000
const LAG_MS = 5_000

/** How long a session is patient; tests are not. */
export interface SessionPatience {
  readonly withheldMs?: number
  readonly heldMs?: number
}

export interface SessionOptions {
  readonly trigger: PlanRabbitmqTrigger
  readonly host: TriggerHost
  readonly underWay: UnderWay
  /** Of deliveries that fail. */
  readonly backoff: Backoff
  readonly patience?: SessionPatience
  measured(lag: number): void
}

/**
 * One channel that consumes a queue, until it ends or is closed.
 *
 * - S1. No more messages are taken than there is room for (`acks.ts`): the prefetch of a consumer follows the room, and while there is none for long
 *   there is no consumer.
 * - S2. What cannot be started though there is room, because starting fails, is held; only behind a long time is it put back. From then on there is
 *   one event at a time, until one succeeds.
 */
export class Session {
  /** Rejects, with why, when nothing comes any more. */
  readonly ended: Promise<never>
  private readonly channel: BrokerChannel
  private readonly options: SessionOptions
  private readonly acks: Acks
  private readonly intake: Intake
  private readonly stopListening: readonly (() => void)[]
  private readonly lagTimer: NodeJS.Timeout
  private fail!: (error: BrokerError) => void
  private consumer: string | null = null
  /** Of consuming and cancelling, which come one after another. */
  private changing: Promise<void> | null = null
  private timer: NodeJS.Timeout | null = null
  private timerAt = 0
  /** When it is given up, or was, to drain the consumer. */
  private drainedAt = -Infinity
  /** S2. */
  private isCareful = false
  private closed = false

  private constructor(channel: BrokerChannel, options: SessionOptions) {
    const { host } = options
    this.channel = channel
    this.options = options
    this.ended = new Promise((_, reject) => (this.fail = reject))
    // whoever closes it does not wait for it
    this.ended.catch(() => undefined)
    void channel.ended.then((why) => this.fail(why))
    this.acks = new Acks(
      channel,
      () => this.room,
      () => this.look(),
    )
    this.intake = new Intake(this.acks, options, { changed: () => this.acks.soon(), moved: () => (this.isCareful = false) })
    this.stopListening = [host.onRoom((hasRoom) => this.roomChanged(hasRoom)), host.onFreed(() => this.acks.soon())]
    this.lagTimer = setInterval(() => this.measure(), LAG_MS).unref()
  }

  /** Rejects with BrokerError; the channel is closed then. */
  static async open(broker: Broker, options: SessionOptions): Promise<Session> {
    const channel = await broker.channel()
    try {
      const { ready } = await openQueue(channel, options.trigger)
      options.measured(ready)
    } catch (error) {
      await channel.close()
      throw error
    }
    const session = new Session(channel, options)
    options.host.tell(options.host.hasRoom ? 'running' : 'paused')
    session.look()
    return session
  }

  /** Resolves when everything that was delivered has its answer; the rest goes back into the queue. */
  async close(): Promise<void> {
    this.closed = true
    for (const stop of this.stopListening) stop()
    if (this.timer !== null) clearTimeout(this.timer)
    clearInterval(this.lagTimer)
    // a connection that is dead does not answer, and is cut
    await Promise.race([this.cancelled(), this.channel.ended, patience()])
    await this.intake.close()
    await this.channel.close()
  }

  /** How many messages may come beyond those in hand. */
  private get room(): number {
    const { host, trigger } = this.options
    return host.room * (trigger.batch?.size ?? 1) - this.intake.unstarted
  }

  private roomChanged(hasRoom: boolean): void {
    if (this.closed) return
    this.options.host.tell(hasRoom ? 'running' : 'paused')
    this.acks.soon()
    if (hasRoom) this.intake.pump()
  }

  /** Does what is to be done now, and again when it is time for more. */
  private look(): void {
    if (this.closed || this.changing !== null || !this.channel.isOpen) return
    const { acks, intake } = this
    const now = performance.now()
    const heldUntil = intake.isHeld ? intake.oldest + this.heldMs : Infinity
    if (heldUntil <= now) return this.change(() => this.giveBack())
    if (this.consumer === null) {
      if (this.prefetch > 0) return this.change(() => this.consume())
      return this.wakeAt(heldUntil)
    }
    const isEmpty = acks.credit === 0
    const withheldUntil = acks.oldest + (isEmpty ? this.withheldMs : LONG_WITHHELD_MS)
    const isSmall = this.prefetch >= 2 * acks.prefetch
    // of batches that were not full some credit is left when there is no more room
    const isTooMuch = !isEmpty && !this.options.host.hasRoom
    if (withheldUntil <= now || isTooMuch || (isSmall && isEmpty)) return this.change(() => this.renew())
    this.drain(isSmall, now)
    this.wakeAt(Math.min(heldUntil, withheldUntil, acks.isDraining ? this.drainedAt : Infinity))
  }

  /** Before a larger consumer takes its place. */
  private drain(isWanted: boolean, now: number): void {
    const { acks } = this
    if (acks.isDraining && (!isWanted || this.drainedAt <= now)) {
      acks.isDraining = false
      acks.soon()
    } else if (isWanted && !acks.isDraining && this.drainedAt + DRAIN_EVERY_MS <= now) {
      acks.isDraining = true
      this.drainedAt = now + DRAIN_MS
    }
  }

  private wakeAt(at: number): void {
    if (at === Infinity || (this.timer !== null && this.timerAt <= at)) return
    if (this.timer !== null) clearTimeout(this.timer)
    this.timerAt = at
    this.timer = setTimeout(() => {
      this.timer = null
      this.look()
    }, at - performance.now()).unref()
  }

  /** Of a consumer that would begin now; 0: none does. Half of the room: so acknowledgements need not be withheld while half of it is used at most. */
  private get prefetch(): number {
    const { trigger } = this.options
    const size = trigger.batch?.size ?? 1
    const { room } = this
    if (this.intake.isHeld || room <= 0) return 0
    return Math.min(room, this.isCareful ? size : Math.min(trigger.prefetch, Math.max(size, Math.ceil(room / 2))))
  }

  private async consume(): Promise<void> {
    const { queue } = this.options.trigger
    const { prefetch } = this
    if (this.closed || prefetch === 0) return
    await this.channel.prefetch(prefetch)
    this.acks.begin(prefetch)
    const lost = (): void => this.fail(new BrokerError(`the broker has cancelled the consumer: queue '${queue}' is gone, or moves`))
    this.consumer = await this.channel.consume(queue, (message) => this.intake.received(message), lost)
  }

  private async renew(): Promise<void> {
    await this.cancel()
    await this.consume()
  }

  /** S2. */
  private async giveBack(): Promise<void> {
    await this.cancel()
    if (!this.intake.isHeld) return
    this.isCareful = true
    this.intake.requeue()
  }

  private async cancel(): Promise<void> {
    const { consumer } = this
    if (consumer === null) return
    this.consumer = null
    if (this.channel.isOpen) await this.channel.cancel(consumer)
    // not before: each would let another message come
    this.acks.end()
  }

  private async cancelled(): Promise<void> {
    await this.changing
    await this.cancel().catch(() => undefined)
  }

  private change(step: () => Promise<void>): void {
    this.changing = step()
      .catch((error: BrokerError) => this.fail(error))
      .finally(() => {
        this.changing = null
        this.acks.soon()
      })
  }

  private get withheldMs(): number {
    return this.options.patience?.withheldMs ?? WITHHELD_MS
  }

  private get heldMs(): number {
    return this.options.patience?.heldMs ?? HELD_MS
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
