/**
 * One membership in a consumer group: from joining to the loss of the connection, or to leaving.
 *
 * - G1. Partitions are handed over by a lease: `assigned` says where each begins, and nothing is fetched of them before it has. The lease ends when the
 *   group assigns anew, when the member is lost, and when it leaves; what is fetched later belongs to the next lease.
 * - G2. Heartbeats go on however long a batch of records takes, so that a trigger which waits for room keeps its partitions.
 * - G3. It ends once, with the reason; it is never started again.
 * - G4. A commit is made under the lease of which its records are, or not at all: one that is late would put back what the next member has committed. So it
 *   is not repeated either, as kafkajs would do under the lease of then.
 */
import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs'
import type { Client } from './client.ts'
import { isRebalance } from './reason.ts'

/** Many more than a process reads well: each has a worker, and waits for nobody's but its own records. */
const CONCURRENCY = 256
/** A client from which nothing has been heard for so long hangs: heartbeats and fetches are far more frequent, rebalances take up to a minute. */
const SILENCE_MS = 150_000
const LEAVE_MS = 10_000

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Records of one partition, in order. */
export interface Fetched extends TopicPartition {
  readonly messages: readonly KafkaMessage[]
  /** Of the record that is to come next at the broker. */
  readonly high: number
  /** Of the last record, one that is not for readers included. */
  readonly last: number
}

/** Commits under one lease. Rejects where the broker does not take it, and when it is too late. */
export type Commit = (places: readonly (TopicPartition & { readonly offset: number })[]) => Promise<void>

export interface GroupHandlers {
  /** Where each of the partitions begins, by their order. The lease may end meanwhile. What it rejects with ends the membership. */
  assigned(partitions: readonly TopicPartition[], lease: AbortSignal, commit: Commit): Promise<readonly number[]>
  /** Resolves when they are taken, or when the lease has ended; the offset that is to be fetched next, or null for the same ones again. Never rejects. */
  records(fetched: Fetched, lease: AbortSignal): Promise<number | null>
  /** Nothing up to an offset is for readers. */
  passed(partition: TopicPartition, next: number): void
  /** The lease has just ended: what is handled can be committed within this call. */
  ending(): void
}

export interface GroupOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  /** Written beside each offset that is committed. */
  readonly metadata: string
}

export class Group {
  /** Resolves when the first partitions are assigned and begun. Rejects where the group cannot be joined. */
  readonly joined: Promise<void>
  /** Resolves when the membership has ended: with the reason, or undefined after `leave`. */
  readonly ended: Promise<unknown>
  private readonly consumer: Consumer
  private readonly options: GroupOptions
  private readonly handlers: GroupHandlers
  private readonly timers: NodeJS.Timeout[]
  private lease: AbortController | null = null
  /** Raised when this member may not commit any more what it has committed until then. */
  private term = 0
  private commitOffsets: EachBatchPayload['commitOffsetsIfNecessary'] | null = null
  private isLeaving = false
  /** Why records are not taken any more until the next lease: thrown to kafkajs, which joins again. */
  private broken: unknown
  private heartbeat: (() => Promise<void>) | null = null
  private busy = 0
  private heardAt = performance.now()
  private tellJoined!: () => void
  private tellEnded!: (reason: unknown) => void
  private hasEnded = false

  constructor(client: Client, options: GroupOptions, handlers: GroupHandlers) {
    this.options = options
    this.handlers = handlers
    this.consumer = client.consumer(options.groupId)
    this.ended = new Promise((resolve) => (this.tellEnded = resolve))
    const begun = new Promise<void>((resolve) => (this.tellJoined = resolve))
    this.joined = Promise.race([
      begun,
      this.ended.then((reason) => {
        throw reason instanceof Error ? reason : new Error('left before it had joined')
      }),
    ])
    this.joined.catch(() => undefined)
    this.timers = [
      setInterval(() => this.beat(), Math.max(50, client.sessionMs / 4)).unref(),
      setInterval(() => {
        if (performance.now() - this.heardAt > SILENCE_MS) this.end(new Error('nothing has been heard of the broker for too long'))
      }, SILENCE_MS / 10).unref(),
    ]
  }

