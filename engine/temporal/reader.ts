/** What is read of executions: from Temporal while it has them, from the database when they have ended. */
import type { WorkflowExecutionDescription } from '@temporalio/client'
import type { Flow, FlowStart, Recorder } from '../../dsl/core/state.ts'
import type { Json } from '../../dsl/json.ts'
import { callbackMarks } from '../../workflows/protocol/outcomes.ts'
import { laneId } from '../../workflows/protocol/ids.ts'
import {
  ATTRIBUTES,
  LANE_SEPARATOR,
  scopeAttribute,
  type JournalHead,
  type JournalRow,
  type LaneHead,
  type StartInfo,
} from '../../workflows/protocol/shapes.ts'
import type { ExecutionRecord, ExecutionStatus, NodeRecord } from '../api.ts'
import { CarryCollector } from '../carry.ts'
import type { EndedExecution, IterationPage, IterationRange, NodesOptions } from '../durable.ts'
import type { Outcome } from '../embedded/contract.ts'
import { EngineError } from '../errors.ts'
import type { DeployedFlow } from '../execution-info.ts'
import type { FlowRegistry } from '../flow-registry.ts'
import { refreshView } from '../embedded/reader.ts'
import { LoopView } from '../loop-view.ts'
import { requireLoop } from '../node-names.ts'
import { NodeView } from '../view.ts'
import type { Cluster } from './cluster.ts'
import type { FoldServices, HistoryFold } from './history.ts'
import { problemsOf } from './problems.ts'
import { foldBatch, RangeNotes, type SeenRange } from './ranges.ts'
import { recordOfEnd } from './rebuild.ts'
import type { Registry } from './registry/registry.ts'
import { isNotFound } from './temporal-errors.ts'
import { foldHistory, foldJournal, foldLane, historyOf } from './view.ts'

/** One execution, folded. */
interface Folded {
  readonly flow: Flow
  readonly start: FlowStart
  readonly deployed: DeployedFlow
}

export class Reader {
  private readonly cluster: Cluster
  private readonly registry: Registry
  private readonly scope: string
  private readonly flows: FlowRegistry
  readonly services: FoldServices

  constructor(cluster: Cluster, registry: Registry, scope: string, flows: FlowRegistry) {
    this.cluster = cluster
    this.registry = registry
    this.scope = scope
    this.flows = flows
    this.services = cluster.foldServices(flows)
  }

  /** Undefined where there is no such execution. */
  async state(id: string): Promise<ExecutionStatus | undefined> {
    const description = await this.describe(id)
    if (description !== undefined) return statusOf(description)
    return (await this.registry.record(id, false))?.status
  }

  /** Throws EngineError `execution-not-found`. */
  async record(id: string, withData: boolean): Promise<ExecutionRecord> {
    const description = await this.describe(id)
    if (description !== undefined && statusOf(description) === 'running') return this.running(id, description, withData)
    const record = await this.registry.record(id, withData)
    if (record !== undefined) return record
    if (description === undefined) throw notFound(id)
    // ended this moment, or its worker died before it had written the record
    await this.recordNow(id)
    return (await this.registry.record(id, withData)) ?? notFoundNow(id)
  }

  /** What an execution runs. Throws EngineError `execution-not-found`. */
  async definition(id: string): Promise<DeployedFlow> {
    const { flow: name, version, revision } = await this.record(id, false)
    // every record has one
    const hash = revision as string
    const { plan, prepared } = await this.cluster.planOf(hash, this.flows)
    return { name, version, hash, plan, prepared, warnings: [] }
  }

  /** What came of an execution that Temporal no longer has. */
  async recordedOutcome(id: string): Promise<Outcome> {
    const record = await this.registry.record(id, true)
    if (record === undefined) throw notFound(id)
    const { status, output = null, error = null } = record
    return { id, status, output, error }
  }

  async nodes(id: string, options: NodesOptions): Promise<NodeRecord[]> {
    const { iterations, offset = 0, limit = 1000 } = options
    if (!Number.isInteger(offset) || offset < 0 || !Number.isInteger(limit) || limit < 1)
      throw new EngineError('bad-option', 'offset and limit must be whole numbers, from 0 and from 1')
    const inside = iterations === undefined ? {} : { inside: { loop: iterations, from: offset, to: offset + limit } }
    const view = new NodeView(inside)
    const notes = new RangeNotes(view)
    const folded = await this.fold(id, notes)
    refreshView(view, folded)
    if (iterations === undefined) {
      await this.countUnfinished(folded, notes.all(), view)
      return view.list()
    }
    for (const range of notes.all()) {
      const { from, items } = range.spec
      if (range.loop !== iterations || from >= offset + limit || from + items.length <= offset) continue
      const flow = await this.foldRange(folded, range, view)
      if (flow !== null) refreshView(view, { flow })
    }
    return view.list()
  }

