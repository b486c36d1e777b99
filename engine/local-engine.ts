import { definitionOf } from '../dsl/definition-of.ts'
import type { Json } from '../dsl/json.ts'
import type { KindTable } from '../connectors/index.ts'
import type { OwnConnector } from '../connectors/own.ts'
import type { BackoffOptions } from '../connectors/triggers/backoff.ts'
import { Outbound } from '../executors/outbound/outbound.ts'
import { ExecutorRegistry } from '../executors/registry.ts'
import type { InstanceCount, LogLine } from '../executors/contract.ts'
import type {
  CallbackResult,
  Engine,
  EngineOptions,
  Execution,
  ExecutionDefinition,
  ExecutionEvent,
  ExecutionRecord,
  FlowRecord,
  InvokeOptions,
  ListOptions,
  LogEvent,
  LogRecord,
  NodeRecord,
  RerunOptions,
  RetryOptions,
  RerunPlan,
  StartOptions,
  StatisticsItem,
  StatisticsOptions,
} from './api.ts'
import type { Catalogue } from './catalogue/api.ts'
import { LocalCatalogue } from './catalogue/catalogue.ts'
import { noFlow, noVersion } from './catalogue/decide.ts'
import { splitRef } from './catalogue/names.ts'
import type { CatalogueStore } from './catalogue/store.ts'
import { Admissions, type LetIn } from './admission.ts'
import { LocalBatches } from './batches/batches.ts'
import { Channels } from './channels.ts'
import { Deadlines } from './deadlines.ts'
import type { Durable, EndedExecution } from './durable.ts'
import { invokeDirectly } from './direct-invocation.ts'
import type { Outcome } from './embedded/contract.ts'
import { EngineError, ExecutionFailed, notRunning } from './errors.ts'
import { checkLimit, type DeployedFlow } from './execution-info.ts'
import { ExpressExecution, type ExpressServices } from './express/express-host.ts'
import { listExpress } from './express/listing.ts'
import { ExpressStarts } from './express/starts.ts'
import { flowFilesOf, type FlowFiles } from './flow-files.ts'
import { FlowRegistry } from './flow-registry.ts'
import { FunctionDocuments, type EngineFunctions } from './function-documents.ts'
import type { FunctionStore } from './function-uploads/api.ts'
import { MemoryFunctionStore } from './function-uploads/memory-store.ts'
import { FunctionUploads } from './function-uploads/uploads.ts'
import { FunctionRegistry, handlerSpec } from './functions.ts'
import { newId } from './ids.ts'
import { KeyedRequests, type Idempotency } from './idempotency.ts'
import { checkId, checkKeys, checkSignal, checkStart, takeAnswer, takeInput, takeTrigger } from './intake.ts'
import { Invoker } from './invoker.ts'
import { guarded } from './listeners.ts'
import { Observers, type EngineHealth, type EngineObserver } from './observer.ts'
import { Reruns } from './reruns.ts'
import { mustSee } from './reach.ts'
import { StartLimits } from './start-limits.ts'
import { checkStatistics, statisticsOf } from './statistics.ts'
import { followLines } from './log-follow.ts'
import { logPage, type LogOptions } from './log-lines.ts'
import { LocalChildren } from './local-children.ts'
import { MemoryKeys } from './memory-keys.ts'
import type { EngineServices, TemporalHost } from './temporal/index.ts'
import { MemoryTriggerStore, definitionsOf } from './triggers/store.ts'
import { ConnectorKinds, type Connectors } from './triggers/kinds.ts'
import type { Along } from './triggers/progress.ts'
import { Tokens } from './triggers/tokens.ts'
import { LocalTriggers } from './triggers/triggers.ts'
import { randomBytes } from 'node:crypto'

