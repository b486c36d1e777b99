import { copyJson, DEPTH_LIMIT, PAYLOAD_LIMIT } from '../dsl/json-copy.ts'
import { STATUS } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import type { Executor, ExecutorFactory, ExecutorHost, FunctionSpec, InstanceCount, Invocation } from './contract.ts'
import { failure, thrownError } from './error-documents.ts'
import { InstanceLimits } from './limits.ts'
import { ModuleExecutor, resultError } from './module.ts'

export interface ExecutorRegistryOptions {
  readonly host?: ExecutorHost
  /** Child processes of the whole engine at once, default 400. */
  readonly instances?: number
  /** The Node.js of `nodejs` functions; default the one that runs the engine. */
  readonly node?: string
  /** The Python of `python` functions; default `python3` from PATH. */
  readonly python?: string
}

/** The executors of one engine by runtime name. Each is made when first asked for; child-process code is imported when first used. */
export class ExecutorRegistry {
  readonly #host: ExecutorHost
  readonly #factories = new Map<string, ExecutorFactory>()
  readonly #executors = new Map<string, Executor>()
  #stopping: Promise<void> | undefined

  constructor(options: ExecutorRegistryOptions = {}) {
    this.#host = options.host ?? { now: () => Date.now() }
    let limits: InstanceLimits | undefined
    const shared = (): InstanceLimits => (limits ??= new InstanceLimits(options.instances))
    this.#factories.set('module', () => new ModuleExecutor())
    this.#factories.set(
      'nodejs',
      () => new LazyExecutor(async () => (await import('./nodejs/index.ts')).createNodejsExecutor(shared(), options.node)),
    )
    this.#factories.set(
      'python',
      () => new LazyExecutor(async () => (await import('./python/index.ts')).createPythonExecutor(shared(), options.python)),
    )
  }

  /**
   * Adds an executor of the user's, or puts it in the place of a built-in one.
   *
   * @throws Error if the runtime of that name is in use already
   */
  registerExecutor(name: string, factory: ExecutorFactory): void {
    if (this.#executors.has(name))
      throw new Error(`executor ${name} is in use already; register executors before the first function of that runtime`)
    this.#factories.set(name, factory)
  }

  /** The runtimes that have an executor. */
  names(): string[] {
    return [...this.#factories.keys()]
  }

  /** Undefined if no executor of that name is registered. */
  get(runtime: string): Executor | undefined {
    let executor = this.#executors.get(runtime)
    if (executor === undefined) {
      const factory = this.#factories.get(runtime)
      if (factory === undefined) return undefined
      executor = factory(this.#host)
      this.#executors.set(runtime, executor)
    }
    return executor
  }

  /** Processes of functions of all runtimes. */
  instances(): InstanceCount[] {
    return [...this.#executors.values()].flatMap((executor) => executor.instances?.() ?? [])
  }

  /** Ends all instances and processes of all executors; resolves when they are gone. Rejects if an executor of the user's does. */
  stopAll(): Promise<void> {
    this.#stopping ??= Promise.all([...this.#executors.values()].map((executor) => executor.stop())).then(() => undefined)
    return this.#stopping
  }
}

/** Stands for an executor until its code is imported. */
class LazyExecutor implements Executor {
  readonly #load: () => Promise<Executor>
  #loading: Promise<Executor> | undefined
  #executor: Executor | undefined
  #stopped = false

  constructor(load: () => Promise<Executor>) {
    this.#load = load
  }

  register(spec: FunctionSpec): void {
    if (this.#executor !== undefined) this.#executor.register?.(spec)
    else if (this.#loading !== undefined || spec.concurrency.reserved > 0) void this.#loaded().then((executor) => executor.register?.(spec))
  }

  unregister(spec: FunctionSpec): void {
    if (this.#executor !== undefined) this.#executor.unregister?.(spec)
    else if (this.#loading !== undefined) void this.#loaded().then((executor) => executor.unregister?.(spec))
  }

  invoke(invocation: Invocation): void {
    if (this.#executor !== undefined) return this.#executor.invoke(invocation)
    let given = false
    invocation.onAbort = () => {
      given = true
    }
    this.#loaded().then(
      (executor) => {
        if (!given && !this.#stopped) executor.invoke(invocation)
      },
      (error: unknown) => invocation.fail(failure(STATUS.internal, String(error), 'InternalError')),
    )
  }

  instances(): readonly InstanceCount[] {
    return this.#executor?.instances?.() ?? []
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#loading !== undefined) await (await this.#loaded()).stop()
  }

  #loaded(): Promise<Executor> {
    this.#loading ??= this.#load().then((executor) => (this.#executor = executor))
    return this.#loading
  }
}

/** An executor in the style of promises: what `invoke` resolves to is the result, what it throws the error document. */
export interface PromiseExecutor {
  invoke(invocation: Invocation): Promise<Json>
  stop?(): Promise<void> | void
}

/**
 * Makes an executor of the contract from one of promises, to be given to `registerExecutor`. Results are copied and checked;
 * a thrown object with `status`, `errorType` and `errorMessage` is taken as the error document, anything else is a 430.
 */
export function promiseExecutor(executor: PromiseExecutor): ExecutorFactory {
  return () => ({
    invoke(invocation) {
      let promise: Promise<Json>
      try {
        promise = Promise.resolve(executor.invoke(invocation))
      } catch (error) {
        return failWith(invocation, error)
      }
      promise.then(
        (value) => {
          let result: Json
          try {
            result = copyJson(value, PAYLOAD_LIMIT, DEPTH_LIMIT)
          } catch (error) {
            return invocation.fail(resultError(error))
          }
          invocation.succeed(result)
        },
        (error: unknown) => failWith(invocation, error),
      )
    },
    async stop() {
      await executor.stop?.()
    },
  })
}

function failWith(invocation: Invocation, thrown: unknown): void {
  const document = thrownError(STATUS.codeThrew, thrown)
  if (typeof thrown === 'object' && thrown !== null) {
    const { status, errorType, errorMessage } = thrown as { status?: unknown; errorType?: unknown; errorMessage?: unknown }
    if (typeof status === 'number' && typeof errorType === 'string' && typeof errorMessage === 'string') {
      return invocation.fail({ ...document, ...failure(status, errorMessage, errorType) })
    }
  }
  invocation.fail(document)
}
