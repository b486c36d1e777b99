import type {
  Delivery,
  SourceState,
  TriggerConnector,
  TriggerEvent,
  TriggerHost,
  TriggerSource,
} from '../../connectors/triggers/contract.ts'
import type { PlanTrigger, TriggerKind } from '../../dsl/plan.ts'
import { newId } from '../ids.ts'
import type { Deliveries, EventToStart } from './delivery.ts'
import type { InFlight } from './in-flight.ts'
import type { News } from './news.ts'
import { keyOf } from './store.ts'
import type { TriggerEntry, TriggerTable } from './table.ts'

/** So often it is looked whether triggers have come, changed or gone. */
const LOOK_MS = 1000

/** By kind: what brings events. */
export type Connectors = { readonly [K in TriggerKind]?: TriggerConnector<K> }

export interface RunningState {
  readonly state: SourceState
  readonly error?: { readonly message: string; readonly since: number }
  readonly lag: number
}

interface Running {
  readonly trigger: PlanTrigger
  readonly source: TriggerSource
  readonly host: SourceHost
}

/** Keeps one source for each enabled trigger whose events are brought by a connector. */
export class Runner {
  private readonly connectors: Connectors
  private readonly table: TriggerTable
  private readonly deliveries: Deliveries
  private readonly news: News
  private readonly running = new Map<string, Running>()
  private timer: NodeJS.Timeout | null = null
  private looking: Promise<void> = Promise.resolve()
  private closed = false

  constructor(connectors: Connectors, table: TriggerTable, deliveries: Deliveries, news: News) {
    this.connectors = connectors
    this.table = table
    this.deliveries = deliveries
    this.news = news
  }

  /** Does nothing where no kind has a connector. */
  begin(): void {
    if (Object.keys(this.connectors).length === 0 || this.closed || this.timer !== null) return
    this.timer = setTimeout(() => {
      this.timer = null
      void this.look().finally(() => this.begin())
    }, LOOK_MS)
    this.timer.unref()
  }

  /** Starts and stops what has changed; one look at a time. */
  look(): Promise<void> {
    return (this.looking = this.looking.then(() => this.sync()).catch(() => undefined))
  }

  has(kind: TriggerKind): boolean {
    return this.connectors[kind] !== undefined
  }

  /** Of a trigger that is enabled and whose kind has a connector. */
  stateOf(flow: string, name: string): RunningState {
    const running = this.running.get(keyOf(flow, name))
    if (running === undefined) return { state: 'connecting', lag: 0 }
    const { state, error } = running.host
    return { state, lag: running.source.lag ?? 0, ...(error === undefined ? {} : { error }) }
  }

  /** Resolves when what was delivered has its answer. */
  async close(): Promise<void> {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    await this.looking
    await Promise.all([...this.running.keys()].map((key) => this.stop(key)))
  }

  private async sync(): Promise<void> {
    const { entries } = await this.table.snapshot()
    for (const [key, { trigger }] of this.running) {
      const entry = entries.get(key)
      // a definition that has changed is another trigger; its place is kept by its name
      if (entry === undefined || !entry.state.enabled || entry.prepared.trigger !== trigger) await this.stop(key)
    }
    for (const [key, entry] of entries) {
      if (this.closed || this.running.has(key) || !entry.state.enabled) continue
      const { trigger } = entry.prepared
      const connector = this.connectors[trigger.type] as TriggerConnector | undefined
      if (connector === undefined) continue
      const host = new SourceHost(entry, await this.deliveries.inFlight(entry.prepared), this.deliveries, this.news)
      const source = connector(trigger, host)
      this.running.set(key, { trigger, source, host })
      await source.start()
    }
  }

  private async stop(key: string): Promise<void> {
    const running = this.running.get(key)
    this.running.delete(key)
    await running?.source.stop()
  }
}

/** The engine as one source sees it. */
class SourceHost implements TriggerHost {
  state: SourceState = 'connecting'
  error: RunningState['error']
  private readonly entry: TriggerEntry
  private readonly inFlight: InFlight
  private readonly deliveries: Deliveries
  private readonly news: News

  constructor(entry: TriggerEntry, inFlight: InFlight, deliveries: Deliveries, news: News) {
    this.entry = entry
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

  async deliver({ key, event, place, traceparent }: TriggerEvent): Promise<Delivery> {
    const { prepared } = this.entry
    const { flow, trigger } = prepared
    const id = key === null ? newId() : this.deliveries.idOf(this.entry, [trigger.type, ...key])
    if (key === null) this.count('withoutId', 1)
    const toStart: EventToStart = { event, id, derived: key !== null, place, ...(traceparent === undefined ? {} : { traceparent }) }
    try {
      if (!this.deliveries.isTaken(prepared, event)) return { outcome: 'filtered' }
      if (!this.inFlight.reserve()) throw new Error(`trigger ${flow}/${trigger.name} has no room, and something was delivered`)
      return told(await this.deliveries.start(prepared, this.inFlight, toStart))
    } catch (error) {
      return told(await this.deliveries.refused(prepared, toStart, error))
    }
  }

  tell(state: SourceState, error?: string): void {
    this.state = state
    if (error === undefined) this.error = undefined
    else if (this.error?.message !== error) this.error = { message: error, since: Date.now() }
  }

  count(what: 'skipped' | 'lost' | 'withoutId', events: number): void {
    const { flow, trigger } = this.entry.prepared
    this.news.count(flow, trigger.name, what, events)
  }
}

function told(delivery: Awaited<ReturnType<Deliveries['start']>>): Delivery {
  return 'execution' in delivery ? { outcome: delivery.outcome, executionId: delivery.execution.id } : delivery
}
