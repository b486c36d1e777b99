import { jsonBytes, PAYLOAD_LIMIT } from '../dsl/json-copy.ts'
import type { Plan } from '../dsl/plan.ts'
import type { Json } from '../dsl/json.ts'
import { Outbound } from '../executors/outbound/outbound.ts'
import { ExecutorRegistry } from '../executors/registry.ts'
import type { InstanceCount, LogLine } from '../executors/contract.ts'
import type {
  CallbackResult,
  Engine,
  EngineOptions,
  Execution,
  ExecutionEvent,
  ExecutionRecord,
  FlowRecord,
  InvokeOptions,
  ListOptions,
  NodeRecord,
  RerunOptions,
  RerunPlan,
  StartOptions,
} from './api.ts'
import { forRerun, forRetry, inputsFor } from './carry.ts'
import { Channels } from './channels.ts'
import { Deadlines } from './deadlines.ts'
import type { Durable, EndedExecution } from './durable.ts'
import { invokeDirectly } from './direct-invocation.ts'
import type { Outcome } from './embedded/contract.ts'
import type { EmbeddedHost } from './embedded/embedded-host.ts'
import { EngineError, ExecutionFailed, waitAborted } from './errors.ts'
import type { DeployedFlow } from './execution-info.ts'
import {
  ExpressExecution,
  type ExpressCallbacks,
  type ExpressDone,
  type ExpressServices,
  type ExpressStart,
} from './express/express-host.ts'
import { listExpress } from './express/listing.ts'
import { FlowRegistry } from './flow-registry.ts'
import { FunctionDocuments, type EngineFunctions } from './function-documents.ts'
import { FunctionRegistry, handlerSpec } from './functions.ts'
import { newId } from './ids.ts'
import { checkKeys, checkSignal, checkStart, takeAnswer, takeInput, takeTrigger } from './intake.ts'
import { Invoker } from './invoker.ts'
import { guarded } from './listeners.ts'
import { Observers, type EngineHealth, type EngineObserver } from './observer.ts'
import { LocalChildren } from './local-children.ts'
import type { EngineServices, TemporalHost } from './temporal/index.ts'
import { randomBytes } from 'node:crypto'

const DAY_MS = 86_400_000
/** Dependencies are not asked more often: anybody may ask whether a server is ready. */
const HEALTH_MS = 1000
const DEFAULT_RETENTION_MS = 90 * DAY_MS
/** Ended express executions that `describe` still knows. */
const EXPRESS_REMEMBERED = 1000
const EXPRESS_REMEMBERED_BYTES = 64 * 1024 * 1024
const RERUN_OPTIONS: ReadonlySet<string> = new Set(['from', 'input', 'version', 'dryRun'])
const NODES_OPTIONS: ReadonlySet<string> = new Set(['iterations', 'offset', 'limit'])

/** What the tests of recovery may set. */
export interface EngineSeams {
  /** Every event is a commit of its own; called after each, true: stop here, as a crash would. */
  readonly afterEvent?: () => boolean
  /** Makes the Temporal host, in place of connecting. */
  readonly temporal?: (services: EngineServices) => Promise<TemporalHost>
}

/** The engine on one machine: express flows in memory, standard ones in SQLite. */
export class LocalEngine implements Engine {
  private readonly options: EngineOptions
  private readonly seams: EngineSeams
  readonly functions: EngineFunctions
  private readonly registry: FunctionRegistry
  private readonly deadlines = new Deadlines()
  private readonly observers = new Observers()
  private healthAsked: { readonly at: number; readonly health: Promise<EngineHealth> } | null = null
  private readonly flows: FlowRegistry
  private readonly expressServices: ExpressServices
  private readonly invoker: Invoker
  /** What sends requests for channels and functions. */
  private readonly outbound: Outbound
  private readonly channels: Channels
  private readonly children: LocalChildren
  private readonly expressCallbacks: ExpressCallbacks = new Map()
  private readonly express = new Map<string, ExpressExecution>()
  /** Ended express executions in the order of their ends, with their size. */
  private readonly remembered = new Map<string, number>()
  private rememberedBytes = 0
  private readonly onLog: (line: LogLine & { readonly execution?: string; readonly node?: string }) => void
  private readonly closed = new AbortController()
  private opening: Promise<Durable> | null = null
  private host: Durable | null = null
  private closing: Promise<void> | null = null

