/** Test seam: not part of the public API, not exported from the package. */
import type { CallbackInfo, Engine, EngineOptions, Execution, StartOptions } from './api.ts'
import { EngineError } from './errors.ts'
import { newId } from './ids.ts'
import { LocalEngine } from './local-engine.ts'
import type { TemporalHost } from './temporal/index.ts'
import type { Json } from '../dsl/json.ts'

export { LocalEngine } from './local-engine.ts'
export { FlowRegistry } from './flow-registry.ts'
export { NodeView } from './view.ts'
export { Store } from './embedded/store.ts'
export { Journal } from './embedded/journal.ts'
export { fold } from './embedded/fold.ts'
export { EVENT } from './embedded/schema.ts'
export type { TemporalHost } from './temporal/index.ts'
export { Deadlines, DeadlineEntry } from './deadlines.ts'
export { newId, derivedId } from './ids.ts'

/** An engine that can be told how often it was rebuilt. */
export interface RebuildingEngine extends Engine {
  readonly rebuilds: () => number
}

/**
 * An embedded engine that is torn down, as by a crash, after every committed event, and made anew from its store.
 * Calls that a crash interrupts are made again on the next engine. `options.store` must name a folder.
 */
export async function createRebuildingEngine(options: EngineOptions): Promise<RebuildingEngine> {
  let rebuilds = 0
  let closed = false
  let engine: LocalEngine
  /** Resolves when the engine at hand is usable; a new promise per rebuild. */
  let ready: Promise<void>

  const open = async (): Promise<void> => {
    engine = await LocalEngine.open(options, {
      afterEvent() {
        if (closed) return false
        const old = engine
        rebuilds += 1
        // the journal is in the middle of its commit: tear down at once, build anew afterwards
        ready = old.abandon().then(open)
        return true
      },
    })
  }

  /** Makes a call, again on the next engine if a crash came between. `again` tells whether it is not the first time. */
  const call = async <T>(make: (engine: LocalEngine, again: boolean) => Promise<T>): Promise<T> => {
    for (let again = false; ; again = true) {
      await ready
      const used = engine
      try {
        return await make(used, again)
      } catch (error) {
        const crashed = engine !== used || (error instanceof EngineError && error.code === 'engine-closed')
        if (!crashed || closed) throw error
      }
    }
  }

  ready = open()
  await ready

  const handle = (id: string, flow: string): Execution => ({
    id,
    flow,
    result: (given) => facade.result(id, given),
    describe: () => facade.describe(id),
    stop: () => facade.stop(id),
  })

  const facade: RebuildingEngine = {
    rebuilds: () => rebuilds,
    idempotency: { begin: (request) => call((e) => e.idempotency.begin(request)) },
    check: (source) => call((e) => e.check(source)),
    flow: (ref) => call((e) => e.flow(ref)),
    deploy: (source) => call((e) => e.deploy(source)),
    catalogue: {
      get: (flow, given) => call((e) => e.catalogue.get(flow, given)),
      list: (given) => call((e) => e.catalogue.list(given)),
      put: (source, given) => call((e) => e.catalogue.put(source, given)),
      remove: (flow, given) => call((e) => e.catalogue.remove(flow, given)),
      publish: (flow, given) => call((e) => e.catalogue.publish(flow, given)),
      versions: (flow, given) => call((e) => e.catalogue.versions(flow, given)),
      version: (flow, version) => call((e) => e.catalogue.version(flow, version)),
      aliases: (flow) => call((e) => e.catalogue.aliases(flow)),
      setAlias: (flow, alias, target) => call((e) => e.catalogue.setAlias(flow, alias, target)),
      removeAlias: (flow, alias) => call((e) => e.catalogue.removeAlias(flow, alias)),
    },
    async start(flow: string, given: StartOptions = {}) {
      const id = given.id ?? newId()
      // a start whose answer was lost in a crash is found again by its id
      await call((e) => e.start(flow, { ...given, id }))
      return handle(id, flow)
    },
    async run(flow: string, given: StartOptions = {}): Promise<Json> {
      const execution = await facade.start(flow, given)
      return execution.result()
    },
    async execution(id) {
      const { flow } = await facade.describe(id)
      return handle(id, flow)
    },
    result: (id, given) => call((e) => e.result(id, given)),
    stop: (id) =>
      call(async (e, again) => {
        try {
          await e.stop(id)
        } catch (error) {
          // the crash came behind the commit of the stop
          if (!(again && error instanceof EngineError && error.code === 'execution-not-running')) throw error
        }
      }),
    retry: (id, given) => call((e) => e.retry(id, given)),
    rerun: ((id: string, given: never) => call((e) => e.rerun(id, given))) as Engine['rerun'],
    describe: (id) => call((e) => e.describe(id)),
    nodes: (id, given) => call((e) => e.nodes(id, given)),
    list: (given) => call((e) => e.list(given)),
    events: (id, given) => engine.events(id, given),
    batches: { create: (batch) => call((e) => e.batches.create(batch)), get: (id) => call((e) => e.batches.get(id)) },
    statistics: (given) => call((e) => e.statistics(given)),
    iterations: (id, loop, given) => call((e) => e.iterations(id, loop, given)),
    definition: (id) => call((e) => e.definition(id)),
    delete: (id) =>
      call(async (e, again) => {
        try {
          await e.delete(id)
        } catch (error) {
          // the crash came behind the commit of the deletion
          if (!(again && error instanceof EngineError && error.code === 'execution-not-found')) throw error
        }
      }),
    answer: (id, node, result, given) =>
      call(async (e, again) => {
        try {
          await e.answer(id, node, result, given)
        } catch (error) {
          if (!(again && error instanceof EngineError && error.code === 'node-not-waiting')) throw error
        }
      }),
    logs: (id, given) => call((e) => e.logs(id, given)),
    followLogs: (id, given) => engine.followLogs(id, given),
    callback: (token, result, given) =>
      call(async (e, again) => {
        try {
          await e.callback(token, result, given)
        } catch (error) {
          if (!(again && error instanceof EngineError && error.code === 'callback-already-used')) throw error
        }
      }),
    invoke: (ref, body, given) => call((e) => e.invoke(ref, body, given)),
    registerConnector: (kind, connector) => engine.registerConnector(kind, connector),
    observe: (observer) => engine.observe(observer),
    health: () => call((e) => e.health()),
    instances: () => engine.instances(),
    flowFiles: { loaded: () => call((e) => e.flowFiles.loaded()), note: (file, hash) => call((e) => e.flowFiles.note(file, hash)) },
    get functions() {
      return engine.functions
    },
    get triggers() {
      return engine.triggers
    },
    async close() {
      closed = true
      await ready
      await engine.close()
    },
  }
  return facade
}

