import type { BrokerChannel } from './port.ts'

/** Acknowledges what is handled, in few frames: once in a turn of the event loop, and with one for all from the oldest on that is not yet. */
export class Acks {
  private readonly channel: Pick<BrokerChannel, 'ack' | 'requeue'>
  /** All tags below it are settled. Tags of a channel count up from 1. */
  private lowest = 1
  /** Settled, and not below `lowest`. */
  private readonly settled = new Set<number>()
  private handled: number[] = []
  private flushing: NodeJS.Immediate | null = null

  constructor(channel: Pick<BrokerChannel, 'ack' | 'requeue'>) {
    this.channel = channel
  }

  done(tag: number): void {
    this.handled.push(tag)
    this.flushing ??= setImmediate(() => this.flush())
  }

  requeue(tag: number): void {
    this.channel.requeue(tag)
    this.settled.add(tag)
  }

  flush(): void {
    if (this.flushing !== null) clearImmediate(this.flushing)
    this.flushing = null
    const { handled, settled } = this
    this.handled = []
    if (handled.length === 0) return
    for (const tag of handled) settled.add(tag)
    while (settled.delete(this.lowest)) this.lowest += 1
    // what was put back in between is no longer the broker's to acknowledge
    const through = handled.reduce((most, tag) => (tag < this.lowest && tag > most ? tag : most), 0)
    if (through > 0) this.channel.ack(through, true)
    for (const tag of handled) if (tag >= this.lowest) this.channel.ack(tag, false)
  }
}
