/**
 * Standard flows on Temporal, as the engine sees them. Keeps nothing of its own: what runs is asked of Temporal, what has ended of the
 * database, so any number of processes serve the same executions.
 */
import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle, type WorkflowStartOptions } from '@temporalio/client'
import type { Json } from '../../dsl/json.ts'
import { PlanRef } from '../../workflows/protocol/converter.ts'
import { LARGE_BYTES, workflowTaskTimeout } from '../../workflows/protocol/limits.ts'
import {
  ATTRIBUTES,
  MEMO,
  QUERY_AWAITS,
  scopeAttribute,
  SIGNAL_CALLBACK,
  type CallbackSignal,
  type StartInfo,
  type Taken,
} from '../../workflows/protocol/shapes.ts'
import type { ExecutionEvent, ExecutionRecord, ListOptions, NodeRecord } from '../api.ts'
import { jsonBytes } from '../../dsl/json-copy.ts'
import type { Durable, EndedExecution, IterationPage, IterationRange, NodesOptions, StartedExecution } from '../durable.ts'
import type { BatchStore } from '../batches/store.ts'
import type { DurableStart, Outcome } from '../embedded/contract.ts'
import { EngineError, waitAborted } from '../errors.ts'
import type { DeployedFlow } from '../execution-info.ts'
import type { FlowFiles } from '../flow-files.ts'
import type { FlowRegistry } from '../flow-registry.ts'
import type { FunctionStore } from '../function-uploads/api.ts'
import type { TriggerStore } from '../triggers/store.ts'
import { callbackToken, newId, tokenHash } from '../ids.ts'
import type { StatisticsRange, StatisticsRow } from '../statistics.ts'
import type { LogRange, StoredLine } from '../log-lines.ts'
import { notWaiting, placeNamed } from '../node-names.ts'
import type { DependencyHealth, EngineHealth, Observers } from '../observer.ts'
import { TemporalCatalogue } from './catalogue.ts'
import type { Cluster } from './cluster.ts'
import { deleteExecution } from './deletion.ts'
import { followExecution } from './follow.ts'
import { findFlow, hasLoop, hintsOf } from './flows.ts'
import { listExecutions } from './listing.ts'
import { OpenCount } from './open-count.ts'
import { waitForOutcome } from './outcome.ts'
import { takeName } from './names.ts'
import { Reader } from './reader.ts'
import { TemporalKeys } from './request-keys.ts'
import { isNotFound, isPassing } from './temporal-errors.ts'
import { TemporalTriggers } from './trigger-store.ts'
import type { Registry } from './registry/registry.ts'

/** A stop is safe when Temporal has it; this long it is waited for, so that who asks next sees it. */
const STOP_WAIT_MS = 10_000
/** How long an outage is waited for. */
const START_WAIT_MS = 15_000
/** Shorter: an answer that is not told now is told by the sweeper. */
const SIGNAL_WAIT_MS = 5000
/** How long a worker may take to say whether something still waits for a callback; it is taken then all the same. */
const AWAITS_MS = 3000
/** How long a server may take to answer at all. */
const HEALTH_MS = 2000
/** A retry that is claimed is started within this. */
const START_MS = 30_000
/** No execution has another id: neither Temporal nor the database need be asked, which refuse some. */
const ID = /^[A-Za-z0-9_.-]{1,128}$/
/** Executions that this process has started, and need not ask whose they are. */
const MOST_OWN = 10_000
const PAUSE_MS = [100, 500, 1000, 2000, 5000] as const

export interface HostOptions {
  readonly scope: string
  readonly flows: FlowRegistry
  readonly observers: Observers
  callbackUrl(token: string): string
  /** Ends what the host stands on. */
  closing(): Promise<void>
}