const DAY_MS = 86_400_000
/** Dependencies are not asked more often: anybody may ask whether a server is ready. */
const HEALTH_MS = 1000
const DEFAULT_URL = 'http://127.0.0.1:8900'
const DEFAULT_RETENTION_MS = 90 * DAY_MS
const ID_OPTION: ReadonlySet<string> = new Set(['id'])
const ITERATIONS_OPTIONS: ReadonlySet<string> = new Set(['from', 'limit'])
const NODES_OPTIONS: ReadonlySet<string> = new Set(['iterations', 'offset', 'limit'])

/** What the tests of recovery may set. */
export interface EngineSeams {
  /** What brings the events of triggers, by their kind. */
  readonly connectors?: Connectors
  /** In place of the kinds that come with the engine. */
  readonly kinds?: KindTable
  /** How long connectors pause before they try again. */
  readonly backoff?: BackoffOptions
  /** Every event is a commit of its own; called after each, true: stop here, as a crash would. */
  readonly afterEvent?: () => boolean
  /** Makes the Temporal host, in place of connecting. */
  readonly temporal?: (services: EngineServices) => Promise<TemporalHost>
}

/** The engine on one machine: express flows in memory, standard ones in SQLite. */
export class LocalEngine implements Engine {
  readonly idempotency: Idempotency
  readonly batches: LocalBatches
  private readonly letIn: LetIn
  private readonly limits: StartLimits
  private readonly options: EngineOptions
  private readonly seams: EngineSeams
  readonly functions: EngineFunctions
  private readonly uploads: FunctionUploads
  readonly flowFiles: FlowFiles
  readonly triggers: LocalTriggers
  /** Of an engine without a store. */
  private readonly memoryTriggers = new MemoryTriggerStore()
  private readonly memoryFunctions = new MemoryFunctionStore()
  private readonly registry: FunctionRegistry
  private readonly deadlines = new Deadlines()
  private readonly observers = new Observers()
  private healthAsked: { readonly at: number; readonly health: Promise<EngineHealth> } | null = null
  private readonly flows: FlowRegistry
  private readonly expressServices: ExpressServices
  private readonly invoker: Invoker
  /** What sends requests for channels and functions. */
  private readonly outbound: Outbound
  private readonly kinds: ConnectorKinds
  private readonly channels: Channels
  private readonly children: LocalChildren
  private readonly express: ExpressStarts
  private readonly reruns: Reruns
  private readonly onLog: (line: LogLine & { readonly execution?: string; readonly node?: string }) => void
  private readonly closed = new AbortController()
  private opening: Promise<Durable> | null = null
  private host: Durable | null = null
  private readonly stored: LocalCatalogue
  /** The catalogue of an engine without a store; made when it is first used. */
  private loneStore: Promise<{ readonly catalogue: CatalogueStore; close(): void }> | null = null
  private closing: Promise<void> | null = null

