/**
 * What must happen although the process that was to do it is gone: answers of callbacks that were stored and not told, records of executions
 * that ended without one, records that are older than they are kept. Every worker does it; doing it twice does no harm.
 */
import type { WorkflowExecutionInfo } from '@temporalio/client'
import { ATTRIBUTES, LANE_TYPE, scopeAttribute } from '../../workflows/protocol/shapes.ts'
import { EngineError } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import { ownerOf } from './codec.ts'
import { statusOf } from './reader.ts'
import { RegistryError } from './registry/database-errors.ts'
import type { Registry } from './registry/registry.ts'
import { PruneWalk } from './registry/retention.ts'
import type { RecordedEnd } from './registry/types.ts'
import { isPassing, messageOf } from './temporal-errors.ts'
import type { TemporalHost } from './temporal-host.ts'

const EVERY_MS = 5000
const PRUNE_EVERY_MS = 60_000
/** What retention had to leave because a parent needs it is looked at again this often. */
const PRUNE_AGAIN_MS = 3_600_000
/** An answer that is not told by then was left behind. */
const UNDELIVERED_MS = 3000
/** A record that is not there by then will not come by itself. */
const UNRECORDED_MS = 5000
/** Visibility may tell of an end late, and clocks differ: this often it is asked once more, for what ended up to so long before. */
const ASK_AGAIN_MS = 600_000
const LATE_MS = 600_000
const PER_SWEEP = 200
const PER_PAGE = 1000
/** Of what ended before this process began, in one sweep. */
const PAST_PAGES = 10
const MOST_NOTES = 10_000
/** Longer than a Temporal server keeps what has ended, as a rule. */
const DELETION_NOTED_MS = 90 * 86_400_000
/** A record's end is when the last task began, Temporal's when it was completed: a task takes no longer, unless its values are large. */
const TASK_MS = 5000
/** So many of one group may fail in a way that passes; if more do, it is not their fault. */
const MOST_FAILURES = 2

/** What is to be done about an execution or lane, by its workflow id. */
type Attempt = readonly [id: string, what: () => Promise<void>]

export class Sweeper {
  private readonly cluster: Cluster
  private readonly registry: Registry
  private readonly scope: string
  private readonly host: TemporalHost
  private readonly retentionMs: number
  private timer: NodeJS.Timeout | null = null
  private sweeping: Promise<void> = Promise.resolve()
  /** Up to here all ends were looked at. */
  private from = Date.now() - LATE_MS
  /** Up to here a second time. */
  private fromAgain = Date.now()
  /** What ended before, the newest first; null when all of it was looked at. */
  private past: AsyncGenerator<WorkflowExecutionInfo[], void, undefined> | null
  private pruned = 0
  private walk = new PruneWalk()
  private walkBegan = Date.now()
  /** What has failed in a way that passes. */
  private readonly pending = new Map<string, Attempt>()
  /** Executions and lanes whose history cannot be read. */
  private readonly hopeless = new Set<string>()
  /** Runs whose record was made from the history here. */
  private readonly compared = new Set<string>()
  /** Executions of other scopes, whose lanes are seen here. */
  private readonly foreign = new Set<string>()
  private closed = false