export class TemporalHost implements Durable {
  readonly cluster: Cluster
  private readonly registry: Registry
  private readonly scope: string
  private readonly flows: FlowRegistry
  readonly reader: Reader
  readonly catalogue: TemporalCatalogue
  readonly batches: BatchStore
  readonly files: FlowFiles
  readonly functions: FunctionStore
  readonly keys: TemporalKeys
  readonly triggers: TriggerStore
  private readonly closing: () => Promise<void>
  private readonly callbackUrl: (token: string) => string
  private readonly closed = new AbortController()
  private readonly own = new Set<string>()
  private readonly opened: OpenCount
  private readonly observers: Observers

  constructor(cluster: Cluster, registry: Registry, { scope, flows, observers, callbackUrl, closing }: HostOptions) {
    this.observers = observers
    this.cluster = cluster
    this.registry = registry
    this.batches = registry.batches
    this.opened = new OpenCount(cluster, scope)
    this.files = registry.files
    this.functions = registry.uploads
    this.keys = new TemporalKeys(registry.requestKeys)
    this.scope = scope
    this.flows = flows
    this.reader = new Reader(cluster, registry, scope, flows)
    this.triggers = new TemporalTriggers(registry.triggers, cluster, scope)
    this.closing = closing
    this.callbackUrl = callbackUrl
    const executions = {
      list: (options: ListOptions) => this.list(options),
      isRunning: async (id: string) => (await cluster.ask(() => this.reader.state(id))) === 'running',
      cancel: (id: string) => this.cancel(id),
    }
    this.catalogue = new TemporalCatalogue(registry.catalogue, flows, executions, this.closed.signal)
  }

  async find(ref: string, id?: string | null): Promise<DeployedFlow | undefined> {
    if (typeof ref !== 'string') return undefined
    const found = await findFlow(this.registry.catalogue, ref, id === undefined ? newId() : id)
    if (found === undefined) return undefined
    const { plan, prepared } = await this.cluster.planOf(found.hash, this.flows)
    return { name: found.name, version: found.version, hash: found.hash, plan, prepared, warnings: [] }
  }

  async start(deployed: DeployedFlow, given: DurableStart): Promise<StartedExecution> {
    const start = given.name === undefined ? given : await this.named(deployed.name, given)
    const { id, fresh, input } = start
    // Temporal forgets after its own retention; the record stays
    if (fresh !== true) {
      const record = await this.registry.record(id, false)
      if (record !== undefined) return { existed: true, id, flow: record.flow }
    }
    if (start.admit !== undefined) {
      const open = await this.opened.get()
      try {
        start.admit(open)
      } catch (error) {
        // a repetition makes nothing new
        if (fresh === true || (await this.reader.state(id)) === undefined) throw error
        return { existed: true, id, flow: await this.flowOf(id) }
      }
    }
    const { name, hash, plan } = deployed
    await this.registry.savePlan(hash, JSON.stringify(plan))
    const taken = takenOf(start)
    const args = [await this.infoOf(deployed, start), new PlanRef(hash), input, ...(taken === null ? [] : [taken])]
    const isLarge = taken !== null || jsonBytes(input, LARGE_BYTES) >= LARGE_BYTES
    const options: WorkflowStartOptions<(...args: any[]) => Promise<unknown>> = {
      workflowId: id,
      taskQueue: this.cluster.options.taskQueue,
      args,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowTaskTimeout: workflowTaskTimeout({ hasLoop: hasLoop(plan), isLarge }),
      searchAttributes: this.attributesOf(deployed, start),
      memo: { [MEMO.revision]: hash },
    }
    try {
      await this.cluster.client.withDeadline(Date.now() + START_WAIT_MS, () => this.cluster.client.workflow.start(name, options))
      this.opened.started()
      this.own.add(id)
      this.observers.current?.executionStarted(name)
      const [oldest] = this.own
      if (this.own.size > MOST_OWN) this.own.delete(oldest as string)
      return { existed: false, id, flow: name }
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return { existed: true, id, flow: await this.flowOf(id) }
      throw await this.refused(error)
    }
  }

