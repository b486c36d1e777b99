import { topicEvent, type PublishedMessage, type TopicMessage } from '../../connectors/topic/event.ts'
import type { PlanTopicTrigger } from '../../dsl/plan.ts'
import type { Admission } from '../admission.ts'
import type { Execution } from '../api.ts'
import { EngineError } from '../errors.ts'
import { newId } from '../ids.ts'
import type { PublishOptions } from './api.ts'
import { triggeredId, type Deliveries, type EventToStart } from './delivery.ts'
import type { InFlight } from './in-flight.ts'
import { prepareTrigger, takes, type PreparedTrigger } from './prepared.ts'
import type { PendingMessage, TriggerStore } from './store.ts'
import type { TriggerTable } from './table.ts'

/** What a process has begun and not finished by then was left by one that died. */
const LEFT_MS = 10_000
const SWEEP_MS = 5000
const PER_SWEEP = 100

interface Subscriber {
  readonly prepared: PreparedTrigger
  readonly toStart: EventToStart & { readonly id: string }
}

/** A start that is to follow, with its place. */
interface Start extends Subscriber {
  readonly inFlight: InFlight
}

/** One that was made before. */
interface Found {
  readonly prepared: PreparedTrigger
  readonly execution: Execution
}

/** The subscribers of a message by what their filters say of it. */
interface Sorted {
  readonly taken: Subscriber[]
  readonly filtered: PreparedTrigger[]
  /** It cannot start them. */
  readonly poison: (Subscriber & { readonly error: unknown })[]
}

/** A message that nothing refuses any more. */
interface Ready extends Sorted {
  readonly starts: readonly Start[]
  readonly found: readonly Found[]
  readonly admission: Admission
}

/**
 * Messages of topics: one execution for each subscribed flow.
 *
 * - P1. Embedded, all starts of a message are written in one turn of the event loop, which is one transaction.
 * - P2. Elsewhere the message is stored first, with who is subscribed; the starts have ids that follow from it, and whoever finds a message that was
 *   left makes them again. So all of them come to be, or none.
 * - P3. What can refuse a message, the places of its triggers and the limits of starts, is asked for all of its starts before anything is stored.
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
    { id: given, permit, traceparent }: PublishOptions,
  ): Promise<{ readonly messageId: string; readonly executions: number }> {
    const id = given ?? newId()
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
    const begun = { published, subscribers, ...(traceparent === undefined ? {} : { traceparent }) }
    return { messageId: id, executions: await this.take(begun, given !== undefined) }
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
  private async take(message: PendingMessage, repeatable: boolean): Promise<number> {
    const { pending } = await this.store()
    const ready = await this.ready(message, repeatable)
    await this.refuse(ready)
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
    const count = await this.startAll(same ? ready : (giveBack(ready), await this.ready(begun, true)))
    await pending.finish(message.published.id)
    return count
  }

  private async finish(message: PendingMessage): Promise<void> {
    const { pending } = await this.store()
    await this.startAll(await this.ready(message, true))
    await pending?.finish(message.published.id)
  }

  /** Everything that can refuse the message as a whole. Nothing is written or counted before. Rejects with EngineError `too-many-executions`. */
  private async ready(message: PendingMessage, repeatable: boolean): Promise<Ready> {
    const sorted = this.sort(message)
    const starts: Start[] = []
    const found: Found[] = []
    try {
      for (const { prepared, toStart } of sorted.taken) {
        const inFlight = await this.deliveries.inFlight(prepared)
        if (inFlight.reserve()) {
          starts.push({ prepared, inFlight, toStart })
          continue
        }
        // one that is there needs no room
        const execution = repeatable ? await this.deliveries.find(toStart.id) : undefined
        if (execution === undefined) throw tooMany(prepared.flow, prepared.trigger.name, prepared.trigger.maxInFlight)
        found.push({ prepared, execution })
      }
      const admission = await this.deliveries.reserve(starts.map(({ prepared: { ref }, toStart: { id } }) => ({ ref, id, repeatable })))
      return { ...sorted, starts, found, admission }
    } catch (error) {
      for (const { inFlight } of starts) inFlight.release()
      throw error
    }
  }

  private sort({ published, subscribers, traceparent }: PendingMessage): Sorted {
    const sorted: Sorted = { taken: [], filtered: [], poison: [] }
    for (const { flow, trigger, generation } of subscribers) {
      const prepared = prepareTrigger(flow, trigger)
      const event = topicEvent(flow, trigger.name, published)
      const id = triggeredId(flow, trigger.name, generation, ['topic', published.topic, published.id])
      const place = `${published.topic}/${published.id}`
      const toStart = { event, id, derived: true, place, ...(traceparent === undefined ? {} : { traceparent }) }
      try {
        if (takes(prepared, event)) sorted.taken.push({ prepared, toStart })
        else sorted.filtered.push(prepared)
      } catch (error) {
        sorted.poison.push({ prepared, toStart, error })
      }
    }
    return sorted
  }

  /** Before anything is started: where the channel of a dead letter is away, the message comes again as a whole. */
  private async refuse(ready: Ready): Promise<void> {
    try {
      for (const { prepared, toStart, error } of ready.poison) await this.deliveries.refused(prepared, toStart, error)
    } catch (error) {
      giveBack(ready)
      throw error
    }
  }

  /** P1: nothing is awaited between the starts. */
  private async startAll({ starts, found, filtered, admission }: Ready): Promise<number> {
    const outcomes = await Promise.allSettled(
      starts.map(({ prepared, inFlight, toStart }) => this.deliveries.start(prepared, inFlight, toStart, admission)),
    )
    admission.end()
    for (const prepared of filtered) this.deliveries.filtered(prepared)
    for (const { prepared, execution } of found) this.deliveries.repeated(prepared, execution)
    let started = 0
    const failures: unknown[] = []
    for (const [at, outcome] of outcomes.entries()) {
      const { prepared, toStart } = starts[at]!
      if (outcome.status === 'fulfilled') started += 1
      else await this.deliveries.refused(prepared, toStart, outcome.reason).catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
    return started + found.length
  }
}

export function tooMany(flow: string, name: string, most: number): EngineError {
  return new EngineError(
    'too-many-executions',
    `trigger ${flow}/${name}: ${most} of its executions run, which is its maxInFlight; nothing was started`,
  )
}

function giveBack({ starts, admission }: Ready): void {
  admission.end()
  for (const { inFlight } of starts) inFlight.release()
}