  private constructor(options: EngineOptions, seams: EngineSeams) {
    this.options = options
    this.seams = seams
    this.onLog = guarded('onLog', options.onLog)
    this.registry = new FunctionRegistry(new ExecutorRegistry())
    this.functions = new FunctionDocuments(this.registry)
    for (const [runtime, factory] of Object.entries(options.executors ?? {})) this.registry.executors.registerExecutor(runtime, factory)
    for (const [name, given] of Object.entries(options.functions ?? {})) {
      this.registry.add(typeof given === 'function' ? handlerSpec(name, given) : given)
    }
    this.outbound = new Outbound(options.outbound)
    this.invoker = new Invoker(this.registry, this.deadlines, this.observers)
    const logText = (text: string): void => this.log({ time: Date.now(), requestId: '', level: 'info', text }, undefined, undefined)
    this.channels = new Channels(options.channels ?? {}, logText)
    this.flows = new FlowRegistry({
      hasFunction: (ref) => this.registry.has(ref),
      hasChannel: (name) => this.channels.has(name),
    })
    this.children = new LocalChildren({
      flows: this.flows,
      ...(options.engine === 'temporal' ? { shared: async (flow: string) => (await this.opened()).find?.(flow) } : {}),
      durable: () => (options.engine === 'express' ? null : this.opened()),
      startExpress: (deployed, input, start, done) => this.newExpress(deployed, input, start, done),
    })
    this.expressServices = {
      invoker: this.invoker,
      channels: this.channels,
      children: this.children,
      secret: randomBytes(32),
      callbackUrl: (token) => this.callbackUrl(token),
      log: (line, execution, node) => this.log(line, execution, node),
      onCallback: guarded('onCallback', options.onCallback),
    }
  }

  /** @internal Use `createEngine`. */
  static async open(options: EngineOptions, seams: EngineSeams = {}): Promise<LocalEngine> {
    const engine = new LocalEngine(options, seams)
    // a store in a folder may hold work that was left; one in memory is made when first needed
    if (options.engine === 'temporal' || (options.engine !== 'express' && options.store !== undefined && options.store !== ':memory:'))
      await engine.opened()
    return engine
  }

  async check(source: string | Uint8Array | object): ReturnType<Engine['check']> {
    this.mustBeOpen()
    const { plan, diagnostics } = await this.flows.check(source)
    return { diagnostics, ...(plan === undefined ? {} : { flow: plan.flow }) }
  }

  async flow(ref: string): Promise<FlowRecord> {
    this.mustBeOpen()
    const { name: flow, version, hash, plan } = await this.deployed(ref)
    return { flow, version, hash, mode: plan.mode }
  }

  async deploy(source: string | Uint8Array | object): ReturnType<Engine['deploy']> {
    this.mustBeOpen()
    const deployed = await this.flows.load(source)
    if (deployed.plan.mode === 'standard' && this.options.engine === 'express') {
      throw new EngineError(
        'not-express',
        `flow ${deployed.name} is a standard flow, and this engine runs express flows only; set mode: express, or use the embedded engine`,
      )
    }
    const host = this.options.engine === 'temporal' ? await this.opened() : this.host
    if (host !== null) await host.save(deployed)
    this.flows.add(deployed)
    const { name: flow, hash, warnings, plan } = deployed
    return { flow, hash, warnings, plan }
  }

  async start(flow: string, options: StartOptions = {}): Promise<Execution> {
    this.mustBeOpen()
    checkStart(options)
    const input = takeInput(options.input)
    return this.begin(this.shared ? await this.deployed(flow) : this.flows.get(flow), input, options)
  }

