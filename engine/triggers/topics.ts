import { topicEvent, type PublishedMessage, type TopicMessage } from '../../connectors/topic/event.ts'
import type { PlanTopicTrigger } from '../../dsl/plan.ts'
import { EngineError } from '../errors.ts'
import { newId } from '../ids.ts'
import type { PublishOptions } from './api.ts'
import { triggeredId, type Deliveries, type EventToStart } from './delivery.ts'
import type { InFlight } from './in-flight.ts'
import { prepareTrigger, type PreparedTrigger } from './prepared.ts'
import type { PendingMessage, TriggerStore } from './store.ts'
import type { TriggerTable } from './table.ts'

/** What a process has begun and not finished by then was left by one that died. */
const LEFT_MS = 10_000
const SWEEP_MS = 5000
const PER_SWEEP = 100

/** A start that is to follow: everything that can be known before is. */
interface Ready {
  readonly prepared: PreparedTrigger
  readonly inFlight: InFlight
  readonly toStart: EventToStart
}

/**
 * Messages of topics: one execution for each subscribed flow.
 *
 * - P1. Embedded, all starts of a message are written in one turn of the event loop, which is one transaction.
 * - P2. Elsewhere the message is stored first, with who is subscribed; the starts have ids that follow from it, and whoever finds a message that was
 *   left makes them again. So all of them come to be, or none.
 */
export class Topics {
  private readonly table: TriggerTable
  private readonly deliveries: Deliveries
  private readonly store: () => Promise<TriggerStore>
  private timer: NodeJS.Timeout | null = null
  private sweeping: Promise<void> = Promise.resolve()
  private closed = false

  constructor(table: TriggerTable, deliveries: Deliveries, store: () => Promise<TriggerStore>) {
    this.table = table
    this.deliveries = deliveries
    this.store = store
  }

  /** As {@link Triggers.publish}. */
  async publish(
    topic: string,
    message: TopicMessage,
    { id = newId(), permit, traceparent }: PublishOptions,
  ): Promise<{ readonly messageId: string; readonly executions: number }> {
    const snapshot = await this.table.snapshot()
    const entries = snapshot.subscribers(topic)
    for (const { prepared } of entries) permit?.(prepared.flow)
    if (entries.length === 0) return { messageId: id, executions: 0 }
    const published: PublishedMessage = { ...message, id, topic, at: Date.now() }
    const subscribers = entries.map(({ prepared: { flow, trigger }, state: { generation } }) => ({
      flow,
      trigger: trigger as PlanTopicTrigger,
      generation,
    }))
    return { messageId: id, executions: await this.take({ published, subscribers, ...(traceparent === undefined ? {} : { traceparent }) }) }
  }

  /** Begins to look for messages that others have left. */
  begin(): void {
    if (this.closed || this.timer !== null) return
    this.timer = setTimeout(() => {
      this.timer = null
      this.sweeping = this.sweep().finally(() => this.begin())
    }, SWEEP_MS)
    this.timer.unref()
  }

  async close(): Promise<void> {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    await this.sweeping
  }

  /** Finishes what was left; what cannot be finished now is left to the next time. */
  async sweep(): Promise<void> {
    try {
      const { pending } = await this.store()
      for (const message of (await pending?.left(LEFT_MS, PER_SWEEP)) ?? []) {
        if (this.closed) return
        // one that cannot be started now must not be in the way of the others
        await this.finish(message).catch(() => undefined)
      }
    } catch {
      // as the store fails all else fails, and says so
    }
  }

  /** Resolves to how many executions there are of it. */
  private async take(message: PendingMessage): Promise<number> {
    const { pending } = await this.store()
    const ready = await this.ready(message)
    if (pending === undefined) return this.startAll(ready)
    let begun: PendingMessage
    try {
      begun = await pending.begin(message)
    } catch (error) {
      giveBack(ready)
      throw error
    }
    // the same message was published before: who was subscribed then counts
    const same = begun.published.at === message.published.at
    const count = await this.startAll(same ? ready : (giveBack(ready), await this.ready(begun)))
    await pending.finish(message.published.id)
    return count
  }

  private async finish(message: PendingMessage): Promise<void> {
    const { pending } = await this.store()
    await this.startAll(await this.ready(message))
    await pending?.finish(message.published.id)
  }

  /** Filters, and reserves a place for each. Throws EngineError `too-many-executions`. */
  private async ready({ published, subscribers, traceparent }: PendingMessage): Promise<Ready[]> {
    const ready: Ready[] = []
    try {
      for (const { flow, trigger, generation } of subscribers) {
        const prepared = prepareTrigger(flow, trigger)
        const event = topicEvent(flow, trigger.name, published)
        const id = triggeredId(flow, trigger.name, generation, ['topic', published.topic, published.id])
        const place = `${published.topic}/${published.id}`
        const toStart = { event, id, derived: true, place, ...(traceparent === undefined ? {} : { traceparent }) }
        try {
          if (!this.deliveries.isTaken(prepared, event)) continue
        } catch (error) {
          await this.deliveries.refused(prepared, toStart, error)
          continue
        }
        const inFlight = await this.deliveries.inFlight(prepared)
        if (!inFlight.reserve()) throw tooMany(flow, trigger.name, trigger.maxInFlight)
        ready.push({ prepared, inFlight, toStart })
      }
      return ready
    } catch (error) {
      giveBack(ready)
      throw error
    }
  }

  /** P1: nothing is awaited between the starts. */
  private async startAll(ready: readonly Ready[]): Promise<number> {
    const outcomes = await Promise.allSettled(
      ready.map(({ prepared, inFlight, toStart }) => this.deliveries.start(prepared, inFlight, toStart)),
    )
    let count = 0
    for (const [index, outcome] of outcomes.entries()) {
      const { prepared, toStart } = ready[index]!
      if (outcome.status === 'fulfilled') count += 1
      else await this.deliveries.refused(prepared, toStart, outcome.reason)
    }
    return count
  }
}

export function tooMany(flow: string, name: string, most: number): EngineError {
  return new EngineError(
    'too-many-executions',
    `trigger ${flow}/${name}: ${most} of its executions run, which is its maxInFlight; nothing was started`,
  )
}

function giveBack(ready: readonly Ready[]): void {
  for (const { inFlight } of ready) inFlight.release()
}
