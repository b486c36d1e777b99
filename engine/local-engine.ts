import { copyJson, JsonCopyError, PAYLOAD_LIMIT } from '../dsl/json-copy.ts'
import { STATUS, type ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import { ExecutorRegistry } from '../executors/registry.ts'
import type { LogLine } from '../executors/contract.ts'
import type {
  CallbackResult,
  Engine,
  EngineOptions,
  Execution,
  ExecutionEvent,
  ExecutionRecord,
  ListOptions,
  NodeRecord,
  RerunOptions,
  RerunPlan,
  StartOptions,
} from './api.ts'
import { CarryCollector, forRerun, forRetry } from './carry.ts'
import { Channels } from './channels.ts'
import { Deadlines } from './deadlines.ts'
import { invokeDirectly } from './direct-invocation.ts'
import type { EmbeddedHost, Outcome } from './embedded/embedded-host.ts'
import { EngineError, ExecutionFailed } from './errors.ts'
import type { DeployedFlow } from './execution-info.ts'
import {
  ExpressExecution,
  type ExpressCallbacks,
  type ExpressDone,
  type ExpressServices,
  type ExpressStart,
} from './express/express-host.ts'
import { FlowRegistry } from './flow-registry.ts'
import { FunctionRegistry, specForHandler } from './functions.ts'
import { newId } from './ids.ts'
import { Invoker } from './invoker.ts'
import { LocalChildren } from './local-children.ts'
import { randomBytes } from 'node:crypto'

const DAY_MS = 86_400_000
const DEFAULT_RETENTION_MS = 90 * DAY_MS
/** Ended express executions that `describe` still knows. */
const EXPRESS_REMEMBERED = 1000
const ID = /^[A-Za-z0-9_.-]{1,128}$/

/** What the tests of recovery may set. */
export interface EngineSeams {
  /** Every event is a commit of its own; called after each, true: stop here, as a crash would. */
  readonly afterEvent?: () => boolean
}

/** The engine on one machine: express flows in memory, standard ones in SQLite. */
export class LocalEngine implements Engine {
  private readonly options: EngineOptions
  private readonly seams: EngineSeams
  private readonly functions: FunctionRegistry
  private readonly deadlines = new Deadlines()
  private readonly flows: FlowRegistry
  private readonly expressServices: ExpressServices
  private readonly invoker: Invoker
  private readonly channels: Channels
  private readonly children: LocalChildren
  private readonly expressCallbacks: ExpressCallbacks = new Map()
  private readonly express = new Map<string, ExpressExecution>()
  private opening: Promise<EmbeddedHost> | null = null
  private host: EmbeddedHost | null = null
  private closing: Promise<void> | null = null

  private constructor(options: EngineOptions, seams: EngineSeams) {
    this.options = options
    this.seams = seams
    this.functions = new FunctionRegistry(new ExecutorRegistry())
    for (const [runtime, factory] of Object.entries(options.executors ?? {})) this.functions.executors.registerExecutor(runtime, factory)
    for (const [name, given] of Object.entries(options.functions ?? {})) {
      this.functions.add(typeof given === 'function' ? specForHandler(name, given) : given)
    }
    this.invoker = new Invoker(this.functions, this.deadlines)
    const logText = (text: string): void => this.log({ time: Date.now(), requestId: '', level: 'info', text }, undefined, undefined)
    this.channels = new Channels(options.channels ?? {}, logText)
    this.flows = new FlowRegistry({
      hasFunction: (ref) => this.functions.has(ref),
      hasChannel: (name) => this.channels.has(name),
    })
    this.children = new LocalChildren({
      flows: this.flows,
      embedded: () => (options.engine === 'express' ? null : this.embedded()),
      startExpress: (deployed, input, start, done) => this.newExpress(deployed, input, start, done),
    })
    this.expressServices = {
      invoker: this.invoker,
      channels: this.channels,
      children: this.children,
      secret: randomBytes(32),
      callbackUrl: (token) => this.callbackUrl(token),
      log: (line, execution, node) => this.log(line, execution, node),
      onCallback: (info) => options.onCallback?.(info),
    }
  }

  /** @internal Use `createEngine`. */
  static async open(options: EngineOptions, seams: EngineSeams = {}): Promise<LocalEngine> {
    const engine = new LocalEngine(options, seams)
    // a store in a folder may hold work that was left; one in memory is made when first needed
    if (options.engine !== 'express' && options.store !== undefined && options.store !== ':memory:') await engine.embedded()
    return engine
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
    this.flows.add(deployed)
    if (this.host !== null) await this.host.saveFlow(deployed)
    const { name: flow, hash, warnings, plan } = deployed
    return { flow, hash, warnings, plan }
  }

  async start(flow: string, options: StartOptions = {}): Promise<Execution> {
    const deployed = this.startable(flow, options)
    const input = takeInput(options.input)
    if (deployed.plan.mode === 'express') return this.startExpress(deployed, input, options)
    return this.startDurable(deployed, input, options)
  }

  run(flow: string, options: StartOptions = {}): Promise<Json> {
    let deployed: DeployedFlow
    let input: Json
    try {
      deployed = this.startable(flow, options)
      input = takeInput(options.input)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    if (deployed.plan.mode === 'express') return this.runExpress(deployed, input, options)
    return this.startDurable(deployed, input, options).then(({ id }) => this.result(id, options))
  }

  async execution(id: string): Promise<Execution> {
    const { flow } = await this.describe(id)
    return this.handle(id, flow)
  }

  async result(id: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Json> {
    options.signal?.throwIfAborted()
    const express = this.express.get(id)
    if (express !== undefined) return outputOf(await this.expressOutcome(express, options.signal))
    return outputOf(await (await this.durable(id)).outcome(id, options.signal))
  }

  async stop(id: string): Promise<void> {
    this.mustBeOpen()
    const express = this.express.get(id)
    if (express !== undefined) {
      if (express.flow.status !== 'running') throw notRunning(id, express.flow.status)
      return express.stop()
    }
    const host = await this.durable(id)
    if (await host.stop(id)) return
    throw notRunning(id, host.reader.record(id, false).status)
  }

  async retry(id: string): Promise<Execution> {
    const { host, flow, collector, deployed, record } = await this.endedExecution(id)
    if (record.status === 'succeeded') throw new EngineError('execution-not-failed', `execution ${id} succeeded; to run it again use rerun`)
    if (host.reader.hasRunningRetry(id)) throw new EngineError('retry-running', `a retry of execution ${id} is running`)
    const newOne = newId()
    await host.start(deployed, {
      id: newOne,
      input: record.input ?? null,
      trigger: { type: 'retry' },
      retryOf: id,
      carried: forRetry(collector),
    })
    return this.handle(newOne, flow)
  }

  rerun(id: string, options: RerunOptions & { readonly dryRun: true }): Promise<RerunPlan>
  rerun(id: string, options?: RerunOptions): Promise<Execution>
  async rerun(id: string, options: RerunOptions = {}): Promise<Execution | RerunPlan> {
    const { host, flow, collector, deployed, record } = await this.endedExecution(id)
    const target = options.version === undefined ? deployed : this.flows.get(`${flow}:${options.version}`)
    const from = options.from ?? target.plan.start
    const { carried, plan } = forRerun(collector, { from, before: deployed.plan, after: target.plan })
    if (options.dryRun === true) return plan
    const replaced = options.input === undefined ? undefined : new Map([[lineageFor(collector, from), takeInput(options.input)]])
    const newOne = newId()
    await host.start(target, {
      id: newOne,
      input: record.input ?? null,
      trigger: { type: 'rerun' },
      retryOf: id,
      carried,
      ...(replaced === undefined ? {} : { replaced }),
    })
    return this.handle(newOne, flow)
  }

  async describe(id: string): Promise<ExecutionRecord> {
    const express = this.express.get(id)
    if (express !== undefined) return express.describe()
    const host = await this.durable(id)
    await host.journal.settled()
    return host.reader.record(id, true)
  }

  async nodes(
    id: string,
    options: { readonly iterations?: string; readonly offset?: number; readonly limit?: number } = {},
  ): Promise<NodeRecord[]> {
    if (this.express.has(id))
      throw new EngineError('not-durable', `execution ${id} is of an express flow, which keeps no records of its nodes`)
    const host = await this.durable(id)
    await host.journal.settled()
    return host.reader.nodes(id, options)
  }

  async list(options: ListOptions = {}): Promise<{ items: ExecutionRecord[]; nextCursor?: string }> {
    this.mustBeOpen()
    if (this.options.engine === 'express') return { items: [...this.express.values()].map((execution) => execution.describe()).reverse() }
    const host = await this.embedded()
    await host.journal.settled()
    return host.reader.list(options)
  }

  async *events(
    id: string,
    options: { readonly after?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ExecutionEvent, void, undefined> {
    if (this.express.has(id))
      throw new EngineError('not-durable', `execution ${id} is of an express flow; follow it with the option onNode of start`)
    const host = await this.durable(id)
    const { followExecution } = await import('./embedded/event-stream.ts')
    yield* followExecution(host, id, options)
  }

  async logs(id: string): Promise<(LogLine & { node?: string })[]> {
    const host = await this.durable(id)
    await host.journal.settled()
    return host.reader.logs(id)
  }

  async callback(token: string, result: CallbackResult): Promise<void> {
    this.mustBeOpen()
    const ok = result.status === 'succeeded'
    const value = ok ? takeInput(result.output ?? null, 'output') : refusal(result.error)
    const waiting = this.expressCallbacks.get(token)
    if (waiting !== undefined) {
      if (waiting.used) throw new EngineError('callback-already-used', 'this callback was answered before; a token works once')
      if (!waiting.execution.called(waiting.place, ok, value))
        throw new EngineError('callback-expired', 'nothing waits for this callback any more')
      waiting.used = true
      return
    }
    if (this.options.engine === 'express') throw new EngineError('callback-not-found', 'no callback has this token')
    await (await this.embedded()).called(token, ok, value)
  }

  async invoke(functionRef: string, body: Json, options: { readonly signal?: AbortSignal } = {}): Promise<Json> {
    this.mustBeOpen()
    return invokeDirectly(this.invoker, functionRef, body, (line) => this.log(line, undefined, undefined), options.signal)
  }

  close(): Promise<void> {
    return (this.closing ??= this.closeNow())
  }

  /** @internal As a crash would; for the tests of recovery. */
  async abandon(): Promise<void> {
    this.closing ??= Promise.resolve()
    this.host?.abandon()
    for (const execution of this.express.values()) execution.forget()
    this.deadlines.close()
    await this.functions.executors.stopAll()
  }

  private async closeNow(): Promise<void> {
    for (const execution of this.express.values()) if (execution.flow.status === 'running') execution.stop()
    const host = this.opening === null ? null : await this.opening.catch(() => null)
    await host?.close()
    await this.functions.executors.stopAll()
    this.deadlines.close()
  }

  private mustBeOpen(): void {
    if (this.closing !== null) throw new EngineError('engine-closed', 'the engine is closed')
  }

  private startable(flow: string, options: StartOptions): DeployedFlow {
    this.mustBeOpen()
    options.signal?.throwIfAborted()
    if (options.id !== undefined && !ID.test(options.id))
      throw new EngineError('bad-option', `id ${JSON.stringify(options.id)} is not 1 to 128 of A-Z a-z 0-9 _ . -`)
    return this.flows.get(flow)
  }

  private runExpress(deployed: DeployedFlow, input: Json, options: StartOptions): Promise<Json> {
    return new Promise((resolve, reject) => {
      const execution = new ExpressExecution(this.expressServices, this.expressCallbacks, deployed, input, options, ({ flow }) => {
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
    const host = this.host ?? (await this.embedded())
    const id = options.id ?? newId()
    const fresh = options.id === undefined
    await host.start(deployed, { id, fresh, input, ...(options.trigger === undefined ? {} : { trigger: options.trigger }) })
    return this.handle(id, deployed.name)
  }

  private startExpress(deployed: DeployedFlow, input: Json, options: StartOptions): Execution {
    const existing = options.id === undefined ? undefined : this.express.get(options.id)
    if (existing !== undefined) return this.handle(existing.id, existing.deployed.name)
    const execution = this.newExpress(deployed, input, options, () => undefined)
    if (options.signal !== undefined) stopOnAbort(execution, options.signal)
    execution.begin()
    return this.handle(execution.id, deployed.name)
  }

  /** An express execution that `describe`, `stop` and `result` find. */
  private newExpress(deployed: DeployedFlow, input: Json, start: ExpressStart, done: ExpressDone): ExpressExecution {
    const execution = new ExpressExecution(this.expressServices, this.expressCallbacks, deployed, input, start, done)
    this.express.set(execution.id, execution)
    if (this.express.size > EXPRESS_REMEMBERED) this.forgetEnded()
    return execution
  }

  private forgetEnded(): void {
    for (const [id, execution] of this.express) {
      if (this.express.size <= EXPRESS_REMEMBERED / 2) return
      if (execution.flow.status !== 'running') this.express.delete(id)
    }
  }

  private expressOutcome(execution: ExpressExecution, signal: AbortSignal | undefined): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      execution.whenEnded(() => {
        const { flow } = execution
        resolve({ id: execution.id, status: flow.status, output: flow.output, error: flow.error })
      })
      signal?.addEventListener('abort', () => reject(new EngineError('aborted', 'the wait was aborted; the execution goes on')))
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
  private async durable(id: string): Promise<EmbeddedHost> {
    this.mustBeOpen()
    if (this.options.engine === 'express') throw new EngineError('execution-not-found', `no execution ${id}`)
    return this.embedded()
  }

  private async endedExecution(id: string): Promise<{
    host: EmbeddedHost
    flow: string
    collector: CarryCollector
    deployed: DeployedFlow
    record: ExecutionRecord
  }> {
    if (this.express.has(id))
      throw new EngineError('not-durable', `execution ${id} is of an express flow, which cannot be retried; start it again`)
    const host = await this.durable(id)
    await host.journal.settled()
    const record = host.reader.record(id, true)
    if (record.status === 'running') throw new EngineError('execution-running', `execution ${id} is still running`)
    const collector = new CarryCollector()
    const deployed = host.reader.foldWith(id, collector)
    return { host, flow: record.flow, collector, deployed, record }
  }

  private embedded(): Promise<EmbeddedHost> {
    return (this.opening ??= this.openStore())
  }

  private async openStore(): Promise<EmbeddedHost> {
    const [{ Store }, { EmbeddedHost }] = await Promise.all([import('./embedded/store.ts'), import('./embedded/embedded-host.ts')])
    const store = await Store.open(this.options.store ?? ':memory:')
    const host = new EmbeddedHost(store, {
      invoker: this.invoker,
      channels: this.channels,
      children: this.children,
      callbackUrl: (token) => this.callbackUrl(token),
      retentionMs: this.options.retentionMs ?? DEFAULT_RETENTION_MS,
      deployedOf: (hash, names, readPlan) => this.flows.byHash(hash, names, readPlan),
      log: (line, execution, node) => this.log(line, execution, node),
      onCallback: (info) => this.options.onCallback?.(info),
    })
    if (this.seams.afterEvent !== undefined) {
      host.journal.eager = true
      host.afterEvent = this.seams.afterEvent
    }
    for (const { hash, plan } of host.reader.storedFlows()) this.flows.addStored(hash, plan)
    for (const deployed of this.flows.all()) await host.saveFlow(deployed)
    this.host = host
    // what was left goes on by itself; nobody has to wait for it
    setImmediate(() => host.recover().catch(() => undefined))
    return host
  }

  private callbackUrl(token: string): string {
    return `${this.options.publicUrl ?? 'http://127.0.0.1:8900'}/v1/callbacks/${token}`
  }

  private log(line: LogLine, execution: string | undefined, node: string | undefined): void {
    this.options.onLog?.({ ...line, ...(execution === undefined ? {} : { execution }), ...(node === undefined ? {} : { node }) })
  }
}

function stopOnAbort(execution: ExpressExecution, signal: AbortSignal): void {
  const stop = (): void => {
    if (execution.flow.status === 'running') execution.stop()
  }
  signal.addEventListener('abort', stop, { once: true })
  execution.whenEnded(() => signal.removeEventListener('abort', stop))
}

/** Copies what comes in, within the limits of flow-language.md, 6. */
function takeInput(input: unknown, what = 'input'): Json {
  if (input === undefined) return {}
  try {
    return copyJson(input, PAYLOAD_LIMIT)
  } catch (error) {
    if (!(error instanceof JsonCopyError)) throw error
    const code = error.reason === 'too-large' ? 'payload-too-large' : error.reason === 'too-deep' ? 'payload-too-deep' : 'bad-input'
    throw new EngineError(code, `the ${what} is refused: ${error.message}`, { cause: error })
  }
}

/** The error document that a refused callback makes of its node; what the caller gives beside the usual fields is kept. */
function refusal(error: { readonly errorType?: string; readonly errorMessage?: string } | undefined): Json {
  const { status, errorType, errorMessage } = (error ?? {}) as Partial<ErrorDocument>
  return takeInput(
    {
      ...error,
      status: Number.isInteger(status) ? status : STATUS.codeThrew,
      errorType: typeof errorType === 'string' ? errorType : 'CallbackFailed',
      errorMessage: typeof errorMessage === 'string' ? errorMessage : 'the callback reported a failure',
    },
    'error',
  )
}

function outputOf({ status, output, error }: Outcome): Json {
  if (error !== null) throw new ExecutionFailed(error, status)
  return output
}

function notRunning(id: string, status: string): EngineError {
  return new EngineError('execution-not-running', `execution ${id} is not running: it has ended as ${status}`)
}

function lineageFor(collector: CarryCollector, node: string): string {
  for (const lineage of collector.reached.keys()) if (lineage === node || lineage.endsWith(`/${node}`)) return lineage
  return node
}