  run(flow: string, options: StartOptions = {}): Promise<Json> {
    if (this.shared) return this.runShared(flow, options)
    let deployed: DeployedFlow
    let input: Json
    try {
      this.mustBeOpen()
      checkStart(options)
      deployed = this.flows.get(flow)
      input = takeInput(options.input)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    if (deployed.plan.mode === 'express' && options.id === undefined) return this.runExpress(deployed, input, options)
    return this.begin(deployed, input, options).then((execution) => execution.result(signalOf(options)))
  }

  async execution(id: string): Promise<Execution> {
    const { flow } = await this.describe(id)
    return this.handle(id, flow)
  }

  async result(id: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Json> {
    checkSignal(options.signal)
    const express = this.express.get(id)
    if (express !== undefined) return this.expressResult(express, options.signal)
    return outputOf(await (await this.durable(id)).outcome(id, options.signal))
  }

  async stop(id: string): Promise<void> {
    this.mustBeOpen()
    const express = this.express.get(id)
    if (express !== undefined) {
      return stopExpress(express)
    }
    const durable = await this.durable(id)
    if (await durable.stop(id)) return
    throw notRunning(id, (await durable.record(id, false)).status)
  }

  async retry(id: string): Promise<Execution> {
    const { durable, collector, deployed, record } = await this.endedExecution(id)
    if (record.status === 'succeeded') throw new EngineError('execution-not-failed', `execution ${id} succeeded; to run it again use rerun`)
    const newOne = newId()
    await durable.claimRetry(record, newOne)
    await durable.start(deployed, {
      id: newOne,
      fresh: true,
      input: record.input ?? null,
      trigger: { type: 'retry' },
      retryOf: id,
      carried: forRetry(collector),
      replaced: collector.replaced,
    })
    return this.handle(newOne, record.flow)
  }

  rerun(id: string, options: RerunOptions & { readonly dryRun: true }): Promise<RerunPlan>
  rerun(id: string, options?: RerunOptions): Promise<Execution>
  async rerun(id: string, options: RerunOptions = {}): Promise<Execution | RerunPlan> {
    checkKeys(options, RERUN_OPTIONS, 'rerun')
    const given = options.input === undefined ? undefined : takeInput(options.input)
    const { durable, collector, deployed, record } = await this.endedExecution(id)
    const { flow } = record
    const target = options.version === undefined ? deployed : await this.deployed(`${flow}:${options.version}`)
    const from = options.from ?? target.plan.start
    const request = { from, before: deployed.plan, after: target.plan }
    const { carried, plan } = forRerun(collector, request)
    if (options.dryRun === true) return plan
    const newOne = newId()
    await durable.start(target, {
      id: newOne,
      fresh: true,
      input: record.input ?? null,
      trigger: { type: 'rerun' },
      retryOf: id,
      carried,
      replaced: inputsFor(collector, request, given),
    })
    return this.handle(newOne, flow)
  }

  async describe(id: string): Promise<ExecutionRecord> {
    const express = this.express.get(id)
    if (express !== undefined) return express.describe()
    return (await this.durable(id)).record(id, true)
  }

  async nodes(
    id: string,
    options: { readonly iterations?: string; readonly offset?: number; readonly limit?: number } = {},
  ): Promise<NodeRecord[]> {
    if (this.express.has(id))
      throw new EngineError('not-durable', `execution ${id} is of an express flow, which keeps no records of its nodes`)
    checkKeys(options, NODES_OPTIONS, 'nodes')
    return (await this.durable(id)).nodes(id, options)
  }

  async list(options: ListOptions = {}): Promise<{ items: ExecutionRecord[]; nextCursor?: string }> {
    this.mustBeOpen()
    if (this.options.engine === 'express')
      return listExpress(
        [...this.express.values()].reverse().map((execution) => execution.describe()),
        options,
      )
    return (await this.opened()).list(options)
  }

  async *events(
    id: string,
    options: { readonly after?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ExecutionEvent, void, undefined> {
    if (this.express.has(id))
      throw new EngineError('not-durable', `execution ${id} is of an express flow; follow it with the option onNode of start`)
    checkSignal(options.signal)
    if (options.after !== undefined && !Number.isInteger(options.after))
      throw new EngineError('bad-option', 'after must be the id of an event, a whole number')
    yield* (await this.durable(id)).follow(id, options)
  }

  async logs(id: string): Promise<(LogLine & { node?: string })[]> {
    return (await this.durable(id)).logs(id)
  }

  async callback(token: string, result: CallbackResult): Promise<void> {
    this.mustBeOpen()
    if (typeof token !== 'string') throw new EngineError('callback-not-found', 'no callback has this token')
    const { ok, value } = takeAnswer(result)
    const waiting = this.expressCallbacks.get(token)
    if (waiting !== undefined) {
      if (waiting.used) throw new EngineError('callback-already-used', 'this callback was answered before; a token works once')
      const { execution } = waiting
      // used before it is handed over: the execution may end by it
      waiting.used = true
      if (execution?.called(waiting.place, ok, value) === true) return
      waiting.used = false
      throw new EngineError('callback-expired', 'nothing waits for this callback any more')
    }
    if (this.options.engine === 'express') throw new EngineError('callback-not-found', 'no callback has this token')
    await (await this.opened()).called(token, ok, value)
  }

  async invoke(functionRef: string, body: Json, options: InvokeOptions = {}): Promise<Json> {
    this.mustBeOpen()
    checkSignal(options.signal)
    const tell = guarded('onLog of invoke', options.onLog)
    const log = (line: LogLine): void => {
      this.log(line, undefined, undefined)
      tell(line)
    }
    return invokeDirectly(this.invoker, functionRef, body, log, { signal: options.signal, closed: this.closed.signal })
  }

  observe(observer: EngineObserver): () => void {
    return this.observers.add(observer)
  }

  health(): Promise<EngineHealth> {
    const now = performance.now()
    if (this.healthAsked === null || now - this.healthAsked.at > HEALTH_MS) {
      const none: EngineHealth = { dependencies: {} }
      const asked = this.opening?.then((host) => host.health()) ?? Promise.resolve(none)
      // a store that cannot be opened is tried again by the next call
      this.healthAsked = { at: now, health: asked.catch((): EngineHealth => ({ dependencies: { store: { state: 'failed' } } })) }
    }
    return this.healthAsked.health
  }

  instances(): InstanceCount[] {
    return this.registry.executors.instances()
  }

  close(): Promise<void> {
    return (this.closing ??= this.closeNow())
  }

  /** @internal What standard flows run on; for tests. */
  durableHost(): Promise<Durable> {
    return this.opened()
  }

  /** @internal As a crash would; for the tests of recovery. */
  async abandon(): Promise<void> {
    this.closing ??= Promise.resolve()
    this.host?.abandon()
    for (const execution of this.express.values()) execution.forget()
    this.deadlines.close()
    await this.registry.executors.stopAll()
  }

  private async closeNow(): Promise<void> {
    this.closed.abort(new EngineError('engine-closed', 'the engine was closed'))
    const host = this.opening === null ? null : await this.opening.catch(() => null)
    await host?.close()
    // not before: a standard flow that waits for one would take the stop for its end
    for (const entry of this.deadlines.entries()) if (entry instanceof ExpressExecution && entry.flow.status === 'running') entry.stop()
    await this.registry.executors.stopAll()
    await this.outbound.close()
    this.deadlines.close()
  }

  private mustBeOpen(): void {
    if (this.closing !== null) throw new EngineError('engine-closed', 'the engine is closed')
  }

  /** Others deploy flows too: each start asks for the latest. */
  private get shared(): boolean {
    return this.options.engine === 'temporal'
  }

  private async runShared(flow: string, options: StartOptions): Promise<Json> {
    this.mustBeOpen()
    checkStart(options)
    const input = takeInput(options.input)
    const deployed = await this.deployed(flow)
    if (deployed.plan.mode === 'express' && options.id === undefined) return this.runExpress(deployed, input, options)
    return (await this.begin(deployed, input, options)).result(signalOf(options))
  }

  private async deployed(ref: string): Promise<DeployedFlow> {
    if (!this.shared) return this.flows.get(ref)
    return (await (await this.opened()).find?.(ref)) ?? this.flows.refuse(ref)
  }

  private async begin(deployed: DeployedFlow, input: Json, options: StartOptions): Promise<Execution> {
    const existing = this.existing(options.id)
    if (existing !== undefined) return existing
    return deployed.plan.mode === 'express' ? this.startExpress(deployed, input, options) : this.startDurable(deployed, input, options)
  }

  private runExpress(deployed: DeployedFlow, input: Json, options: StartOptions): Promise<Json> {
    return new Promise((resolve, reject) => {
      const start = expressStart(options)
      const execution = new ExpressExecution(this.expressServices, this.expressCallbacks, deployed, input, start, ({ flow }) => {
        if (flow.error === null) resolve(flow.output)
        else reject(new ExecutionFailed(flow.error, flow.status))
      })
      if (options.signal !== undefined) stopOnAbort(execution, options.signal)
      execution.begin()
    })
  }

  private async startDurable(deployed: DeployedFlow, input: Json, options: StartOptions): Promise<Execution> {
    if (options.onNode !== undefined)
      throw new EngineError('bad-option', 'onNode is for express flows; follow a standard flow with events()')
    const host = this.host ?? (await this.opened())
    const fresh = options.id === undefined
    const started = await host.start(deployed, {
      id: options.id ?? newId(),
      fresh,
      input,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.trigger === undefined ? {} : { trigger: takeTrigger(options.trigger) }),
    })
    return this.handle(started.id, started.flow)
  }

  private startExpress(deployed: DeployedFlow, input: Json, options: StartOptions): Execution {
    if (options.name !== undefined)
      throw new EngineError('not-durable', `flow ${deployed.name} is an express flow, whose executions leave no record to find by a name`)
    const execution = this.newExpress(deployed, input, expressStart(options), () => undefined)
    if (options.signal !== undefined) stopOnAbort(execution, options.signal)
    execution.begin()
    return this.expressHandle(execution)
  }

  /** The execution that has this id already, of whatever flow. */
  private existing(id: string | undefined): Execution | undefined {
    const execution = id === undefined ? undefined : this.express.get(id)
    return execution === undefined ? undefined : this.expressHandle(execution)
  }

  /** Holds the execution itself: the engine forgets it some time after its end. */
  private expressHandle(execution: ExpressExecution): Execution {
    const { id } = execution
    return {
      id,
      flow: execution.deployed.name,
      result: async (options = {}) => {
        checkSignal(options.signal)
        return this.expressResult(execution, options.signal)
      },
      describe: async () => execution.describe(),
      stop: async () => stopExpress(execution),
    }
  }

  /** An express execution that `describe`, `stop` and `result` find. */
  private newExpress(deployed: DeployedFlow, input: Json, start: ExpressStart, done: ExpressDone): ExpressExecution {
    const execution = new ExpressExecution(this.expressServices, this.expressCallbacks, deployed, input, start, done)
    this.express.set(execution.id, execution)
    execution.whenEnded(() => this.remember(execution))
    return execution
  }

  /** Keeps what has ended for a while, bounded by number and by size. */
  private remember({ id, input, flow }: ExpressExecution): void {
    const bytes = jsonBytes(input, PAYLOAD_LIMIT) + jsonBytes(flow.output, PAYLOAD_LIMIT)
    this.remembered.set(id, bytes)
    this.rememberedBytes += bytes
    for (const [oldest, size] of this.remembered) {
      if (this.remembered.size <= EXPRESS_REMEMBERED && this.rememberedBytes <= EXPRESS_REMEMBERED_BYTES) return
      this.remembered.delete(oldest)
      this.rememberedBytes -= size
      this.express.delete(oldest)
    }
  }

  private expressResult(execution: ExpressExecution, signal: AbortSignal | undefined): Promise<Json> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => reject(waitAborted(signal))
      if (signal?.aborted === true) return aborted()
      signal?.addEventListener('abort', aborted)
      execution.whenEnded(() => {
        signal?.removeEventListener('abort', aborted)
        const { status, output, error } = execution.flow
        if (error === null) resolve(output)
        else reject(new ExecutionFailed(error, status))
      })
    })
  }