  /** One page of a loop's iterations. Throws EngineError `node-not-found`. */
  async iterations(id: string, loop: string, { from, limit }: IterationRange): Promise<IterationPage> {
    const view = new NodeView({ inside: { loop, from, to: from + limit } })
    const watch = new LoopView(loop, view)
    const notes = new RangeNotes(watch)
    const folded = await this.fold(id, notes)
    requireLoop(loop, { id, plan: folded.deployed.plan })
    refreshView(view, folded, watch)
    for (const range of notes.all()) {
      if (!isIn(range, loop, from, limit)) continue
      const flow = await this.foldRange(folded, range, range.loop === loop ? view : watch)
      if (flow !== null) refreshView(view, { flow }, range.loop === loop ? undefined : watch)
    }
    return { items: view.list(), total: watch.total }
  }

  async ended(id: string): Promise<EndedExecution> {
    const record = await this.record(id, true)
    if (record.status === 'running') throw new EngineError('execution-running', `execution ${id} is still running`)
    const collector = new CarryCollector()
    const notes = new RangeNotes(collector)
    const folded = await this.fold(id, notes)
    collector.replaced = folded.flow.replaced ?? new Map()
    for (const range of notes.all()) {
      // of what is taken over whole nobody asks for the insides
      if (!collector.carried.has(range.loop)) await this.foldRange(folded, range, collector)
    }
    return { record, deployed: folded.deployed, collector }
  }

  /** Folds an execution with a recorder: its journal, telling of each event before it is taken, or its history. */
  async fold(id: string, recorder: Recorder, taking?: () => void): Promise<Folded> {
    if (id.includes(LANE_SEPARATOR)) throw notFound(id)
    const journal = (await this.registry.journal(id)) as readonly [JournalHead, ...JournalRow[]] | undefined
    if (journal === undefined) return this.foldHistory(id, recorder)
    const row = await this.registry.recordRow(id)
    if (row === undefined) throw notFound(id)
    const { input, startedAt, version, trigger, hash, flow: name } = row
    const start = { id, input, startedAt, version, trigger }
    const { plan, prepared } = await this.cluster.planOf(hash, this.flows)
    const [{ hints }, ...rows] = journal
    const flow = foldJournal(prepared, start, hints, rows, recorder, taking)
    return { flow, start: { ...start, callbackAt: callbackMarks }, deployed: { name, version, hash, plan, prepared, warnings: [] } }
  }

  /** Writes the record of an execution that has ended without one. */
  async recordNow(id: string): Promise<void> {
    const fold = await this.history(id)
    if (fold.end === undefined || fold.end === 'continued') return
    const record = recordOfEnd(fold)
    await this.registry.saveRecords([record])
  }

  /** Keeps the journal of an execution that was too long to be handed over. What Temporal has forgotten stays unknown. */
  async archive(id: string): Promise<void> {
    const { info, driver } = await this.history(id)
    await this.registry.saveJournal(id, [{ hints: info.hints } satisfies JournalHead, ...driver.journal])
  }

  /** Keeps the journal of a lane that has ended, by its workflow id. */
  async archiveLane(lane: string): Promise<void> {
    const { end, beganAt, driver } = await this.history(lane)
    if (end === undefined || end === 'continued') return
    await this.registry.saveLane(lane, [{ beganAt } satisfies LaneHead, ...driver.journal])
  }

  /** Throws EngineError `execution-not-found`. */
  async history(id: string, recorder?: Recorder): Promise<HistoryFold> {
    try {
      return await foldHistory(this.cluster, this.services, id, recorder)
    } catch (error) {
      if (isNotFound(error)) throw notFound(id)
      throw error
    }
  }

