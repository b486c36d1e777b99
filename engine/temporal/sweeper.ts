/**
 * What must happen although the process that was to do it is gone: answers of callbacks that were stored and not told, records of executions
 * that ended without one, records that are older than they are kept. Every worker does it; doing it twice does no harm.
 */
import { ATTRIBUTES, LANE_TYPE, scopeAttribute } from '../../workflows/protocol/shapes.ts'
import type { Cluster } from './cluster.ts'
import { RegistryError } from './registry/database-errors.ts'
import type { Registry } from './registry/registry.ts'
import { isPassing, messageOf } from './temporal-errors.ts'
import type { TemporalHost } from './temporal-host.ts'

const EVERY_MS = 5000
const PRUNE_EVERY_MS = 60_000
/** An answer that is not told by then was left behind. */
const UNDELIVERED_MS = 3000
/** A record that is not there by then will not come by itself. */
const UNRECORDED_MS = 5000
/** How far back the first sweep looks; it then goes on from where it was. */
const FIRST_LOOK_MS = 86_400_000
const PER_SWEEP = 200
const MOST_HOPELESS = 10_000

export class Sweeper {
  private readonly cluster: Cluster
  private readonly registry: Registry
  private readonly scope: string
  private readonly host: TemporalHost
  private readonly retentionMs: number
  private timer: NodeJS.Timeout | null = null
  private sweeping: Promise<void> = Promise.resolve()
  private from = Date.now() - FIRST_LOOK_MS
  private pruned = 0
  /** Executions whose history cannot be read. */
  private readonly hopeless = new Set<string>()
  private closed = false

  constructor(cluster: Cluster, registry: Registry, scope: string, host: TemporalHost, retentionMs: number) {
    this.cluster = cluster
    this.registry = registry
    this.scope = scope
    this.host = host
    this.retentionMs = retentionMs
  }

  begin(): void {
    // workers that start together need not sweep together
    this.next(EVERY_MS * Math.random())
  }

  async close(): Promise<void> {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    await this.sweeping
  }

  /** One sweep; what fails is left to the next. */
  async sweep(): Promise<void> {
    for (const what of [() => this.deliver(), () => this.record(), () => this.archive(), () => this.prune()]) {
      if (this.closed) return
      await what().catch(() => undefined)
    }
  }

  private next(ms: number): void {
    if (this.closed) return
    this.timer = setTimeout(() => {
      this.sweeping = this.sweep().finally(() => this.next(EVERY_MS))
    }, ms)
    this.timer.unref()
  }

  private async deliver(): Promise<void> {
    for (const answer of await this.registry.undeliveredAnswers(UNDELIVERED_MS, PER_SWEEP)) await this.host.deliver(answer)
  }

  private async record(): Promise<void> {
    const until = Date.now() - UNRECORDED_MS
    const query = [
      `${ATTRIBUTES.version} IS NOT NULL`,
      `${ATTRIBUTES.scope} = '${scopeAttribute(this.scope).replaceAll("'", "\\'")}'`,
      `WorkflowType != '${LANE_TYPE}'`,
      "ExecutionStatus != 'Running' AND ExecutionStatus != 'ContinuedAsNew'",
      `CloseTime >= '${new Date(this.from).toISOString()}' AND CloseTime < '${new Date(until).toISOString()}'`,
    ].join(' AND ')
    let ids: string[] = []
    const look = async (): Promise<void> => {
      const known = await this.registry.hasRecord(ids)
      for (const id of ids) if (!known.has(id) && !this.closed) await this.attempt(id, () => this.host.reader.recordNow(id))
      ids = []
    }
    for await (const { workflowId } of this.cluster.client.workflow.list({ query, pageSize: PER_SWEEP })) {
      ids.push(workflowId)
      if (ids.length === PER_SWEEP) await look()
      if (this.closed) return
    }
    await look()
    this.from = until
  }

  /** Journals that were too long to be handed over, while Temporal still has the histories. */
  private async archive(): Promise<void> {
    for (const id of await this.registry.withoutJournal(PER_SWEEP)) {
      if (!this.closed && !this.hopeless.has(id)) await this.attempt(id, () => this.host.reader.archive(id))
    }
  }

  /** One execution that cannot be read must not be in the way of the others. */
  private async attempt(id: string, what: () => Promise<void>): Promise<void> {
    try {
      await what()
    } catch (error) {
      if (isPassing(error) || (error instanceof RegistryError && error.passing)) throw error
      if (this.hopeless.size > MOST_HOPELESS) this.hopeless.clear()
      this.hopeless.add(id)
      process.emitWarning(`execution ${id} cannot be recorded: ${messageOf(error)}`, 'FnflowRecordWarning')
    }
  }

  private async prune(): Promise<void> {
    if (Date.now() - this.pruned < PRUNE_EVERY_MS) return
    const before = Date.now() - this.retentionMs
    while (!this.closed && (await this.registry.prune(before, PER_SWEEP)) === PER_SWEEP) continue
    this.pruned = Date.now()
  }
}