  private handle(id: string, flow: string): Execution {
    return {
      id,
      flow,
      result: (options) => this.result(id, options),
      describe: () => this.describe(id),
      stop: () => this.stop(id),
    }
  }

  /** The host, for an execution that is not an express one. */
  private async durable(id: string): Promise<Durable> {
    this.mustBeOpen()
    if (this.options.engine === 'express' || typeof id !== 'string')
      throw new EngineError('execution-not-found', `no execution ${String(id)}`)
    return this.opened()
  }

  private async endedExecution(id: string): Promise<EndedExecution & { readonly durable: Durable }> {
    if (this.express.has(id))
      throw new EngineError('not-durable', `execution ${id} is of an express flow, which cannot be retried; start it again`)
    const durable = await this.durable(id)
    return { ...(await durable.ended(id)), durable }
  }

  private opened(): Promise<Durable> {
    return (this.opening ??= this.openStore())
  }

  private async openStore(): Promise<Durable> {
    try {
      return await (this.options.engine === 'temporal' ? this.openTemporal() : this.openHost())
    } catch (error) {
      // the next call may find it mended
      this.opening = null
      throw error
    }
  }

  private async openTemporal(): Promise<Durable> {
    const services: EngineServices = {
      invoker: this.invoker,
      channels: this.channels,
      flows: this.flows,
      express: this.expressServices,
      callbackUrl: (token) => this.callbackUrl(token),
      startExpress: (deployed, input, start, done) => this.newExpress(deployed, input, start, done),
      log: (line, execution, node) => this.log(line, execution, node),
    }
    const open = this.seams.temporal ?? (await import('./temporal/index.ts')).openTemporal.bind(null, this.options)
    const host = await open(services)
    for (const deployed of this.flows.all()) await host.save(deployed)
    this.host = host
    return host
  }

