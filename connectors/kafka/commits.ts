import { pause } from '../triggers/backoff.ts'
import type { TopicPartition } from './group.ts'

/** So long what is handled stays uncommitted, where there is little of it. */
const SOON_MS = 200
const AGAIN_MS = 500

export type CommittedPlace = TopicPartition & { readonly offset: number }

/**
 * Commits what is handled to the group. The store's place is what counts (T4); commits are for servers with another store, who would repeat what is
 * not committed: so no more than `most` events are, at any time.
 */
export class Commits {
  private readonly send: (places: readonly CommittedPlace[]) => Promise<void>
  private readonly most: number
  private readonly lease: AbortSignal
  private waiting = new Map<string, CommittedPlace>()
  private uncommitted = 0
  private sending: Promise<void> | null = null
  private timer: NodeJS.Timeout | null = null

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
    else this.timer ??= setTimeout(() => void this.flush().catch(() => undefined), SOON_MS).unref()
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
    this.sending = this.send([...waiting.values()])
    try {
      await this.sending
      this.uncommitted -= uncommitted
    } catch (error) {
      // what was handled meanwhile is newer
      for (const [key, place] of waiting) if (!this.waiting.has(key)) this.waiting.set(key, place)
      throw error
    } finally {
      this.sending = null
    }
  }
}
