/** The engine on Temporal, put together: imported when an engine of that kind is made. */
import type { Json } from '../../dsl/json.ts'
import type { FunctionSpec, LogLine } from '../../executors/contract.ts'
import type { CallbackInfo, EngineOptions } from '../api.ts'
import type { Channels } from '../channels.ts'
import type { EngineError } from '../errors.ts'
import type { DeployedFlow } from '../execution-info.ts'
import type { ExpressDone, ExpressExecution, ExpressServices, ExpressStart } from '../express/express-host.ts'
import type { FlowRegistry } from '../flow-registry.ts'
import type { FunctionStore } from '../function-uploads/api.ts'
import type { Invoker } from '../invoker.ts'
import { Activities } from './activities.ts'
import { Cluster } from './cluster.ts'
import { RecordedEnds } from './ends.ts'
import { clusterOptions, type ClusterOptions } from './options.ts'
import { Recorder } from './recorder.ts'
import { Sweeper } from './sweeper.ts'
import { TemporalHost } from './temporal-host.ts'
import { Workers } from './worker.ts'

export { TemporalHost } from './temporal-host.ts'

/** What the engine around it gives. */
export interface EngineServices {
  readonly invoker: Invoker
  readonly channels: Channels
  readonly flows: FlowRegistry
  readonly express: ExpressServices
  callbackUrl(token: string): string
  startExpress(deployed: DeployedFlow, input: Json, start: ExpressStart, done: ExpressDone): ExpressExecution
  log(line: LogLine, execution: string, node: string | undefined): void
  /** Makes the functions that were put known to the invoker, and keeps it so. */
  loadFunctions(store: FunctionStore): Promise<void>
  /** Of `app/name`: true for one that was put. */
  isPut(key: string): boolean
}

const DAY_MS = 86_400_000
const DEFAULT_RETENTION_MS = 90 * DAY_MS

/**
 * Connects, and starts what of a worker this process is to be. Rejects with EngineError: `bad-option`, `temporal-unavailable`,
 * `store-unusable`.
 */
export async function openTemporal(options: EngineOptions, services: EngineServices): Promise<TemporalHost> {
  const compiled = clusterOptions(options)
  services.invoker.functions.serveCards(cardsOf(compiled))
  const cluster = await Cluster.connect(compiled)
  const { flows, callbackUrl } = services
  let worker: WorkerHalf | null = null
  let ends: RecordedEnds | null = null
  const closing = async (): Promise<void> => {
    await worker?.close()
    await ends?.close()
    await cluster.close()
  }
  const host = new TemporalHost(cluster, cluster.registry, {
    scope: compiled.scope,
    flows,
    observers: services.invoker.observers,
    callbackUrl,
    closing,
  })
  try {
    await services.loadFunctions(host.functions)
    if (compiled.worker !== null) worker = await WorkerHalf.start(cluster, host, services, options)
    else await (ends = new RecordedEnds(cluster.registry, services.invoker.observers)).begin()
  } catch (error) {
    await closing()
    throw error
  }
  return host
}

/** A host for another scope of a cluster that somebody else closes: for tests, whose engines share connections and worker. */
export async function scopedHost(of: TemporalHost, scope: string, services: EngineServices): Promise<TemporalHost> {
  const { cluster } = of
  const { flows, callbackUrl } = services
  const { observers } = services.invoker
  const host = new TemporalHost(cluster, await cluster.scoped(scope), {
    scope,
    flows,
    observers,
    callbackUrl,
    closing: async () => undefined,
  })
  await services.loadFunctions(host.functions)
  return host
}

/** What a worker's process has beside its pollers. */
class WorkerHalf {
  private readonly workers: Workers
  private readonly activities: Activities
  private readonly recorder: Recorder
  private readonly sweeper: Sweeper

  private constructor(workers: Workers, activities: Activities, recorder: Recorder, sweeper: Sweeper) {
    this.workers = workers
    this.activities = activities
    this.recorder = recorder
    this.sweeper = sweeper
  }

  static async start(cluster: Cluster, host: TemporalHost, services: EngineServices, options: EngineOptions): Promise<WorkerHalf> {
    const { invoker, channels, express, flows, callbackUrl, startExpress } = services
    const { options: compiled, client, registry } = cluster
    const recorder = new Recorder((scope) => cluster.scoped(scope))
    const activities = new Activities({
      invoker,
      channels,
      express,
      client,
      registry,
      mainQueue: compiled.taskQueue,
      scoped: (scope) => cluster.scoped(scope),
      deployed: ({ flow, version, hash }, planText) => flows.byHash(hash, { flow, version }, () => planText),
      startExpress,
      callbackUrl,
      log: (line, from) => {
        services.log(line, from.execution, from.node)
        recorder.log(line, from)
      },
      onCallback: (info, scope) => callbackListener(host)(info, scope) ?? express.onCallback(info),
    })
    // the routes of those that were put are in the store with them
    await registry.saveFunctions(routesOf(invoker.functions.all()).filter(({ ref }) => !services.isPut(ref)))
    const failed = (error: EngineError): void => process.emitWarning(error.message, 'FnflowTemporalWarning')
    const workers = await Workers.start(
      { cluster, activities, recorder, observers: invoker.observers, failed },
      compiled.worker as NonNullable<ClusterOptions['worker']>,
    )
    const sweeper = new Sweeper(cluster, registry, compiled.scope, host, options.retentionMs ?? DEFAULT_RETENTION_MS)
    sweeper.begin()
    return new WorkerHalf(workers, activities, recorder, sweeper)
  }

  async close(): Promise<void> {
    await this.workers.close()
    this.activities.close()
    await this.sweeper.close()
    await this.recorder.close()
  }
}

/** Where the functions of this process are found. */
function routesOf(functions: Iterable<FunctionSpec>) {
  return [...functions].map((spec) => ({
    ref: `${spec.app}/${spec.name}`,
    queue: queueOf(spec),
    ...(spec.timeoutMs === undefined ? {} : { timeoutMs: spec.timeoutMs }),
    worker: `${process.pid}`,
  }))
}

/** The task queue of a function, behind the name of the main one: '' is that itself, else that of its pool or card. */
function queueOf({ pool = '', gpu }: FunctionSpec): string {
  return gpu === undefined ? pool : `gpu.${gpu.type}`
}

/** The cards whose queues this process polls. */
function cardsOf({ worker }: ClusterOptions): string[] {
  return (worker?.queues ?? []).flatMap(({ name }) => (name.startsWith('gpu.') ? [name.slice('gpu.'.length)] : []))
}

/** For tests: who is told of the callbacks of a scope. */
const listeners = new WeakMap<TemporalHost, (info: CallbackInfo, scope: string) => true | undefined>()

/** @internal */
export function onCallbackOf(host: TemporalHost, listener: (info: CallbackInfo, scope: string) => true | undefined): void {
  listeners.set(host, listener)
}

function callbackListener(host: TemporalHost): (info: CallbackInfo, scope: string) => true | undefined {
  return listeners.get(host) ?? (() => undefined)
}
