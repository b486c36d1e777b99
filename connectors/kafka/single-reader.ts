import { room } from '../triggers/backoff.ts'
import type { TriggerEvent } from '../triggers/contract.ts'
import { NotInFormat } from '../format.ts'
import { partOf, type KafkaRecord } from './event.ts'
import type { Fetched } from './group.ts'
import { Reader } from './reader.ts'

/** So many records become events at one time: enough for one transaction to be worth it, and no more than is soon delivered. */
const MOST = 256
const MOST_BYTES = 1024 * 1024

/** One execution for each record. */
export class SingleReader extends Reader {
  private taking: Promise<unknown> = Promise.resolve()

  take(fetched: Fetched): Promise<number | null> {
    const taking = this.deliver(fetched)
    this.taking = taking
    return taking
  }

  async idle(): Promise<void> {
    await this.taking
  }

  private async deliver({ messages, high, last }: Fetched): Promise<number | null> {
    const { host, lease, commits } = this.scope
    this.high = high
    const records = messages.filter(({ offset }) => Number(offset) >= this.next)
    const backoff = this.scope.backoff()
    let events: TriggerEvent[] = []
    for (let at = 0; at < records.length;) {
      await commits.gate()
      await room(host, lease)
      if (lease.aborted) return null
      if (events.length === 0) events = this.eventsFrom(records, at)
      const { handled, failure } = await host.deliverAll(events)
      const taken = handled.length
      at += taken
      if (taken > 0) this.handledTo(events[taken - 1]!, records[at - 1]!, taken)
      events = events.slice(taken)
      if (failure === undefined) backoff.reset()
      else await backoff.wait(lease)
    }
    this.passed(last + 1)
    return last + 1
  }

  private handledTo(last: TriggerEvent, { offset }: KafkaRecord, count: number): void {
    const next = Number(offset) + 1
    // there was no room for the one that would have moved it
    if (last.advance === undefined) this.scope.host.places.note(this.part, next)
    this.handled(next, count)
  }

  private eventsFrom(records: readonly KafkaRecord[], from: number): TriggerEvent[] {
    const events: TriggerEvent[] = []
    let bytes = 0
    for (let at = from; at < records.length && events.length < MOST && bytes < MOST_BYTES; at++) {
      const record = records[at]!
      bytes += record.value?.byteLength ?? 0
      events.push(this.event(record))
    }
    return withFewAdvances(events)
  }

  private event(record: KafkaRecord): TriggerEvent {
    try {
      return this.eventOf([record], [partOf(record, this.scope.trigger.format)])
    } catch (error) {
      if (!(error instanceof NotInFormat)) throw error
      return this.poisonOf(record, error)
    }
  }
}

/**
 * A place that is a little behind starts nothing twice, as ids follow from offsets: so the last of several events moves it for all, which saves
 * a write for each. One that cannot start anything moves it itself, since its dead letter has no such id.
 */
function withFewAdvances(events: readonly TriggerEvent[]): TriggerEvent[] {
  return events.map((event, at) => {
    if (at === events.length - 1 || event.poison !== undefined || event.advance === undefined) return event
    const { advance: _, ...rest } = event
    return rest
  })
}
