import type { Json } from '../../dsl/json.ts'
import type { ExecutionEvent, ExecutionRecord, ListOptions, NodeRecord } from '../api.ts'
import { CarryCollector } from '../carry.ts'
import type { Durable, EndedExecution, IterationPage, IterationRange, NodesOptions, StartedExecution } from '../durable.ts'
import { EngineError } from '../errors.ts'
import type { DeployedFlow } from '../execution-info.ts'
import type { EngineHealth } from '../observer.ts'
import type { StatisticsRange, StatisticsRow } from '../statistics.ts'
import { statisticsRows } from './statistics.ts'
import { EmbeddedBatches } from './batches.ts'
import type { DurableStart, Outcome } from './contract.ts'
import type { EmbeddedCatalogue } from './catalogue.ts'
import type { TriggerStore } from '../triggers/store.ts'
import type { LogRange, StoredLine } from '../log-lines.ts'
import { notWaiting } from '../node-names.ts'
import { deleteEnded } from './deletion.ts'
import type { EmbeddedHost } from './embedded-host.ts'
import { EmbeddedFlowFiles } from './flow-files.ts'
import { EmbeddedFunctionStore } from './function-store.ts'
import { EmbeddedKeys } from './request-keys.ts'
import { EmbeddedTriggerStore } from './trigger-store.ts'

/** A retry that is claimed is started within this, ms. */
const CLAIM_MS = 10_000
const CLAIMS_KEPT = 1000

/** The embedded host as the engine sees it: what is read is the committed state. */
export class EmbeddedDurable implements Durable {
  readonly host: EmbeddedHost
  readonly keys: EmbeddedKeys
  private readonly claims = new Map<string, { readonly retry: string; readonly until: number }>()

  readonly catalogue: EmbeddedCatalogue
  readonly batches: EmbeddedBatches
  readonly files: EmbeddedFlowFiles
  readonly functions: EmbeddedFunctionStore
  readonly triggers: TriggerStore

  constructor(host: EmbeddedHost, catalogue: EmbeddedCatalogue) {
    this.host = host
    this.batches = new EmbeddedBatches(host)
    this.files = new EmbeddedFlowFiles(host.store, host.journal)
    this.functions = new EmbeddedFunctionStore(host.store, host.journal)
    this.catalogue = catalogue
    this.keys = new EmbeddedKeys(host.store, host.journal)
    this.triggers = new EmbeddedTriggerStore(host.store, host.journal)
  }

  async start(deployed: DeployedFlow, start: DurableStart): Promise<StartedExecution> {
    const { existed, id } = await this.host.start(deployed, start)
    return { existed, id, flow: existed ? this.host.reader.record(id, false).flow : deployed.name }
  }

  outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return this.host.outcome(id, signal)
  }

  whenEnded(id: string): Promise<void> {
    return this.host.whenEnded(id)
  }

  async stop(id: string): Promise<boolean> {
    if (await this.host.stop(id)) return true
    // throws where there is none
    this.host.reader.row(id)
    return false
  }

  called(token: string, ok: boolean, value: Json, call?: string): Promise<void> {
    return this.host.called(token, ok, value, call)
  }

  async answer(id: string, node: string, ok: boolean, value: Json, call?: string): Promise<void> {
    await this.host.journal.settled()
    try {
      await this.host.called(this.host.tokenOf(id, node), ok, value, call)
    } catch (error) {
      if (call !== undefined && this.host.reader.wasAnsweredBy(id, call)) return
      throw notWaiting(error, id, node)
    }
  }

  async delete(id: string): Promise<void> {
    await this.host.journal.settled()
    deleteEnded(this.host, id)
    await this.host.journal.settled()
  }

  definition(id: string): Promise<DeployedFlow> {
    return this.host.journal.read(() => this.host.startOf(this.host.reader.row(id)).deployed)
  }

  iterations(id: string, loop: string, range: IterationRange): Promise<IterationPage> {
    return this.host.journal.read(() => this.host.reader.iterations(id, loop, range))
  }

  statistics(range: StatisticsRange): Promise<StatisticsRow[]> {
    return this.host.journal.read(() => statisticsRows(this.host.store, range))
  }

  async record(id: string, withData: boolean): Promise<ExecutionRecord> {
    const known = this.host.recordOf(id, withData)
    if (known !== undefined) return known
    return this.host.journal.read(() => this.host.reader.record(id, withData))
  }

  nodes(id: string, options: NodesOptions): Promise<NodeRecord[]> {
    return this.host.journal.read(() => this.host.reader.nodes(id, options))
  }

  list(options: ListOptions): Promise<{ items: ExecutionRecord[]; nextCursor?: string }> {
    return this.host.journal.read(() => this.host.reader.list(options))
  }

  async *follow(
    id: string,
    options: { readonly after?: number; readonly signal?: AbortSignal },
  ): AsyncGenerator<ExecutionEvent, void, undefined> {
    const { followExecution } = await import('./event-stream.ts')
    yield* followExecution(this.host, id, options)
  }

  /** Lines are written before what follows from them. */
  readonly linesComeLateMs = 0

  logs(id: string, range: LogRange): Promise<StoredLine[]> {
    return this.host.journal.read(() => this.host.reader.logs(id, range))
  }

  ended(id: string): Promise<EndedExecution> {
    const { reader, journal } = this.host
    return journal.read(() => {
      const record = reader.record(id, true)
      if (record.status === 'running') throw new EngineError('execution-running', `execution ${id} is still running`)
      const collector = new CarryCollector()
      const { deployed, flow } = reader.foldWith(id, collector)
      collector.replaced = flow.replaced ?? new Map()
      return { record, deployed, collector }
    })
  }

  async claimRetry(of: ExecutionRecord, retry: string): Promise<void> {
    // the start that is to follow may not be in the store yet
    const claimed = this.claims.get(of.id)
    const isComing = claimed !== undefined && Date.now() < claimed.until && !this.host.exists(claimed.retry)
    if (isComing || this.host.reader.hasRunningRetry(of)) throw new EngineError('retry-running', `a retry of execution ${of.id} is running`)
    this.claims.set(of.id, { retry, until: Date.now() + CLAIM_MS })
    const [oldest] = this.claims.keys()
    if (this.claims.size > CLAIMS_KEPT) this.claims.delete(oldest as string)
  }

  hasChild(id: string): boolean {
    return this.host.exists(id)
  }

  isRunning(id: string): boolean {
    return this.host.isRunning(id)
  }

  open(): number {
    return this.host.openCount
  }

  async health(): Promise<EngineHealth> {
    return { dependencies: { store: this.host.health() } }
  }

  close(): Promise<void> {
    this.keys.close()
    return this.host.close()
  }

  abandon(): void {
    this.keys.close()
    this.host.abandon()
  }
}