  private async openHost(): Promise<Durable> {
    const [{ Store }, { EmbeddedHost }, { EmbeddedDurable }] = await Promise.all([
      import('./embedded/store.ts'),
      import('./embedded/embedded-host.ts'),
      import('./embedded/embedded-durable.ts'),
    ])
    const store = await Store.open(this.options.store ?? ':memory:')
    const host = new EmbeddedHost(store, {
      invoker: this.invoker,
      channels: this.channels,
      children: this.children,
      callbackUrl: (token) => this.callbackUrl(token),
      retentionMs: this.options.retentionMs ?? DEFAULT_RETENTION_MS,
      deployedOf: (hash, names, readPlan) => this.flows.byHash(hash, names, readPlan),
      log: (line, execution, node) => this.log(line, execution, node),
      onCallback: this.expressServices.onCallback,
    })
    if (this.seams.afterEvent !== undefined) {
      host.journal.eager = true
      host.afterEvent = this.seams.afterEvent
    }
    try {
      this.loadStoredFlows(host)
      for (const deployed of this.flows.all()) await host.saveFlow(deployed)
      host.prepareRecovery()
    } catch (error) {
      // else its lock would be held for as long as this process lives
      host.abandon()
      throw error
    }
    this.host = new EmbeddedDurable(host)
    // what was left goes on by itself; nobody has to wait for it
    setImmediate(() => host.recover().catch(() => undefined))
    return this.host
  }