  private constructor(options: EngineOptions, seams: EngineSeams) {
    this.options = options
    this.seams = seams
    this.onLog = guarded('onLog', options.onLog)
    const logText = (text: string): void => this.log({ time: Date.now(), requestId: '', level: 'info', text }, undefined, undefined)
    this.registry = new FunctionRegistry(new ExecutorRegistry())
    for (const [runtime, factory] of Object.entries(options.executors ?? {})) this.registry.executors.registerExecutor(runtime, factory)
    for (const [name, given] of Object.entries(options.functions ?? {})) {
      this.registry.add(typeof given === 'function' ? handlerSpec(name, given) : given)
    }
    this.uploads = new FunctionUploads({
      registry: this.registry,
      variables: options.functionSecrets ?? [],
      prefetches: options.engine === 'temporal' && options.temporal?.worker !== false,
      store: () => this.functionStore(),
      log: logText,
    })
    this.functions = new FunctionDocuments(this.registry, this.uploads)
    this.outbound = new Outbound(options.outbound)
    this.invoker = new Invoker(this.registry, this.deadlines, this.observers)
    const memory = new MemoryKeys()
    this.idempotency = new KeyedRequests(async () => {
      this.mustBeOpen()
      return this.options.engine === 'express' ? memory : (await this.opened()).keys
    })
    this.flowFiles = flowFilesOf(() => {
      this.mustBeOpen()
      return this.options.engine === 'express' ? null : this.opened()
    })
    this.limits = new StartLimits(options.limits)
    this.letIn = (open, mode) => this.limits.admit(open, mode)
    const admissions = new Admissions({
      limits: this.limits,
      open: async () => ({
        standard: options.engine === 'express' ? 0 : await (await this.opened()).open(),
        express: this.express.executions.open,
      }),
      modeOf: async (ref, id) => (this.shared ? await (await this.opened()).find?.(ref, id) : this.flows.find(ref, id))?.plan.mode,
      find: (id) => this.found(id),
      start: (ref, given, letIn) => this.startWith(ref, given, letIn),
    })
    this.kinds = new ConnectorKinds({
      connections: options.connections ?? {},
      timezone: options.timezone ?? 'UTC',
      closed: this.closed.signal,
      log: logText,
      ...(seams.connectors === undefined ? {} : { own: seams.connectors }),
      ...(seams.kinds === undefined ? {} : { table: seams.kinds }),
      ...(seams.backoff === undefined ? {} : { backoff: seams.backoff }),
    })
    const tokens = new Tokens((url, init) => this.outbound.fetch(url, init), options.jwt)
    this.triggers = new LocalTriggers({
      mustBeOpen: () => this.mustBeOpen(),
      store: async () => (options.engine === 'express' ? this.memoryTriggers : (await this.opened()).triggers),
      shared: this.shared,
      kinds: this.kinds,
      timezone: options.timezone ?? 'UTC',
      localRevision: () => this.flows.revision,
      local: () => ({ revision: this.flows.revision, definitions: definitionsOf(this.flows.all()) }),
      start: (ref, given, along) => this.startWith(ref, given, this.letIn, along),
      reserve: (starts) => admissions.reserve(starts),
      find: (id) => this.found(id),
      ended: (id) => this.whenEnded(id),
      deadLetter: (channel, letter) => this.channels.deadLetter(channel, letter),
      claims: (trigger, token) => tokens.claims(trigger, token),
      log: logText,
    })
    this.channels = new Channels(options.channels ?? {}, {
      log: logText,
      outbound: this.outbound,
      publish: (topic, id, message, sees) => this.triggers.publish(topic, message, { id, permit: mustSee(sees) }),
      connections: options.connections ?? {},
      broker: (name, given) => this.kinds.channel(name, given),
      closed: this.closed.signal,
    })
    this.flows = new FlowRegistry({
      hasFunction: (ref) => this.registry.has(ref),
      hasChannel: (name) => this.channels.has(name),
      hasConnection: (name) => this.kinds.hasConnection(name),
      isSameConnection: (one, other) => this.kinds.isSameConnection(one, other),
      checkConnector: (kind, given) => this.kinds.own.check(kind, given),
      hasTokenIssuer: options.jwt !== undefined,
      ...(options.engine === 'temporal' ? { resolvable: (refs: readonly string[]) => this.resolvable(refs) } : {}),
    })
    this.flows.changed = () => this.triggers.changed()
    this.stored = new LocalCatalogue({
      flows: this.flows,
      mustBeOpen: () => this.mustBeOpen(),
      store: () => this.catalogueStore(),
      admit: (deployed) => this.admit(deployed),
      takePaths: ({ name, plan }) => this.triggers.admit(name, plan.triggers ?? []),
      reached: ({ plan }) => this.triggers.subscribed(this.channels.topicsOf(plan)),
      // where others deploy, too, the registry does not know
      changed: () => (this.shared ? this.triggers.changed() : undefined),
      running: (flow) => this.express.executions.running(flow),
    })
    this.batches = new LocalBatches(this, async () => {
      if (this.options.engine === 'express')
        throw new EngineError('not-durable', 'this engine keeps no executions that a batch could be of')
      return (await this.opened()).batches
    })
    this.children = new LocalChildren({
      flows: this.flows,
      ...(options.engine === 'temporal' ? { shared: async (flow: string, id: string) => (await this.opened()).find?.(flow, id) } : {}),
      durable: () => (options.engine === 'express' ? null : this.opened()),
      startExpress: (deployed, input, start, done) => this.express.create(deployed, input, start, done),
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
    this.express = new ExpressStarts(this.expressServices)
    this.reruns = new Reruns({
      letIn: this.letIn,
      ended: (id) => this.endedExecution(id),
      found: (id) => this.found(id),
      deployed: (ref, id) => this.deployed(ref, id),
      handle: (id, flow) => this.handle(id, flow),
    })
  }

  /** @internal Use `createEngine`. */
  static async open(options: EngineOptions, seams: EngineSeams = {}): Promise<LocalEngine> {
    const engine = new LocalEngine(options, seams)
    // a store in a folder may hold work that was left; one in memory is made when first needed
    if (options.engine === 'temporal' || (options.engine !== 'express' && options.store !== undefined && options.store !== ':memory:'))
      await engine.opened()
    if (options.triggers !== false) engine.triggers.begin()
    return engine
  }

  async check(source: string | Uint8Array | object): ReturnType<Engine['check']> {
    this.mustBeOpen()
    const { plan, diagnostics } = await this.flows.check(source)
    return { diagnostics, ...(plan === undefined ? {} : { flow: plan.flow }) }
  }

  async flow(ref: string): Promise<FlowRecord> {
    this.mustBeOpen()
    const { name: flow, version, hash, plan } = await this.deployed(ref, null)
    return { flow, version, hash, mode: plan.mode }
  }

  async deploy(source: string | Uint8Array | object): ReturnType<Engine['deploy']> {
    this.mustBeOpen()
    const deployed = await this.flows.load(source)
    this.admit(deployed)
    // without a store it is stored when there is one
    if (this.shared || this.opening !== null || this.loneStore !== null) await this.stored.save(deployed)
    else {
      this.triggers.admit(deployed.name, deployed.plan.triggers ?? [])
      this.flows.add(deployed)
    }
    const { name: flow, hash, warnings, plan } = deployed
    return { flow, hash, warnings, plan }
  }

  get catalogue(): Catalogue {
    return this.stored
  }

  start(flow: string, options: StartOptions = {}): Promise<Execution> {
    return this.startWith(flow, options, this.letIn)
  }

  /** @param along Written with the start. */
  private async startWith(flow: string, options: StartOptions, letIn: LetIn, along?: Along): Promise<Execution> {
    this.mustBeOpen()
    checkStart(options)
    const input = takeInput(options.input)
    // at once, so that no deletion of the flow comes between
    const deployed = this.shared ? undefined : this.flows.find(flow, options.id)
    if (deployed !== undefined) {
      checkMode(deployed, options)
      return this.begin(deployed, input, options, letIn, along)
    }
    const found = await this.toStart(flow, options)
    return 'deployed' in found ? this.begin(found.deployed, input, options, letIn, along) : found.existing
  }

  run(flow: string, options: StartOptions = {}): Promise<Json> {
    if (this.shared) return this.runShared(flow, options)
    let deployed: DeployedFlow
    let input: Json
    try {
      this.mustBeOpen()
      checkStart(options)
      if (options.id !== undefined) return this.start(flow, options).then((execution) => execution.result(signalOf(options)))
      deployed = this.flows.get(flow)
      checkMode(deployed, options)
      input = takeInput(options.input)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    if (deployed.plan.mode === 'express') return this.express.run(deployed, input, options)
    return this.begin(deployed, input, options).then((execution) => execution.result(signalOf(options)))
  }

  async execution(id: string): Promise<Execution> {
    const { flow } = await this.describe(id)
    return this.handle(id, flow)
  }

  async result(id: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Json> {
    checkSignal(options.signal)
    const express = this.express.executions.get(id)
    if (express !== undefined) return this.express.result(express, options.signal)
    return outputOf(await (await this.durable(id)).outcome(id, options.signal))
  }

  private async whenEnded(id: string): Promise<void> {
    const express = this.express.executions.get(id)
    if (express !== undefined) return new Promise((resolve) => express.whenEnded(resolve))
    return (await this.durable(id)).whenEnded(id)
  }

  async stop(id: string): Promise<void> {
    this.mustBeOpen()
    const express = this.express.executions.get(id)
    if (express !== undefined) return this.express.stop(express)
    const durable = await this.durable(id)
    if (await durable.stop(id)) return
    throw notRunning(id, (await durable.record(id, false)).status)
  }

  retry(id: string, options: RetryOptions = {}): Promise<Execution> {
    return this.reruns.retry(id, options)
  }

  rerun(id: string, options: RerunOptions & { readonly dryRun: true }): Promise<RerunPlan>
  rerun(id: string, options?: RerunOptions): Promise<Execution>
  rerun(id: string, options: RerunOptions = {}): Promise<Execution | RerunPlan> {
    return this.reruns.rerun(id, options)
  }

  async describe(id: string): Promise<ExecutionRecord> {
    const express = this.express.executions.get(id)
    if (express !== undefined) return express.describe()
    return (await this.durable(id)).record(id, true)
  }

  async nodes(
    id: string,
    options: { readonly iterations?: string; readonly offset?: number; readonly limit?: number } = {},
  ): Promise<NodeRecord[]> {
    if (this.express.executions.has(id)) throw keepsNoRecords(id)
    checkKeys(options, NODES_OPTIONS, 'nodes')
    return (await this.durable(id)).nodes(id, options)
  }

  async iterations(
    id: string,
    loop: string,
    options: { readonly from?: number; readonly limit?: number } = {},
  ): Promise<{ items: NodeRecord[]; total: number }> {
    if (this.express.executions.has(id)) throw keepsNoRecords(id)
    checkKeys(options, ITERATIONS_OPTIONS, 'iterations')
    const { from = 0 } = options
    if (!Number.isSafeInteger(from) || from < 0)
      throw new EngineError('bad-option', `from must be a whole number from 0, not ${String(from)}`)
    return (await this.durable(id)).iterations(id, loop, { from, limit: checkLimit(options.limit) })
  }

  async definition(id: string): Promise<ExecutionDefinition> {
    const express = this.express.executions.get(id)
    const deployed = express === undefined ? await (await this.durable(id)).definition(id) : express.deployed
    const { name: flow, version, hash: revision, plan } = deployed
    return { flow, version, revision, definition: definitionOf(plan) }
  }

  async delete(id: string): Promise<void> {
    this.mustBeOpen()
    const express = this.express.executions.get(id)
    if (express === undefined) return (await this.durable(id)).delete(id)
    if (express.flow.status === 'running') throw new EngineError('execution-running', `execution ${id} is still running; stop it first`)
    this.express.executions.forget(id)
  }

  async statistics(options: StatisticsOptions = {}): Promise<StatisticsItem[]> {
    this.mustBeOpen()
    const { range, periodMs } = checkStatistics(options)
    if (this.options.engine === 'express') return []
    return statisticsOf(await (await this.opened()).statistics(range), range, periodMs)
  }

  async list(options: ListOptions = {}): Promise<{ items: ExecutionRecord[]; nextCursor?: string }> {
    this.mustBeOpen()
    if (this.options.engine === 'express')
      return listExpress(
        this.express.executions.newestFirst().map((execution) => execution.describe()),
        options,
      )
    return (await this.opened()).list(options)
  }

  async *events(
    id: string,
    options: { readonly after?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ExecutionEvent, void, undefined> {
    if (this.express.executions.has(id))
      throw new EngineError('not-durable', `execution ${id} is of an express flow; follow it with the option onNode of start`)
    checkSignal(options.signal)
    if (options.after !== undefined && !Number.isInteger(options.after))
      throw new EngineError('bad-option', 'after must be the id of an event, a whole number')
    yield* (await this.durable(id)).follow(id, options)
  }

  async logs(id: string, options: LogOptions = {}): Promise<{ items: LogRecord[]; nextCursor?: string }> {
    if (this.express.executions.has(id)) throw keepsNoRecords(id)
    return logPage(await this.durable(id), id, options)
  }

  async *followLogs(
    id: string,
    options: { readonly after?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<LogEvent, void, undefined> {
    if (this.express.executions.has(id)) throw keepsNoRecords(id)
    checkSignal(options.signal)
    if (options.after !== undefined && !Number.isSafeInteger(options.after))
      throw new EngineError('bad-option', 'after must be the id of a line, a whole number')
    yield* followLines(await this.durable(id), id, options)
  }

  async callback(token: string, result: CallbackResult, options: { readonly id?: string } = {}): Promise<void> {
    this.mustBeOpen()
    checkKeys(options, ID_OPTION, 'callback')
    checkId(options.id)
    if (typeof token !== 'string') throw new EngineError('callback-not-found', 'no callback has this token')
    if (this.express.answer(token, result, options.id)) return
    const { ok, value } = takeAnswer(result)
    if (this.options.engine === 'express') throw new EngineError('callback-not-found', 'no callback has this token')
    await (await this.opened()).called(token, ok, value, options.id)
  }

  async answer(id: string, node: string, result: CallbackResult, options: { readonly id?: string } = {}): Promise<void> {
    this.mustBeOpen()
    checkKeys(options, ID_OPTION, 'answer')
    checkId(options.id)
    const { ok, value } = takeAnswer(result)
    if (this.express.executions.has(id)) throw keepsNoRecords(id)
    if (typeof node !== 'string') throw new EngineError('node-not-found', `execution ${id} has no node ${String(node)}`)
    await (await this.durable(id)).answer(id, node, ok, value, options.id)
  }

  async invoke(functionRef: string, body: Json, options: InvokeOptions = {}): Promise<Json> {
    this.mustBeOpen()
    checkSignal(options.signal)
    const tell = guarded('onLog of invoke', options.onLog)
    const log = (line: LogLine): void => {
      this.log(line, undefined, undefined)
      tell(line)
    }
    return invokeDirectly(this.invoker, functionRef, body, log, {
      signal: options.signal,
      closed: this.closed.signal,
      traceparent: options.traceparent,
    })
  }

  registerConnector(kind: string, connector: OwnConnector): void {
    this.mustBeOpen()
    this.kinds.own.register(kind, connector)
    this.triggers.changed()
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
      const known = asked.catch((): EngineHealth => ({ dependencies: { store: { state: 'failed' } } }))
      const health = known.then(({ dependencies }) => {
        const triggers = this.triggers.health()
        return { dependencies: { ...dependencies, ...this.kinds.health() }, ...(triggers.length === 0 ? {} : { triggers }) }
      })
      this.healthAsked = { at: now, health }
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
    this.uploads.stop()
    void this.batches.close()
    this.triggers.abandon()
    // as the connections of a dead process
    void this.kinds.close()
    this.host?.abandon()
    for (const execution of this.express.executions.all()) execution.forget()
    this.express.executions.close()
    this.deadlines.close()
    await this.registry.executors.stopAll()
  }

  private async closeNow(): Promise<void> {
    this.closed.abort(new EngineError('engine-closed', 'the engine was closed'))
    const host = this.opening === null ? null : await this.opening.catch(() => null)
    this.uploads.stop()
    await this.batches.close()
    if (host !== null || this.options.engine === 'express') await this.triggers.close()
    await host?.close()
    this.loneStore?.then(({ close }) => close()).catch(() => undefined)
    // not before: a standard flow that waits for one would take the stop for its end
    for (const entry of this.deadlines.entries()) if (entry instanceof ExpressExecution && entry.flow.status === 'running') entry.stop()
    await this.registry.executors.stopAll()
    await this.kinds.close()
    await this.uploads.close()
    await this.outbound.close()
    this.express.executions.close()
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
    const found = await this.toStart(flow, options)
    if ('existing' in found) return found.existing.result(signalOf(options))
    const { deployed } = found
    if (deployed.plan.mode === 'express' && options.id === undefined) return this.express.run(deployed, input, options)
    return (await this.begin(deployed, input, options)).result(signalOf(options))
  }

  /** @param id As in {@link FlowRegistry.find}. Throws EngineError `flow-not-found`, `version-not-found`. */
  private async deployed(ref: string, id?: string | null): Promise<DeployedFlow> {
    if (!this.shared) return this.flows.get(ref, id)
    const host = await this.opened()
    const found = await host.find?.(ref, id)
    if (found !== undefined) return found
    // which of the two is missing
    const { name, qualifier } = splitRef(String(ref))
    if (qualifier !== undefined && (await host.find?.(name)) !== undefined) throw noVersion(name, qualifier)
    throw noFlow(String(ref))
  }

  /** What a start is to run. An id that exists is that execution, also when its flow, or the version, is gone. */
  private async toStart(
    flow: string,
    options: StartOptions,
  ): Promise<{ readonly deployed: DeployedFlow } | { readonly existing: Execution }> {
    const { id } = options
    try {
      const deployed = await this.deployed(flow, id)
      checkMode(deployed, options)
      return { deployed }
    } catch (error) {
      const isMissing = error instanceof EngineError && (error.code === 'flow-not-found' || error.code === 'version-not-found')
      if (!isMissing || id === undefined) throw error
      const record = await this.describe(id).catch(() => null)
      if (record === null) throw error
      return { existing: this.handle(id, record.flow) }
    }
  }

  private async begin(deployed: DeployedFlow, input: Json, options: StartOptions, letIn = this.letIn, along?: Along): Promise<Execution> {
    const existing = this.express.existing(options.id)
    if (existing === undefined && deployed.plan.mode !== 'express') return this.startDurable(deployed, input, options, letIn, along)
    if (existing === undefined) along?.check()
    const execution = existing ?? this.express.start(deployed, input, options, letIn)
    await along?.commit()
    return execution
  }

  private async startDurable(
    deployed: DeployedFlow,
    input: Json,
    options: StartOptions,
    letIn: LetIn,
    along: Along | undefined,
  ): Promise<Execution> {
    if (options.onNode !== undefined)
      throw new EngineError('bad-option', 'onNode is for express flows; follow a standard flow with events()')
    if (options.unlisted === true)
      throw new EngineError('bad-option', 'unlisted is for express flows; those of standard flows leave records')
    const host = this.host ?? (await this.opened())
    const fresh = options.id === undefined
    const started = await host.start(deployed, {
      id: options.id ?? newId(),
      admit: (open) => letIn(open, 'standard'),
      fresh,
      input,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.trigger === undefined ? {} : { trigger: takeTrigger(options.trigger) }),
      ...(options.traceparent === undefined ? {} : { traceparent: options.traceparent }),
      ...(along === undefined ? {} : { along }),
    })
    const handle = this.handle(started.id, started.flow)
    return started.existed ? { ...handle, existed: true } : handle
  }

  /** Throws EngineError `not-express`. */
  private admit({ name, plan }: DeployedFlow): void {
    if (plan.mode !== 'standard' || this.options.engine !== 'express') return
    const remedy = 'and this engine runs express flows only; set mode: express, or use the embedded engine'
    throw new EngineError('not-express', `flow ${name} is a standard flow, ${remedy}`)
  }

  private async resolvable(refs: readonly string[]): Promise<ReadonlySet<string>> {
    const host = await this.opened()
    const found = await Promise.all(refs.map(async (ref) => host.find?.(ref, null)))
    return new Set(refs.filter((_ref, at) => found[at] !== undefined))
  }

  private async catalogueStore(): Promise<CatalogueStore> {
    if (this.options.engine !== 'express') return (await this.opened()).catalogue
    this.loneStore ??= import('./embedded/open.ts').then(({ openLoneCatalogue }) => openLoneCatalogue(this.flows))
    return (await this.loneStore).catalogue
  }

  private async functionStore(): Promise<FunctionStore> {
    this.mustBeOpen()
    return this.options.engine === 'express' ? this.memoryFunctions : (await this.opened()).functions
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

  /** The execution that a call with an id of its caller's has made before. */
  private async found(id: string | undefined): Promise<Execution | undefined> {
    checkId(id)
    try {
      return id === undefined ? undefined : await this.execution(id)
    } catch (error) {
      if (error instanceof EngineError && error.code === 'execution-not-found') return undefined
      throw error
    }
  }

  private async endedExecution(id: string): Promise<EndedExecution & { readonly durable: Durable }> {
    if (this.express.executions.has(id))
      throw new EngineError('not-durable', `execution ${id} is of an express flow, which cannot be retried; start it again`)
    const durable = await this.durable(id)
    return { ...(await durable.ended(id)), durable }
  }

  private opened(): Promise<Durable> {
    return (this.opening ??= this.openStore())
  }

  private async openStore(): Promise<Durable> {
    try {
      const host = await (this.options.engine === 'temporal' ? this.openTemporal() : this.openHost())
      // those of earlier processes
      setImmediate(() => this.batches.wake())
      return host
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
      startExpress: (deployed, input, start, done) => this.express.create(deployed, input, start, done),
      log: (line, execution, node) => this.log(line, execution, node),
      loadFunctions: (store) => this.uploads.load(store),
      isPut: (key) => this.uploads.find(key) !== undefined,
    }
    const open = this.seams.temporal ?? (await import('./temporal/index.ts')).openTemporal.bind(null, this.options)
    const host = await open(services)
    this.host = host
    return host
  }

  private async openHost(): Promise<Durable> {
    const { openEmbedded } = await import('./embedded/open.ts')
    const { store = ':memory:', retentionMs = DEFAULT_RETENTION_MS, onCallback } = this.options
    this.host = await openEmbedded({
      folder: store,
      flows: this.flows,
      services: {
        invoker: this.invoker,
        channels: this.channels,
        children: this.children,
        callbackUrl: (token) => this.callbackUrl(token),
        retentionMs,
        deployedOf: (hash, names, readPlan) => this.flows.byHash(hash, names, readPlan),
        log: (line, execution, node) => this.log(line, execution, node),
        onCallback: this.expressServices.onCallback,
        announces: onCallback !== undefined,
      },
      loadFunctions: (functions) => this.uploads.load(functions),
      afterEvent: this.seams.afterEvent,
    })
    return this.host
  }

  private callbackUrl(token: string): string {
    const { publicUrl = DEFAULT_URL } = this.options
    return `${typeof publicUrl === 'function' ? publicUrl() : publicUrl}/v1/callbacks/${token}`
  }

  private log(line: LogLine, execution: string | undefined, node: string | undefined): void {
    this.onLog({ ...line, ...(execution === undefined ? {} : { execution }), ...(node === undefined ? {} : { node }) })
  }
}

/** Throws EngineError `not-express` where only an express flow will do. */
function checkMode({ name, plan }: DeployedFlow, { mode }: StartOptions): void {
  if (mode !== 'express' || plan.mode === 'express') return
  throw new EngineError(
    'not-express',
    `flow ${name} is a standard flow, which may take longer than its caller waits; start it without mode`,
  )
}

function signalOf({ signal }: StartOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

function outputOf({ status, output, error }: Outcome): Json {
  if (error !== null) throw new ExecutionFailed(error, status)
  return output
}

function keepsNoRecords(id: string): EngineError {
  return new EngineError('not-durable', `execution ${id} is of an express flow, which keeps no records of its nodes`)
}