/** Engines of one worker and one set of connections, each with flows of its own. */
export interface TemporalLab {
  /** What the worker's own engine stands on. */
  readonly host: TemporalHost
  engine(scope: string, options: Pick<EngineOptions, 'functions' | 'channels' | 'onCallback'>): Promise<Engine>
  /** Tells the engine of a scope of a callback that a worker in another process has announced. */
  announce(info: CallbackInfo, scope: string): void
  close(): Promise<void>
}

/** Connects once, and runs one worker unless the options say otherwise; they are those of an engine on Temporal, with the functions of all. */
export async function createTemporalLab(options: EngineOptions): Promise<TemporalLab> {
  const { onCallbackOf, scopedHost } = await import('./temporal/index.ts')
  const main = await LocalEngine.open(options)
  const host = (await main.durableHost()) as TemporalHost
  const listeners = new Map<string, EngineOptions['onCallback']>()
  const announce = (info: CallbackInfo, scope: string): true | undefined => {
    const listener = listeners.get(scope)
    listener?.(info)
    return listener === undefined ? undefined : true
  }
  onCallbackOf(host, announce)
  return {
    host,
    async engine(scope, more) {
      listeners.set(scope, more.onCallback)
      return LocalEngine.open({ ...options, ...more }, { temporal: (services) => scopedHost(host, scope, services) })
    },
    announce,
    close: () => main.close(),
  }
}

/** The worker of such a lab, in a process of its own: tells of the callbacks of all scopes. */
export async function createTemporalWorker(
  options: EngineOptions,
  onCallback: (info: CallbackInfo, scope: string) => void,
): Promise<{ close(): Promise<void> }> {
  const { onCallbackOf } = await import('./temporal/index.ts')
  const engine = await LocalEngine.open(options)
  onCallbackOf((await engine.durableHost()) as TemporalHost, (info, scope) => {
    onCallback(info, scope)
    return true
  })
  return engine
}
