import { pause } from '../triggers/backoff.ts'
import type { TopicPartition } from './group.ts'

/** So long what is handled stays uncommitted, where there is little of it. */
const SOON_MS = 200
const AGAIN_MS = 500

export type CommittedPlace = TopicPartition & { readonly offset: number }

/**
 * Commits what is handled under one lease to the group. The store's place is what counts (T4); commits are for servers with another store, who would repeat
 * what is not committed: so no more than `most` events are, at any time.
 */
export class Commits {
  private readonly send: (places: readonly CommittedPlace[]) => Promise<void>
  private readonly most: number
  private readonly lease: AbortSignal
  private waiting = new Map<string, CommittedPlace>()
  private onItsWay: ReadonlyMap<string, CommittedPlace> = new Map()
  private uncommitted = 0
  private sending: Promise<void> | null = null
  private timer: NodeJS.Timeout | null = null

  /** @param send Rejects where nothing was committed; never sends under another lease. */
  constructor(send: (places: readonly CommittedPlace[]) => Promise<void>, most: number, lease: AbortSignal) {
    this.send = send
    this.most = most
    this.lease = lease
  }

  /** These events are handled, and the next of the partition is at `offset`. */
  handled({ topic, partition }: TopicPartition, offset: number, events: number): void {
    this.waiting.set(`${topic}/${partition}`, { topic, partition, offset })
    this.uncommitted += events
    if (this.uncommitted * 2 >= this.most) void this.flush().catch(() => undefined)
    else this.flushIn(SOON_MS)
  }

  /** Resolves when more may be handled, or when the lease has ended. */
  async gate(): Promise<void> {
    while (this.uncommitted >= this.most && !this.lease.aborted) {
      await this.flush().catch(() => pause(AGAIN_MS, this.lease))
    }
  }

  /** Resolves when all that was handled is committed; rejects where the broker does not take it. */
  async flush(): Promise<void> {
    while (this.sending !== null) await this.sending
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    if (this.waiting.size === 0) return
    const { waiting, uncommitted } = this
    this.waiting = new Map()
    this.onItsWay = waiting
    this.sending = this.send([...waiting.values()])
    try {
      await this.sending
      this.uncommitted -= uncommitted
    } catch (error) {
      // what was handled meanwhile is newer
      for (const [key, place] of waiting) if (!this.waiting.has(key)) this.waiting.set(key, place)
      if (!this.lease.aborted) this.flushIn(AGAIN_MS)
      throw error
    } finally {
      this.sending = null
      this.onItsWay = new Map()
    }
  }

  /** The lease ends: sends within this call what is not committed yet, since afterwards it would be too late; what is on its way, too, as that may fail. */
  async last(): Promise<void> {
    const all = new Map([...this.onItsWay, ...this.waiting])
    if (all.size > 0) await this.send([...all.values()])
  }

  private flushIn(ms: number): void {
    this.timer ??= setTimeout(() => void this.flush().catch(() => undefined), ms).unref()
  }
}
