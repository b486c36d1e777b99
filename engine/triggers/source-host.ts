import type { Deliveries as Handled, Delivery, Places, SourceState, TriggerEvent, TriggerHost } from '../../connectors/triggers/contract.ts'
import { newId } from '../ids.ts'
import type { Deliveries, EventToStart } from './delivery.ts'
import type { InFlight } from './in-flight.ts'
import type { News } from './news.ts'
import { MemoryPlaces } from './places.ts'
import type { TriggerEntry } from './table.ts'

/** The engine as one source sees it. */
export class SourceHost implements TriggerHost {
  state: SourceState = 'connecting'
  error: { readonly message: string; readonly since: number } | undefined
  readonly flow: string
  readonly generation: number
  readonly firstEnabledAt = Date.now()
  readonly enabledAt = Date.now()
  readonly places: Places = new MemoryPlaces()
  private readonly entry: TriggerEntry
  private readonly inFlight: InFlight
  private readonly deliveries: Deliveries
  private readonly news: News

  constructor(entry: TriggerEntry, inFlight: InFlight, deliveries: Deliveries, news: News) {
    this.entry = entry
    this.flow = entry.prepared.flow
    this.generation = entry.state.generation
    this.inFlight = inFlight
    this.deliveries = deliveries
    this.news = news
  }

  get hasRoom(): boolean {
    return this.inFlight.hasRoom
  }

  onRoom(changed: (hasRoom: boolean) => void): () => void {
    return this.inFlight.onRoom(changed)
  }

  async deliver({ key, event, place, traceparent, advance, poison }: TriggerEvent): Promise<Delivery> {
    const delivery = await this.handle({ key, event, place, ...(traceparent === undefined ? {} : { traceparent }) }, poison)
    if (advance !== undefined) this.places.note(advance.part, advance.next)
    return delivery
  }

  async deliverAll(events: readonly TriggerEvent[]): Promise<Handled> {
    const handled: Delivery[] = []
    for (const event of events) {
      if (!this.hasRoom) break
      try {
        handled.push(await this.deliver(event))
      } catch (error) {
        return { handled, failure: error as Error }
      }
    }
    return { handled }
  }

  known(): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set())
  }

  tell(state: SourceState, error?: string): void {
    this.state = state
    if (error === undefined) this.error = undefined
    else if (this.error?.message !== error) this.error = { message: error, since: Date.now() }
  }

  count(what: 'skipped' | 'lost' | 'deduplicated' | 'withoutId', events: number): void {
    const { flow, trigger } = this.entry.prepared
    this.news.count(flow, trigger.name, what, events)
  }

  private async handle(
    { key, event, place, traceparent }: Pick<TriggerEvent, 'key' | 'event' | 'place' | 'traceparent'>,
    poison: Error | undefined,
  ): Promise<Delivery> {
    const { prepared } = this.entry
    const { flow, trigger } = prepared
    const id = key === null ? newId() : this.deliveries.idOf(this.entry, [trigger.type, ...key])
    const toStart: EventToStart = { event, id, derived: key !== null, place, ...(traceparent === undefined ? {} : { traceparent }) }
    try {
      if (poison !== undefined) throw poison
      if (!this.deliveries.isTaken(prepared, event)) return { outcome: 'filtered' }
      if (!this.inFlight.reserve()) throw new Error(`trigger ${flow}/${trigger.name} has no room, and something was delivered`)
      return told(await this.deliveries.start(prepared, this.inFlight, toStart))
    } catch (error) {
      return told(await this.deliveries.refused(prepared, toStart, error))
    }
  }
}

function told(delivery: Awaited<ReturnType<Deliveries['start']>>): Delivery {
  return 'execution' in delivery ? { outcome: delivery.outcome, executionId: delivery.execution.id } : delivery
}