  async join(): Promise<void> {
    const { consumer } = this
    const { GROUP_JOIN, REBALANCING, CRASH, HEARTBEAT, FETCH, START_BATCH_PROCESS } = consumer.events
    consumer.on(GROUP_JOIN, ({ payload }) => this.begin(payload.memberAssignment))
    consumer.on(REBALANCING, () => {
      this.endLease()
      this.term += 1
    })
    consumer.on(CRASH, ({ payload }) => this.end(payload.error))
    consumer.on(START_BATCH_PROCESS, ({ payload: { topic, partition, batchSize, lastOffset } }) => {
      // aborted transactions and marks, which kafkajs keeps to itself
      if (batchSize === 0 && this.lease !== null) this.handlers.passed({ topic, partition }, Number(lastOffset) + 1)
    })
    consumer.on(HEARTBEAT, () => this.heard())
    consumer.on(FETCH, () => this.heard())
    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: CONCURRENCY,
        eachBatch: (payload) => this.take(payload),
      })
    } catch (error) {
      this.end(error)
    }
    await this.joined
  }

  /** Ends the lease, and then, when `last` has resolved, the membership: others get the partitions at once. */
  async leave(last: () => Promise<void>): Promise<void> {
    this.isLeaving = true
    this.endLease()
    await last().catch(() => undefined)
    this.end(undefined)
    await this.disconnected
  }

  private disconnected: Promise<void> = Promise.resolve()

  private end(reason: unknown): void {
    if (this.hasEnded) return
    this.endLease()
    this.hasEnded = true
    for (const timer of this.timers) clearInterval(timer)
    this.tellEnded(reason)
    // a broker that is away keeps kafkajs waiting, not us
    const given = new Promise<void>((resolve) => setTimeout(resolve, LEAVE_MS).unref())
    this.disconnected = Promise.race([this.consumer.disconnect().catch(() => undefined), given])
  }

  /** Called within the join: kafkajs fetches nothing before it returns, and then nothing of what is paused here. */
  private begin(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.heard()
    // a member that was thrown out joins again without REBALANCING: what was not committed until then is another's by now
    const term = (this.term += 1)
    this.endLease()
    if (this.hasEnded || this.isLeaving) return
    this.broken = undefined
    const lease = new AbortController()
    this.lease = lease
    const partitions = Object.entries(assignment).flatMap(([topic, all]) => all.map((partition) => ({ topic, partition })))
    const paused = Object.entries(assignment).map(([topic, all]) => ({ topic, partitions: [...all] }))
    this.consumer.pause(paused)
    void this.handOver(partitions, paused, lease.signal, (places) => this.commit(places, term))
  }

  /** G4. */
  private async commit(places: Parameters<Commit>[0], term: number): Promise<void> {
    if (this.hasEnded || term !== this.term) throw new Error('the partitions are assigned anew')
    const { metadata } = this.options
    const topics = [...Map.groupBy(places, ({ topic }) => topic)].map(([topic, all]) => ({
      topic,
      partitions: all.map(({ partition, offset }) => ({ partition, offset: String(offset), metadata })),
    }))
    if (this.commitOffsets !== null) return this.commitOffsets({ topics })
    // kafkajs lends the other one with the first records
    await this.consumer.commitOffsets(topics.flatMap(({ topic, partitions }) => partitions.map((one) => ({ topic, ...one }))))
  }

  private async handOver(
    partitions: readonly TopicPartition[],
    paused: { topic: string; partitions: number[] }[],
    lease: AbortSignal,
    commit: Commit,
  ): Promise<void> {
    try {
      const begins = await this.handlers.assigned(partitions, lease, commit)
      if (lease.aborted) return
      for (const [at, { topic, partition }] of partitions.entries())
        this.consumer.seek({ topic, partition, offset: String(begins[at] ?? 0) })
      this.consumer.resume(paused)
      this.tellJoined()
    } catch (error) {
      if (!lease.aborted) this.end(error)
    }
  }

  private async take(payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, heartbeat, isRunning, isStale } = payload
    const { lease } = this
    if (this.broken !== undefined) throw this.broken as Error
    if (lease === null || lease.signal.aborted || !isRunning() || isStale()) return
    this.heartbeat = heartbeat
    this.commitOffsets = payload.commitOffsetsIfNecessary
    this.busy += 1
    try {
      const { topic, partition, messages, highWatermark } = batch
      const fetched = { topic, partition, messages, high: Number(highWatermark), last: Number(batch.lastOffset()) }
      const next = await this.handlers.records(fetched, lease.signal)
      if (next !== null && !lease.signal.aborted) resolveOffset(String(next - 1))
    } finally {
      this.busy -= 1
    }
    if (this.broken !== undefined) throw this.broken as Error
  }

  /** While records are waited for, kafkajs sends none by itself. */
  private beat(): void {
    if (this.busy === 0 || this.heartbeat === null || this.broken !== undefined) return
    this.heartbeat().catch((error: unknown) => {
      // whatever else it is, the next fetch has it, too
      if (!isRebalance(error)) return
      this.broken = error
      this.endLease()
    })
  }

  private heard(): void {
    this.heardAt = performance.now()
  }

  private endLease(): void {
    const { lease } = this
    this.lease = null
    if (lease === null || lease.signal.aborted) return
    this.handlers.ending()
    lease.abort()
  }
}
