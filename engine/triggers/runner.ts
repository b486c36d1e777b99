import { AsyncLocalStorage } from 'node:async_hooks'
import { Backoff, pause } from '../../connectors/triggers/backoff.ts'
import { isPushed, type SourceState, type TriggerSource } from '../../connectors/triggers/contract.ts'
import { jsonEqual } from '../../dsl/json-equal.ts'
import type { Json } from '../../dsl/json.ts'
import type { PlanTrigger } from '../../dsl/plan.ts'
import type { TriggerHealth } from '../observer.ts'
import type { Deliveries } from './delivery.ts'
import type { ConnectorKinds } from './kinds.ts'
import type { News } from './news.ts'
import { SourceHost } from './source-host.ts'
import { keyOf, type TriggerStore } from './store.ts'
import type { TriggerEntry, TriggerTable } from './table.ts'

/** So often it is looked whether triggers have come, changed or gone. */
const LOOK_MS = 1000
/** So long a source that ends holds up whoever has asked for a look. */
const MOST_WAIT_MS = 5000

export interface RunningState {
  readonly state: SourceState
  readonly error?: { readonly message: string; readonly since: number }
  readonly lag: number
}

interface Running {
  readonly trigger: PlanTrigger
  readonly generation: number
  readonly source: TriggerSource
  readonly host: SourceHost
  /** It must begin anew. */
  isStale: boolean
}

/** A source that could not be made. */
interface Failed {
  readonly trigger: PlanTrigger
  readonly error: { readonly message: string; readonly since: number }
  readonly backoff: Backoff
  readonly until: number
}

/** Keeps one source for each enabled trigger whose events are brought by a connector. */
export class Runner {
  private readonly kinds: ConnectorKinds
  private readonly table: TriggerTable
  private readonly deliveries: Deliveries
  private readonly news: News
  private readonly store: () => Promise<TriggerStore>
  private readonly running = new Map<string, Running>()
  private readonly stopping = new Map<string, Promise<void>>()
  private readonly failed = new Map<string, Failed>()
  /** Triggers that are to have no source for now: how many want it. */
  private readonly halted = new Map<string, number>()
  /** Ends with the engine. */
  private readonly patience = new AbortController()
  /** Of nobody's request: what a source writes is not the effect of whoever has enabled it. */
  private readonly aside = AsyncLocalStorage.snapshot()
  private timer: NodeJS.Timeout | null = null
  private soon: NodeJS.Immediate | null = null
  private looking: Promise<void> = Promise.resolve()
  private begun = false
  private closed = false

  constructor(kinds: ConnectorKinds, table: TriggerTable, deliveries: Deliveries, news: News, store: () => Promise<TriggerStore>) {
    this.kinds = kinds
    this.table = table
    this.deliveries = deliveries
    this.news = news
    this.store = store
  }

  begin(): void {
    this.begun = true
    this.lookSoon()
    this.again()
  }

  /** Something was deployed or deleted here. */
  lookSoon(): void {
    if (!this.begun || this.closed || this.soon !== null) return
    // keeps the process alive until what it finds does
    this.soon = setImmediate(() => {
      this.soon = null
      void this.lookOnce()
    })
  }

  private again(): void {
    if (this.closed) return
    this.timer = setTimeout(() => void this.lookOnce().finally(() => this.again()), LOOK_MS).unref()
  }

  /** Starts and stops what has changed, once it has begun. What ends has ended then, and what takes its place is there, unless that takes long. */
  async look(): Promise<void> {
    await this.lookOnce()
    if (this.stopping.size === 0 || this.closed) return
    await Promise.race([Promise.all(this.stopping.values()), pause(MOST_WAIT_MS, this.patience.signal)])
    await this.lookOnce()
  }

  /** One look at a time. None waits for a source to end: others that are to stop must hear of it in time (`seeking.ts`). */
  private lookOnce(): Promise<void> {
    if (!this.begun) return Promise.resolve()
    return (this.looking = this.looking.then(() => this.aside(() => this.sync())).catch(() => undefined))
  }

  /** Of the triggers that are at work here, or should be. */
  health(): TriggerHealth[] {
    return [...this.running.keys(), ...this.failed.keys()].map((key) => {
      const [flow, name] = key.split('/') as [string, string]
      const { state, error } = this.stateOf(flow, name)
      return { flow, name, state, ...(error === undefined ? {} : { reason: error.message }) }
    })
  }

  get isAtWork(): boolean {
    return this.running.size > 0
  }

