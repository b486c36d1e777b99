/** What is common to both ways of reading a partition: record by record, and in batches. */
import type { Json } from '../../dsl/json.ts'
import type { PlanKafkaTrigger } from '../../dsl/plan.ts'
import type { Backoff } from '../triggers/backoff.ts'
import type { TriggerEvent, TriggerHost } from '../triggers/contract.ts'
import type { Commits } from './commits.ts'
import { contentTypeOf, kafkaEvent, traceparentOf, type KafkaRecord, type Part } from './event.ts'
import type { Fetched, TopicPartition } from './group.ts'

/** What a reader needs of its source; ends with the lease. */
export interface ReaderScope {
  readonly trigger: PlanKafkaTrigger
  readonly host: TriggerHost
  readonly commits: Commits
  readonly lease: AbortSignal
  backoff(): Backoff
}

/** The first and last record of a batch that was begun, and what else its key hangs on. */
export interface Bounds {
  readonly first: number
  readonly last: number
  /** Of the first record. */
  readonly timestamp: string
}

/** Where a reader begins. */
export interface Beginning extends TopicPartition {
  /** The name of its place. */
  readonly part: string
  readonly next: number
  readonly high: number
  readonly unfinished: Bounds | null
}

/** Reads one partition for the time of a lease. */
export abstract class Reader implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly part: string
  /** Everything before it is handled. */
  next: number
  high: number
  protected readonly scope: ReaderScope

  constructor(scope: ReaderScope, { topic, partition, part, next, high }: Beginning) {
    this.scope = scope
    this.topic = topic
    this.partition = partition
    this.part = part
    this.next = next
    this.high = high
  }

  /** See GroupHandlers.records. */
  abstract take(fetched: Fetched): Promise<number | null>

  /** Resolves when nothing is under way; soon, once the lease has ended. */
  abstract idle(): Promise<void>

  /** Nothing up to `next` is for readers, and nothing before it is under way. */
  pass(next: number): void {
    this.passed(next)
  }

  get lag(): number {
    return Math.max(0, this.high - this.next)
  }

  /** Events that end before `next` have become something. */
  protected handled(next: number, events: number): void {
    this.next = next
    this.scope.commits.handled(this, next, events)
  }

  /** What comes up to `next` is not for readers, such as the marks of transactions. */
  protected passed(next: number): void {
    if (next <= this.next) return
    this.scope.host.places.note(this.part, next)
    this.handled(next, 0)
  }

  protected eventOf(records: readonly KafkaRecord[], parts: readonly Part[], bounds?: Bounds): TriggerEvent {
    const [first] = records as [KafkaRecord]
    const { offset, timestamp } = first
    const last = records.at(-1)!.offset
    const named = bounds === undefined ? [offset, timestamp] : [String(bounds.first), bounds.timestamp, String(bounds.last)]
    const traceparent = traceparentOf(first)
    return {
      key: [...this.keyBase, ...named],
      at: Number(bounds?.timestamp ?? timestamp),
      event: kafkaEvent(this.scope.trigger.connection, this.topic, this.partition, parts),
      place: `${this.part}/${offset === last ? offset : `${offset}-${last}`}`,
      advance: {
        part: this.part,
        next: (bounds?.last ?? Number(last)) + 1,
        ...(bounds === undefined ? {} : { bounds: bounds as unknown as Json }),
      },
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(records.length === 1 ? originalOf(first) : {}),
    }
  }

  /** One that no event can be made of. */
  protected poisonOf(record: KafkaRecord, poison: Error): TriggerEvent {
    const { offset, timestamp } = record
    return {
      key: [...this.keyBase, offset, timestamp],
      at: Number(timestamp),
      event: null,
      poison,
      place: `${this.part}/${offset}`,
      advance: { part: this.part, next: Number(offset) + 1 },
      ...originalOf(record),
    }
  }

  private get keyBase(): string[] {
    return [this.scope.trigger.connection, this.topic, String(this.partition)]
  }
}

function originalOf(record: KafkaRecord): Pick<TriggerEvent, 'original'> {
  if (record.value === null) return {}
  const contentType = contentTypeOf(record)
  return { original: { bytes: record.value, ...(contentType === undefined ? {} : { contentType }) } }
}