  /** The workflow of an execution of this scope; undefined where there is none. */
  async describe(id: string): Promise<WorkflowExecutionDescription | undefined> {
    if (id.includes(LANE_SEPARATOR)) return undefined
    try {
      const description = await this.cluster.client.workflow.getHandle(id).describe()
      const scopes = description.searchAttributes[ATTRIBUTES.scope]
      if (scopes?.[0] !== scopeAttribute(this.scope)) return undefined
      // Temporal is slow to delete, and some may not ask it to
      const isGone = statusOf(description) !== 'running' && (await this.registry.deletions.has(id, description.runId))
      return isGone ? undefined : description
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  private async foldHistory(id: string, recorder: Recorder): Promise<Folded> {
    if ((await this.describe(id)) === undefined) throw notFound(id)
    const fold = await this.history(id, recorder)
    const { info } = fold
    const { plan, prepared } = await this.cluster.planOf(info.hash, this.flows)
    const { flow, version, hash } = info
    const deployed = { name: flow, version, hash, plan, prepared, warnings: [] }
    return { flow: fold.driver.flow, start: fold.driver.flow.start, deployed }
  }

  /** Of a lane that its loop's end took with it the loop knows nothing: its iterations are counted here. */
  private async countUnfinished(folded: Folded, ranges: readonly SeenRange[], view: NodeView): Promise<void> {
    for (const range of ranges) {
      const record = view.records.get(range.loop)
      if (range.kind !== 'lane' || range.result !== undefined || record?.endedAt === undefined) continue
      const counts = record.iterations as { succeeded: number; failed: number }
      await this.foldRange(folded, range, countingRecorder(counts))
    }
  }

  /** Folds what is inside a range of a loop; null where nothing is known of it. */
  private async foldRange({ start, deployed }: Folded, range: SeenRange, recorder: Recorder): Promise<Flow | null> {
    if (range.kind === 'batch') return foldBatch(deployed.prepared, start, range, recorder)
    const lane = laneId(start.id, range.place)
    const journal = (await this.registry.lane(lane)) as readonly [LaneHead, ...JournalRow[]] | undefined
    if (journal !== undefined) {
      const [{ beganAt }, ...rows] = journal
      return foldLane(deployed.prepared, start, { ...range.spec, beganAt }, rows, recorder)
    }
    try {
      return (await foldHistory(this.cluster, this.services, lane, recorder)).driver.flow
    } catch (error) {
      if (isNotFound(error)) return null
      throw error
    }
  }

  private async running(id: string, description: WorkflowExecutionDescription, withData: boolean): Promise<ExecutionRecord> {
    const { info, input, startedAt } = await this.startOf(id, description)
    const { flow, version, hash, name, parent, retryOf, trigger } = info
    const problems = await problemsOf(this.cluster, description)
    return {
      id,
      flow,
      version,
      revision: hash,
      mode: 'standard',
      ...(name === undefined ? {} : { name }),
      status: 'running',
      startedAt,
      ...(withData ? { input } : {}),
      ...(parent === undefined ? {} : { parent: { execution: parent.execution, node: parent.node } }),
      ...(retryOf === undefined ? {} : { retryOf }),
      ...(trigger === undefined ? {} : { trigger: { type: trigger.type, ...(trigger.name === undefined ? {} : { name: trigger.name }) } }),
      ...(problems.length === 0 ? {} : { problems }),
    }
  }

  /** What the workflow was started with: the first event of its history. */
  private async startOf(
    id: string,
    { startTime }: WorkflowExecutionDescription,
  ): Promise<{ readonly info: StartInfo; readonly input: Json; readonly startedAt: number }> {
    for await (const [first] of historyOf(this.cluster, id)) {
      const args = await this.services.payloads.all(first?.workflowExecutionStartedEventAttributes?.input)
      const info = args[0] as StartInfo
      return { info, input: (args[2] ?? null) as Json, startedAt: info.startedAt ?? startTime.getTime() }
    }
    throw notFound(id)
  }
}

/** State of an execution, from that of its workflow; what only the record knows (`timedOut`) is in an attribute. */
export function statusOf({ status, searchAttributes }: Pick<WorkflowExecutionDescription, 'status' | 'searchAttributes'>): ExecutionStatus {
  switch (status.name) {
    case 'COMPLETED':
      return 'succeeded'
    case 'CANCELLED':
    case 'TERMINATED':
      return 'cancelled'
    case 'TIMED_OUT':
      return 'timedOut'
    case 'FAILED':
      return searchAttributes[ATTRIBUTES.status]?.[0] === 'timedOut' ? 'timedOut' : 'failed'
    default:
      return 'running'
  }
}

/** Whether a range holds some of the iterations that are wanted, or the iteration whose inner loop they are of. */
function isIn({ loop, spec }: SeenRange, wanted: string, from: number, limit: number): boolean {
  const end = spec.from + spec.items.length
  if (loop === wanted) return spec.from < from + limit && end > from
  if (!wanted.startsWith(`${loop}[`)) return false
  const index = Number.parseInt(wanted.slice(loop.length + 1), 10)
  return index >= spec.from && index < end
}

function countingRecorder(counts: { succeeded: number; failed: number }): Recorder {
  const nothing = (): void => undefined
  return {
    started: nothing,
    changed: nothing,
    ended: nothing,
    iterationEnded(_run, _index, ok) {
      if (ok) counts.succeeded += 1
      else counts.failed += 1
    },
  }
}

function notFound(id: string): EngineError {
  return new EngineError('execution-not-found', `no execution ${id}`)
}

function notFoundNow(id: string): never {
  throw notFound(id)
}