  /** Of a trigger that is enabled and whose kind has a connector. */
  stateOf(flow: string, name: string): RunningState {
    const key = keyOf(flow, name)
    const running = this.running.get(key)
    const failed = this.failed.get(key)
    if (running === undefined)
      return failed === undefined ? { state: 'connecting', lag: 0 } : { state: 'failed', lag: 0, error: failed.error }
    const { state, error } = running.host
    return { state, lag: running.source.lag ?? 0, ...(error === undefined ? {} : { error }) }
  }

  /** A source of a trigger that is not to be started, to ask it something; whoever has it stops it. */
  async idle(entry: TriggerEntry): Promise<TriggerSource> {
    return this.kinds.source(entry.prepared.trigger, await this.hostOf(entry, () => undefined))
  }

  /** Ends the source of a trigger here; none begins until what it resolves to is called. */
  async halt(flow: string, name: string): Promise<() => void> {
    const key = keyOf(flow, name)
    this.halted.set(key, (this.halted.get(key) ?? 0) + 1)
    // one that begins just now is among those that run when the look under way is over
    await this.looking
    this.stop(key)
    await this.stopping.get(key)
    return () => {
      const left = this.halted.get(key)! - 1
      if (left > 0) this.halted.set(key, left)
      else this.halted.delete(key)
    }
  }

  /** Resolves when what was delivered has its answer. */
  async close(): Promise<void> {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    this.patience.abort()
    await this.looking
    for (const key of this.running.keys()) this.stop(key)
    await Promise.all(this.stopping.values())
  }

  /** As a crash would: nobody waits for what was delivered. */
  abandon(): void {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    for (const { source } of this.running.values()) source.stop().catch(() => undefined)
  }

  private async sync(): Promise<void> {
    if (this.closed || (this.running.size === 0 && !this.table.mayHave((trigger) => !isPushed(trigger) && this.kinds.has(trigger)))) return
    const { entries } = await this.table.snapshot()
    for (const [key, running] of this.running) if (!isSame(entries.get(key), running)) this.stop(key)
    for (const key of this.failed.keys()) if (entries.get(key)?.state.enabled !== true) this.failed.delete(key)
    await Promise.all([...entries].map(([key, entry]) => this.start(key, entry)))
  }

  private async start(key: string, entry: TriggerEntry): Promise<void> {
    const { trigger } = entry.prepared
    if (
      this.closed ||
      this.running.has(key) ||
      this.stopping.has(key) ||
      this.halted.has(key) ||
      entry.state.isHalted === true ||
      !entry.state.enabled ||
      isPushed(trigger) ||
      !this.kinds.has(trigger)
    )
      return
    const failed = this.failed.get(key)
    if (failed?.trigger === trigger && Date.now() < failed.until) return
    try {
      const running: { is?: Running } = {}
      const host = await this.hostOf(entry, () => {
        if (running.is !== undefined) running.is.isStale = true
      })
      const source = await this.kinds.source(trigger, host)
      running.is = { trigger, generation: host.generation, source, host, isStale: false }
      this.running.set(key, running.is)
      await source.start()
      this.failed.delete(key)
    } catch (error) {
      this.stop(key)
      const backoff = failed?.backoff ?? new Backoff()
      const message = error instanceof Error ? error.message : String(error)
      const since = failed?.error.message === message ? failed.error.since : Date.now()
      this.failed.set(key, { trigger, error: { message, since }, backoff, until: Date.now() + backoff.next() })
    }
  }

  private async hostOf(entry: TriggerEntry, moved: () => void): Promise<SourceHost> {
    const { flow, trigger } = entry.prepared
    const store = await this.store()
    const state = await store.begin(flow, trigger.name)
    if (state === undefined) throw new Error(`flow ${flow} is gone`)
    const { deliveries, news } = this
    const inFlight = await deliveries.inFlight(entry.prepared)
    return new SourceHost({ entry: { ...entry, state }, inFlight, deliveries, news, progress: store.progress, moved })
  }

  /** Another source may be made when it has ended. */
  private stop(key: string): void {
    const running = this.running.get(key)
    if (running === undefined) return
    this.running.delete(key)
    const stopped = this.ended(running).finally(() => {
      this.stopping.delete(key)
      this.lookSoon()
    })
    this.stopping.set(key, stopped)
  }

  private async ended({ source, host }: Running): Promise<void> {
    try {
      await source.stop()
      await host.places.flush()
    } catch {
      // what was not kept comes again
    }
  }
}

/** A definition that has changed is another trigger; its place is kept by its name. */
function isSame(entry: TriggerEntry | undefined, { trigger, generation, isStale }: Running): boolean {
  if (entry === undefined || !entry.state.enabled || entry.state.isHalted === true || entry.state.generation !== generation || isStale)
    return false
  return entry.prepared.trigger === trigger || jsonEqual(entry.prepared.trigger as unknown as Json, trigger as unknown as Json)
}