  constructor(cluster: Cluster, registry: Registry, scope: string, host: TemporalHost, retentionMs: number) {
    this.cluster = cluster
    this.registry = registry
    this.scope = scope
    this.host = host
    this.retentionMs = retentionMs
    this.past = this.ended(0, this.from)
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
    for (const what of [this.deliver, this.endDeletions, this.record, this.recordPast, this.archive, this.retry, this.prune]) {
      if (this.closed) return
      await what.call(this).catch(() => undefined)
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

  /** Of flows that were deleted by a process that is gone. */
  private endDeletions(): Promise<void> {
    return this.host.catalogue.resumeDeletions()
  }

  private async record(): Promise<void> {
    const until = Date.now() - UNRECORDED_MS
    const again = until - this.fromAgain >= ASK_AGAIN_MS
    for await (const page of this.ended(again ? this.fromAgain - LATE_MS : this.from, until)) {
      await this.look(page)
      if (this.closed) return
    }
    // not where they failed as a whole
    this.from = until
    if (again) this.fromAgain = until
  }

  /** A part of what ended while there was, perhaps, no worker. */
  private async recordPast(): Promise<void> {
    try {
      for (let pages = 0; this.past !== null && pages < PAST_PAGES && !this.closed; pages++) {
        const next = await this.past.next()
        if (next.done === true) this.past = null
        else await this.look(next.value)
      }
    } catch (error) {
      // from the beginning again: where it was, no order is promised
      this.past = this.ended(0, this.from)
      throw error
    }
  }

  /** Executions and lanes that ended within a time, and are not older than they are kept. */
  private async *ended(from: number, until: number): AsyncGenerator<WorkflowExecutionInfo[], void, undefined> {
    const earliest = Math.max(from, Date.now() - this.retentionMs, 0)
    const scope = scopeAttribute(this.scope).replaceAll('\\', '\\\\').replaceAll("'", "\\'")
    const query = [
      // lanes have no attributes
      `((${ATTRIBUTES.version} IS NOT NULL AND ${ATTRIBUTES.scope} = '${scope}') OR WorkflowType = '${LANE_TYPE}')`,
      "ExecutionStatus != 'Running' AND ExecutionStatus != 'ContinuedAsNew'",
      `CloseTime >= '${new Date(earliest).toISOString()}' AND CloseTime < '${new Date(until).toISOString()}'`,
    ].join(' AND ')
    let page: WorkflowExecutionInfo[] = []
    for await (const info of this.cluster.client.workflow.list({ query, pageSize: PER_PAGE })) {
      page.push(info)
      if (page.length < PER_PAGE) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }

  /** Records what of these is not recorded, or otherwise than it ended. */
  private async look(found: readonly WorkflowExecutionInfo[]): Promise<void> {
    // of what is due by now the record and the payloads may be gone
    const due = Date.now() - this.retentionMs + TASK_MS
    const page = found.filter(({ closeTime }) => (closeTime?.getTime() ?? 0) >= due)
    const lanes = page.flatMap(({ type, workflowId }) => (type === LANE_TYPE ? [workflowId] : []))
    const executions = page.filter(({ type }) => type !== LANE_TYPE)
    const ends = await this.registry.recordedEnds(executions.map(({ workflowId }) => workflowId))
    const unlike = executions.filter((info) => this.differs(info, ends.get(info.workflowId)))
    const deleted = await this.registry.deletions.among(unlike.map(({ workflowId: id, runId }) => ({ id, runId })))
    const wrong = unlike.filter(({ workflowId, runId }) => !deleted.has(`${workflowId}/${runId}`))
    await this.attempt(wrong.map(({ workflowId: id, runId }) => [id, () => this.recordNow(id, runId)]))
    if (lanes.length === 0) return
    const there = await this.registry.hasLane(lanes)
    await this.attempt(lanes.filter((id) => !there.has(id)).map((id) => [id, () => this.archiveLane(id)]))
  }

  /**
   * A workflow's last task can be refused by the server (something came in meanwhile) and be done again: what it had recorded is then not what
   * became of it, should the worker that did it again have died before it wrote its own.
   */
  private differs(info: WorkflowExecutionInfo, recorded: RecordedEnd | undefined): boolean {
    if (recorded === undefined) return true
    const closedAt = info.closeTime?.getTime() ?? 0
    if (recorded.status === statusOf(info) && closedAt - recorded.endedAt < TASK_MS) return false
    return !this.compared.has(info.runId)
  }

  private async recordNow(id: string, runId: string): Promise<void> {
    await this.host.reader.recordNow(id)
    note(this.compared, runId)
  }

  /** The journal of a lane that was too long to be handed over, or whose worker died. */
  private async archiveLane(id: string): Promise<void> {
    const execution = ownerOf(id)
    if (this.foreign.has(execution)) return
    const isOurs = (await this.registry.hasRecord([execution])).has(execution) || (await this.host.reader.describe(execution)) !== undefined
    if (isOurs) await this.host.reader.archiveLane(id)
    else note(this.foreign, execution)
  }

  /** Journals that were too long to be handed over, while Temporal still has the histories. */
  private async archive(): Promise<void> {
    const ids = await this.registry.withoutJournal(PER_SWEEP)
    await this.attempt(ids.map((id) => [id, () => this.host.reader.archive(id)]))
  }

  private retry(): Promise<void> {
    return this.attempt([...this.pending.values()])
  }

  /** One that fails must not be in the way of the others. Rejects where they fail as a whole. */
  private async attempt(all: readonly Attempt[]): Promise<void> {
    let failures = 0
    for (const attempt of all) {
      const [id, what] = attempt
      if (this.closed) return
      if (this.hopeless.has(id)) continue
      // behind the others that are to be tried again
      this.pending.delete(id)
      try {
        await what()
      } catch (error) {
        // what is wrong with the database as a whole is not wrong with this one
        const passes = isPassing(error) || (error instanceof RegistryError && error.code === 'store-unusable')
        if (passes) this.pending.set(id, attempt)
        else this.giveUp(id, error)
        if (passes && failures++ === MOST_FAILURES) throw error
      }
    }
  }

  private giveUp(id: string, error: unknown): void {
    note(this.hopeless, id)
    // Temporal's own retention was faster
    if (error instanceof EngineError && error.code === 'execution-not-found') return
    process.emitWarning(`execution ${id} cannot be recorded: ${messageOf(error)}`, 'FnflowRecordWarning')
  }

  private async prune(): Promise<void> {
    const now = Date.now()
    if (now - this.pruned < PRUNE_EVERY_MS) return
    if (now - this.walkBegan >= PRUNE_AGAIN_MS) {
      this.walk = new PruneWalk()
      this.walkBegan = now
    }
    const options = { before: now - this.retentionMs, limit: PER_SWEEP, endOf: (id: string) => this.endOf(id), walk: this.walk }
    while (!this.closed && (await this.registry.prune(options)) === PER_SWEEP) continue
    await this.registry.names.forget()
    while (!this.closed && (await this.registry.requestKeys.prune())) continue
    await this.registry.deletions.forget(now - Math.max(this.retentionMs, DELETION_NOTED_MS))
    this.pruned = now
  }

  /** When an execution without a record ended: Infinity while it runs, undefined where Temporal has none. */
  private async endOf(id: string): Promise<number | undefined> {
    if (this.closed) return Infinity
    const description = await this.host.reader.describe(id)
    if (description === undefined) return undefined
    return statusOf(description) === 'running' ? Infinity : description.closeTime?.getTime()
  }
}

/** Of what is forgotten everything may be done once more. */
function note(notes: Set<string>, id: string): void {
  if (notes.size >= MOST_NOTES) notes.clear()
  notes.add(id)
}