  /** A plan that cannot be read must not keep the others from running. */
  private loadStoredFlows(host: EmbeddedHost): void {
    for (const { name, hash, plan } of host.reader.storedFlows()) {
      try {
        this.flows.addStored(hash, JSON.parse(plan) as Plan)
      } catch (error) {
        process.emitWarning(`flow ${name} cannot be read from the store, deploy it again: ${String(error)}`, 'FnflowStoreWarning')
      }
    }
  }

  private callbackUrl(token: string): string {
    return `${this.options.publicUrl ?? 'http://127.0.0.1:8900'}/v1/callbacks/${token}`
  }

  private log(line: LogLine, execution: string | undefined, node: string | undefined): void {
    this.onLog({ ...line, ...(execution === undefined ? {} : { execution }), ...(node === undefined ? {} : { node }) })
  }
}

function stopOnAbort(execution: ExpressExecution, signal: AbortSignal): void {
  const stop = (): void => {
    if (execution.flow.status === 'running') execution.stop()
  }
  signal.addEventListener('abort', stop, { once: true })
  execution.whenEnded(() => signal.removeEventListener('abort', stop))
}

function stopExpress(execution: ExpressExecution): void {
  if (execution.flow.status !== 'running') throw notRunning(execution.id, execution.flow.status)
  execution.stop()
}

function signalOf({ signal }: StartOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** The record that `onNode` gets is a copy: the engine's own goes on changing. */
function expressStart(options: StartOptions): ExpressStart {
  const { trigger, onNode } = options
  if (trigger === undefined && onNode === undefined) return options
  const tell = guarded('onNode', onNode)
  return {
    ...(options.id === undefined ? {} : { id: options.id }),
    ...(trigger === undefined ? {} : { trigger: takeTrigger(trigger) }),
    ...(onNode === undefined
      ? {}
      : { onNode: (record) => tell({ ...record, ...(record.iterations === undefined ? {} : { iterations: { ...record.iterations } }) }) }),
  }
}

function outputOf({ status, output, error }: Outcome): Json {
  if (error !== null) throw new ExecutionFailed(error, status)
  return output
}

function notRunning(id: string, status: string): EngineError {
  return new EngineError('execution-not-running', `execution ${id} is not running: it has ended as ${status}`)
}