  /** The start with the id that its name has, from now on or since before: whoever repeats it finds the same. Throws EngineError `conflict`. */
  private async named(flow: string, start: DurableStart): Promise<DurableStart> {
    const { id, name = '', input } = start
    const isThere = start.fresh !== true && (await this.reader.state(id)) !== undefined
    if (isThere) return start
    const taken = await takeName(this.registry, { flow, name, execution: id, input }, async (other) => {
      return (await this.reader.state(other)) !== undefined || isYoung(other)
    })
    return taken === id ? start : { ...start, id: taken, fresh: false }
  }

  /** Of an execution whose id is taken. */
  private async flowOf(id: string): Promise<string> {
    try {
      return (await this.record(id, false)).flow
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'execution-not-found') throw error
      throw new EngineError(
        'conflict',
        `execution ${id} was deleted, and Temporal has not let go of its id yet; start it under another one`,
      )
    }
  }

  async whenEnded(id: string): Promise<void> {
    await this.outcome(id)
  }

  async outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    checkId(id)
    if (signal?.aborted === true) throw waitAborted(signal)
    const both = signal === undefined ? this.closed.signal : AbortSignal.any([signal, this.closed.signal])
    for (let attempt = 0; ; attempt++) {
      try {
        // of another scope, or none of ours at all
        if (!this.own.has(id) && (await this.reader.describe(id)) === undefined) return await this.reader.recordedOutcome(id)
        return await waitForOutcome(this.cluster, id, both)
      } catch (error) {
        if (isAborted(signal)) throw waitAborted(signal)
        if (this.closed.signal.aborted) throw closedError()
        if (isNotFound(error)) return this.reader.recordedOutcome(id)
        // an outage: the execution goes on, and so does the wait
        if (!isPassing(error)) throw await this.refused(error)
        await pause(attempt, both)
      }
    }
  }

  async stop(id: string): Promise<boolean> {
    checkId(id)
    const known = await this.reader.state(id)
    if (known !== 'running') return false
    try {
      await this.handle(id).cancel()
    } catch (error) {
      if (isNotFound(error)) return false
      throw await this.refused(error)
    }
    const ended = await this.outcome(id, AbortSignal.timeout(STOP_WAIT_MS)).catch((error: unknown) => {
      if (error instanceof EngineError && error.code === 'aborted') return null
      throw error
    })
    return ended === null || ended.status === 'cancelled'
  }

  async called(token: string, ok: boolean, value: Json, call?: string): Promise<void> {
    const hash = tokenHash(token)
    const callback = await this.registry.callback(hash)
    if (callback === undefined) throw new EngineError('callback-not-found', 'no callback has this token')
    const { execution, place } = callback
    if (callback.state === 'answered') {
      // the same call, whose answer was lost
      if (call !== undefined && (await this.registry.answerCallback(hash, { ok, value }, call)) === 'taken') return
      throw usedError()
    }
    if (callback.state === 'gone' || callback.expiresAt <= Date.now() || !(await this.awaits(execution, place))) {
      await this.registry.retireCallback(hash)
      // nothing waits any more where another answer was faster, too
      throw (await this.registry.callback(hash))?.state === 'answered' ? usedError() : expiredError()
    }
    const taken = await this.registry.answerCallback(hash, { ok, value }, call)
    if (taken === 'already') throw usedError()
    if (taken !== 'taken') throw expiredError()
    await this.deliver({ hash, execution, place, answer: { ok, value } })
  }

  async answer(id: string, node: string, ok: boolean, value: Json, call?: string): Promise<void> {
    const { plan } = await this.definition(id)
    try {
      const place = placeNamed(await this.registry.openCallbacks(id), node, { id, plan })
      await this.called(callbackToken(this.registry.secret, id, place), ok, value, call)
    } catch (error) {
      if (call !== undefined && (await this.registry.wasAnsweredBy(id, call))) return
      throw notWaiting(error, id, node)
    }
  }

  async delete(id: string): Promise<void> {
    checkId(id)
    await this.cluster.ask(() => deleteExecution(this.cluster, this.registry, this.reader, id))
    this.own.delete(id)
  }

  async definition(id: string): Promise<DeployedFlow> {
    checkId(id)
    return this.cluster.ask(() => this.reader.definition(id))
  }

  async iterations(id: string, loop: string, range: IterationRange): Promise<IterationPage> {
    checkId(id)
    return this.cluster.ask(() => this.reader.iterations(id, loop, range))
  }

  /** Tells the workflow of an answer that is safe in the database; if that fails, the sweeper does it again. */
  async deliver(answer: Awaited<ReturnType<Registry['undeliveredAnswers']>>[number]): Promise<void> {
    const { hash, execution, place } = answer
    const signal: CallbackSignal = { place, ...answer.answer }
    try {
      await this.cluster.client.withDeadline(Date.now() + SIGNAL_WAIT_MS, () => this.handle(execution).signal(SIGNAL_CALLBACK, signal))
    } catch (error) {
      // ended in between; anything else passes
      if (!isNotFound(error)) return
    }
    await this.registry.markDelivered(hash)
  }

  statistics(range: StatisticsRange): Promise<StatisticsRow[]> {
    return this.registry.statistics(range)
  }

  async record(id: string, withData: boolean): Promise<ExecutionRecord> {
    checkId(id)
    return this.cluster.ask(() => this.reader.record(id, withData))
  }

  async nodes(id: string, options: NodesOptions): Promise<NodeRecord[]> {
    checkId(id)
    return this.cluster.ask(() => this.reader.nodes(id, options))
  }

  list(options: ListOptions): Promise<{ items: ExecutionRecord[]; nextCursor?: string }> {
    return this.cluster.ask(() => listExecutions(this.cluster, this.registry, this.scope, options))
  }

  follow(id: string, options: { readonly after?: number; readonly signal?: AbortSignal }): AsyncGenerator<ExecutionEvent, void, undefined> {
    checkId(id)
    const { cluster, registry, reader, callbackUrl } = this
    return followExecution({ cluster, registry, reader, callbackUrl, closed: this.closed.signal }, id, options)
  }

  /** Workers gather lines for the database. */
  readonly linesComeLateMs = 1000

  async logs(id: string, range: LogRange): Promise<StoredLine[]> {
    checkId(id)
    const lines = await this.registry.logs(id, range)
    // throws where there is no such execution
    if (lines.length === 0) await this.record(id, false)
    return lines
  }

  async ended(id: string): Promise<EndedExecution> {
    checkId(id)
    return this.cluster.ask(() => this.reader.ended(id))
  }

  async claimRetry({ id }: ExecutionRecord, retry: string): Promise<void> {
    for (;;) {
      const previous = await this.registry.claimRetry(id, retry)
      if (previous === undefined || previous === retry) return
      const state = await this.reader.state(previous)
      if (state === 'running' || (state === undefined && isYoung(previous)))
        throw new EngineError('retry-running', `a retry of execution ${id} is running`)
      if (await this.registry.replaceRetry(id, previous, retry)) return
    }
  }

  open(): Promise<number> {
    return this.opened.get()
  }

  async health(): Promise<EngineHealth> {
    if (this.closed.signal.aborted) return { dependencies: { temporal: { state: 'failed' }, postgresql: { state: 'failed' } } }
    const stateOf = async (asked: Promise<unknown>): Promise<DependencyHealth> => {
      const late = AbortSignal.timeout(HEALTH_MS)
      const tooLate = new Promise<never>((_, reject) => late.addEventListener('abort', () => reject(new Error('no answer'))))
      return Promise.race([asked, tooLate]).then(
        () => ({ state: 'ok' }),
        () => ({ state: 'failed' }),
      )
    }
    const [temporal, postgresql] = await Promise.all([stateOf(this.cluster.ping(HEALTH_MS)), stateOf(this.registry.ping())])
    return { dependencies: { temporal, postgresql } }
  }

  async close(): Promise<void> {
    this.closed.abort()
    this.keys.close()
    await this.closing()
  }

  abandon(): void {
    void this.close()
  }

  private async infoOf({ name, version, hash, plan }: DeployedFlow, start: DurableStart): Promise<StartInfo> {
    const { id, name: given, depth = 0, parent, trigger, traceparent, retryOf } = start
    const hints = hintsOf(plan, await this.cluster.registry.functions(), this.cluster.options.taskQueue)
    return {
      protocol: 1,
      id,
      flow: name,
      version,
      hash,
      scope: this.scope,
      depth,
      hints,
      ...(given === undefined ? {} : { name: given }),
      ...(trigger === undefined ? {} : { trigger }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(parent === undefined ? {} : { parent: { execution: parent.execution, node: parent.node, place: parent.place ?? '' } }),
      ...(retryOf === undefined ? {} : { retryOf }),
    }
  }

  private attributesOf({ version }: DeployedFlow, { name, parent, retryOf, trigger }: DurableStart): Record<string, string[]> {
    return {
      [ATTRIBUTES.version]: [version],
      [ATTRIBUTES.scope]: [scopeAttribute(this.scope)],
      ...(name === undefined ? {} : { [ATTRIBUTES.name]: [name] }),
      ...(parent === undefined ? {} : { [ATTRIBUTES.parent]: [parent.execution] }),
      ...(retryOf === undefined ? {} : { [ATTRIBUTES.retryOf]: [retryOf] }),
      ...(trigger === undefined
        ? {}
        : { [ATTRIBUTES.trigger]: [trigger.name === undefined ? trigger.type : `${trigger.type}/${trigger.name}`] }),
    }
  }

  /** True if a call of the endpoint would count now, or if nobody can say. */
  private async awaits(execution: string, place: string): Promise<boolean> {
    try {
      const asking = this.cluster.client.withDeadline(Date.now() + AWAITS_MS, () =>
        this.handle(execution).query<boolean, [string]>(QUERY_AWAITS, place),
      )
      return await asking
    } catch (error) {
      return !isNotFound(error)
    }
  }

  private async cancel(id: string): Promise<void> {
    try {
      await this.handle(id).cancel()
    } catch (error) {
      if (!isNotFound(error)) throw await this.refused(error)
    }
  }

  private handle(id: string): WorkflowHandle {
    return this.cluster.client.workflow.getHandle(id)
  }

  /** What a call came to, as the engine's error. */
  private async refused(error: unknown): Promise<EngineError> {
    if (this.closed.signal.aborted) return closedError()
    return this.cluster.ask<never>(() => Promise.reject(error as Error)).catch((mapped: unknown) => mapped as EngineError)
  }
}

