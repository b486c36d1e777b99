import type { SourceState, TriggerSource } from '../../connectors/triggers/contract.ts'
import type { PlanTrigger, TriggerKind } from '../../dsl/plan.ts'
import type { Deliveries } from './delivery.ts'
import type { ConnectorKinds } from './kinds.ts'
import type { News } from './news.ts'
import { SourceHost } from './source-host.ts'
import { keyOf } from './store.ts'
import type { TriggerTable } from './table.ts'

/** So often it is looked whether triggers have come, changed or gone. */
const LOOK_MS = 1000

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
  private readonly kinds: ConnectorKinds
  private readonly table: TriggerTable
  private readonly deliveries: Deliveries
  private readonly news: News
  private readonly running = new Map<string, Running>()
  private timer: NodeJS.Timeout | null = null
  private looking: Promise<void> = Promise.resolve()
  private begun = false
  private closed = false

  constructor(kinds: ConnectorKinds, table: TriggerTable, deliveries: Deliveries, news: News) {
    this.kinds = kinds
    this.table = table
    this.deliveries = deliveries
    this.news = news
  }

  begin(): void {
    this.begun = true
    if (this.closed || this.timer !== null) return
    this.timer = setTimeout(() => {
      this.timer = null
      void this.look().finally(() => this.begin())
    }, LOOK_MS)
    this.timer.unref()
  }

  /** Starts and stops what has changed, once it has begun; one look at a time. */
  look(): Promise<void> {
    if (!this.begun) return Promise.resolve()
    return (this.looking = this.looking.then(() => this.sync()).catch(() => undefined))
  }

  has(kind: TriggerKind): boolean {
    return this.kinds.has(kind)
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
      if (!this.kinds.has(trigger.type)) continue
      const host = new SourceHost(entry, await this.deliveries.inFlight(entry.prepared), this.deliveries, this.news)
      const source = await this.kinds.source(trigger, host)
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
