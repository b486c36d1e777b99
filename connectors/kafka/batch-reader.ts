import { PAYLOAD_LIMIT } from '../../dsl/json-copy.ts'
import { NotInFormat } from '../format.ts'
import { deliverAllUntilTaken } from '../triggers/backoff.ts'
import type { TriggerEvent } from '../triggers/contract.ts'
import { kafkaEvent, partOf, type KafkaRecord, type Part } from './event.ts'
import type { Fetched } from './group.ts'
import { Reader, type Beginning, type Bounds, type ReaderScope } from './reader.ts'

interface Batch {
  readonly size: number
  readonly windowMs: number
}

/** How much longer a text can get as JSON: a control character is six bytes. */
const GROWTH = 6

/**
 * One execution for several records. What is held has not been handled: it is read again after the lease.
 *
 * A batch that another server, or this one before a crash, has begun comes first, with exactly its records: its execution may be there.
 */
export class BatchReader extends Reader {
  private readonly batch: Batch
  private readonly empty: number
  private unfinished: Bounds | null
  private records: KafkaRecord[] = []
  private parts: Part[] = []
  /** At least the bytes of what is held; exact where `isExact`. */
  private bytes = 0
  private isExact = false
  private timer: NodeJS.Timeout | null = null
  /** One at a time: what comes, and what the window ends. */
  private turn: Promise<unknown> = Promise.resolve()

  constructor(scope: ReaderScope, beginning: Beginning, batch: Batch) {
    super(scope, beginning)
    this.batch = batch
    this.unfinished = beginning.unfinished
    const envelope = kafkaEvent(scope.trigger.connection, beginning.topic, beginning.partition, [])
    this.empty = bytesOf(envelope) + 16
    scope.lease.addEventListener('abort', () => this.disarm(), { once: true })
  }

  take(fetched: Fetched): Promise<number | null> {
    return this.inTurn(() => this.hold(fetched))
  }

  async idle(): Promise<void> {
    await this.turn
  }

  override pass(next: number): void {
    if (this.records.length === 0 && this.unfinished === null) super.pass(next)
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work)
    this.turn = mine
    return mine
  }

  private async hold({ messages, high, last }: Fetched): Promise<number | null> {
    const { lease, trigger } = this.scope
    this.high = high
    const from = this.records.length === 0 ? this.next : Number(this.records.at(-1)!.offset) + 1
    for (const record of messages) {
      const offset = Number(record.offset)
      if (offset < from) continue
      // what the broker no longer has of it would not come either
      if (this.unfinished !== null && offset > this.unfinished.last) await this.flush()
      if (lease.aborted) return null
      let part: Part
      try {
        part = partOf(record, trigger.format)
      } catch (error) {
        if (!(error instanceof NotInFormat)) throw error
        await this.poison(record, error)
        continue
      }
      if (this.unfinished === null && this.wouldPass(record, part)) await this.flush()
      if (lease.aborted) return null
      this.add(record, part)
      if (this.unfinished === null ? this.records.length >= this.batch.size : offset >= this.unfinished.last) await this.flush()
    }
    if (this.unfinished !== null && last >= this.unfinished.last) await this.flush()
    if (lease.aborted) return null
    if (this.records.length === 0) this.passed(last + 1)
    return last + 1
  }

  private add(record: KafkaRecord, part: Part): void {
    this.bytes += this.isExact ? exactSize(part) : roughSize(record)
    this.records.push(record)
    this.parts.push(part)
    if (this.records.length > 1 || this.unfinished !== null) return
    this.timer = setTimeout(() => void this.inTurn(() => this.flush()), this.batch.windowMs).unref()
  }

  /** Whether the event would pass the limit with this one more. Counted byte by byte only where it may. */
  private wouldPass(record: KafkaRecord, part: Part): boolean {
    if (this.records.length === 0) return false
    if (!this.isExact) {
      if (this.empty + this.bytes + roughSize(record) <= PAYLOAD_LIMIT) return false
      this.isExact = true
      this.bytes = this.parts.reduce((sum, one) => sum + exactSize(one), 0)
    }
    return this.empty + this.bytes + exactSize(part) > PAYLOAD_LIMIT
  }

  /** Delivers what is held; drops it where the lease ends before. */
  private async flush(): Promise<void> {
    this.disarm()
    const { records, parts, unfinished } = this
    this.records = []
    this.parts = []
    this.bytes = 0
    this.isExact = false
    this.unfinished = null
    const { lease } = this.scope
    if (lease.aborted) return
    if (records.length === 0) {
      // nothing is left of it at the broker; if it was started, its execution is there
      if (unfinished !== null) this.passed(unfinished.last + 1)
      return
    }
    const bounds = unfinished ?? boundsOf(records)
    if (await this.deliver(this.eventOf(records, parts, bounds))) this.handled(bounds.last + 1, 1)
  }

  /** In its turn: behind what is held. */
  private async poison(record: KafkaRecord, error: Error): Promise<void> {
    await this.flush()
    if (await this.deliver(this.poisonOf(record, error))) this.handled(Number(record.offset) + 1, 1)
  }

  private async deliver(event: TriggerEvent): Promise<boolean> {
    const { host, lease, commits } = this.scope
    await commits.gate()
    return (await deliverAllUntilTaken(host, [event], lease, this.scope.backoff())) === 1
  }

  private disarm(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }
}

function boundsOf(records: readonly KafkaRecord[]): Bounds {
  const [{ offset, timestamp }] = records as [KafkaRecord]
  return { first: Number(offset), last: Number(records.at(-1)!.offset), timestamp }
}

function exactSize({ message, metadata }: Part): number {
  // and a comma behind each
  return bytesOf(message) + bytesOf(metadata) + 2
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

function roughSize({ value, key, headers = {} }: KafkaRecord): number {
  let bytes = (value?.byteLength ?? 4) + (key?.byteLength ?? 4)
  for (const [name, header] of Object.entries(headers)) {
    bytes += name.length + 32
    for (const one of Array.isArray(header) ? header : [header]) bytes += (one?.length ?? 0) * 2 + 32
  }
  return bytes * GROWTH + 128
}