function takenOf({ carried, replaced }: DurableStart): Taken | null {
  if ((carried?.size ?? 0) === 0 && (replaced?.size ?? 0) === 0) return null
  return {
    ...(carried === undefined ? {} : { carried: [...carried] }),
    ...(replaced === undefined ? {} : { replaced: [...replaced] }),
  }
}

/** Of an id that this engine has made: it may be about to be started; later on whoever was to start it has died before. */
function isYoung(id: string): boolean {
  return Date.now() - Number.parseInt(id.slice(0, 13).replace('-', ''), 16) < START_MS
}

/** Throws EngineError `execution-not-found`. */
function checkId(id: string): void {
  if (typeof id !== 'string' || !ID.test(id)) throw new EngineError('execution-not-found', `no execution ${String(id).slice(0, 200)}`)
}

/** It may have been aborted since it was last looked at. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function pause(attempt: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, PAUSE_MS[Math.min(attempt, PAUSE_MS.length - 1)])
    signal.addEventListener('abort', done)
  })
}

function usedError(): EngineError {
  return new EngineError('callback-already-used', 'this callback was answered before; a token works once')
}

function expiredError(): EngineError {
  return new EngineError('callback-expired', 'nothing waits for this callback any more')
}

function closedError(): EngineError {
  return new EngineError('engine-closed', 'the engine was closed; the execution goes on')
}
