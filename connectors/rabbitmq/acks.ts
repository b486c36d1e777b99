import type { BrokerChannel } from './port.ts'

interface Withheld {
  readonly tag: number
  /** By `performance.now()`. */
  readonly since: number
}

/**
 * Acknowledges what is handled, in few frames: once in a turn of the event loop, and with one for all from the oldest on that is not yet.
 *
 * - A1. A consumer has at most its prefetch unacknowledged, and each acknowledgement lets one more come. So those for which there would be no room
 *   are withheld: nothing need be put back into the queue, which a queue with a delivery limit counts as a failure of the message.
 * - A2. Those of a consumer that has ended let nothing come, and are given at once.
 */
export class Acks {
  private readonly channel: Pick<BrokerChannel, 'ack' | 'requeue'>
  private readonly room: () => number
  private readonly flushed: () => void
  /** All tags below it are settled. Tags of a channel count up from 1. */
  private lowest = 1
  /** Settled, and not below `lowest`. */
  private readonly settled = new Set<number>()
  private handled: number[] = []
  /** Oldest first. */
  private withheld: Withheld[] = []
  private flushing: NodeJS.Immediate | null = null
  /** All of the consumer at work are withheld, until it has no more credit: a message that comes while it is cancelled goes back. */
  isDraining = false
  private newest = 0
  /** First tag of the consumer at work; those before it are A2. */
  private first = Infinity
  private most = 0
  /** Of its messages, those that are not settled. */
  private open = 0

  /**
   * @param room How many messages may come beyond those that have.
   * @param flushed Called once in a turn in which something was handled, or there may be room for more.
   */
  constructor(channel: Pick<BrokerChannel, 'ack' | 'requeue'>, room: () => number, flushed: () => void = () => undefined) {
    this.channel = channel
    this.room = room
    this.flushed = flushed
  }

  /** How many messages the broker may send by itself. */
  get credit(): number {
    return this.most - this.open
  }

  /** Of the consumer at work; 0: there is none. */
  get prefetch(): number {
    return this.most
  }

  /** Since when the oldest of those that are withheld is, by `performance.now()`. */
  get oldest(): number {
    return this.withheld[0]?.since ?? Infinity
  }

  /** A consumer begins, when the one before has ended. */
  begin(prefetch: number): void {
    this.first = this.newest + 1
    this.most = prefetch
    this.open = 0
  }

  /** Nothing comes any more. */
  end(): void {
    this.first = Infinity
    this.most = this.open = 0
    this.isDraining = false
    this.flush()
  }

  came(tag: number): void {
    this.newest = tag
    if (tag >= this.first) this.open += 1
  }

  done(tag: number): void {
    this.handled.push(tag)
    this.soon()
  }

  /** Behind `end`: it would let another one come. */
  requeue(tag: number): void {
    this.channel.requeue(tag)
    this.settled.add(tag)
  }

  /** Looks, within this turn, whether there is room for more. */
  soon(): void {
    this.flushing ??= setImmediate(() => {
      this.flush()
      this.flushed()
    })
  }

  flush(): void {
    if (this.flushing !== null) clearImmediate(this.flushing)
    this.flushing = null
    if (this.handled.length > 0 || this.withheld.length > 0) this.acknowledge(this.choose())
  }

  /** A1, A2. */
  private choose(): number[] {
    const chosen: number[] = []
    const kept: Withheld[] = []
    const since = performance.now()
    let left = this.isDraining ? 0 : Math.max(0, this.room() - this.credit)
    const look = (tag: number, held?: Withheld): void => {
      const isPast = tag < this.first
      if (!isPast && left === 0) return void kept.push(held ?? { tag, since })
      chosen.push(tag)
      if (isPast) return
      left -= 1
      this.open -= 1
    }
    for (const one of this.withheld) look(one.tag, one)
    for (const tag of this.handled) look(tag)
    this.withheld = kept
    this.handled = []
    return chosen
  }

  private acknowledge(tags: readonly number[]): void {
    const { settled } = this
    for (const tag of tags) settled.add(tag)
    while (settled.delete(this.lowest)) this.lowest += 1
    // what was put back in between is no longer the broker's to acknowledge
    const through = tags.reduce((most, tag) => (tag < this.lowest && tag > most ? tag : most), 0)
    if (through > 0) this.channel.ack(through, true)
    for (const tag of tags) if (tag >= this.lowest) this.channel.ack(tag, false)
  }
}
