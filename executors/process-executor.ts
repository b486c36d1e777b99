import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { STATUS, type ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import type { Executor, FunctionSpec, InstanceCount, Invocation } from './contract.ts'
import { processEnvironment } from './environment.ts'
import { failure } from './error-documents.ts'
import type { Command } from './launch.ts'
import type { InstanceLimits } from './limits.ts'
import { Pool, type Launcher } from './pool.ts'
import { secretValues } from './secrets.ts'
import { acquireWatchdog, releaseWatchdog } from './watchdog.ts'

/** What differs between the runtimes whose functions run in child processes. */
export interface ProcessRuntime {
  readonly name: string
  /** The folder of its shim. */
  readonly root: string
  /** The program that runs the shim for a function whose code lies in `folder`, or why there is none. */
  command(spec: FunctionSpec, folder: string): Command | ErrorDocument
  /** Told what a shim said of itself when it was ready. */
  ready?(folder: string, info: Json): void
}

/** Functions in pools of child processes, one pool a function. */
export class ProcessExecutor implements Executor {
  readonly #runtime: ProcessRuntime
  readonly #limits: InstanceLimits
  readonly #pools = new Map<FunctionSpec, Pool>()
  #watched = false
  #stopping: Promise<void> | undefined

  constructor(runtime: ProcessRuntime, limits: InstanceLimits) {
    this.#runtime = runtime
    this.#limits = limits
  }

  register(spec: FunctionSpec): void {
    if (spec.concurrency.reserved > 0) this.#pool(spec).reserve(spec.concurrency.reserved)
  }

  /** What runs goes on with the code that it has. */
  unregister(spec: FunctionSpec): void {
    this.#pools.get(spec)?.drain()
  }

  invoke(invocation: Invocation): void {
    if (this.#stopping !== undefined) return invocation.fail(failure(STATUS.cancelled, 'the engine is stopping'))
    this.#pool(invocation.spec).submit(invocation)
  }

  instances(): InstanceCount[] {
    return [...this.#pools.values()].map((pool) => pool.count())
  }

  /** Requests under way are abandoned, not settled: whoever stops has closed its books on them. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop()))
    this.#pools.clear()
    if (this.#watched) await releaseWatchdog()
  }

  #pool(spec: FunctionSpec): Pool {
    let pool = this.#pools.get(spec)
    if (pool === undefined) {
      pool = new Pool({
        spec,
        limits: this.#limits,
        launcher: () => this.#launcher(spec),
        ready: (info) => this.#runtime.ready?.(spec.code ?? '', info),
        empty: () => this.#pools.delete(spec),
      })
      this.#pools.set(spec, pool)
    }
    return pool
  }

  #launcher(spec: FunctionSpec): Launcher | ErrorDocument {
    const who = `function ${spec.app}/${spec.name}`
    if (spec.missingSecrets !== undefined && spec.missingSecrets.length > 0) {
      return failure(STATUS.badParameter, `${who} needs secrets that are not there: ${spec.missingSecrets.join('; ')}`, 'SecretMissing')
    }
    const { variables, secrets } = spec.environment
    const unusable = Object.entries({ ...variables, ...secrets }).find(([, value]) => value.includes('\0'))
    if (unusable !== undefined) {
      return failure(
        STATUS.badParameter,
        `${who}: the value of ${unusable[0]} holds a NUL character, which an environment cannot`,
        'BadParameter',
      )
    }
    if (spec.code === undefined) return failure(STATUS.handlerNotFound, `${who} has no code folder`)
    const stat = statSync(spec.code, { throwIfNoEntry: false })
    if (stat === undefined) return failure(STATUS.handlerNotFound, `${who}: the folder of its code does not exist`)
    const folder = stat.isFile() ? dirname(spec.code) : spec.code
    const command = this.#runtime.command(spec, folder)
    if ('status' in command) return command
    if (!this.#watched) {
      this.#watched = true
      acquireWatchdog()
    }
    return {
      command,
      folder,
      environment: processEnvironment(spec, folder, this.#runtime.root),
      secrets: secretValues(spec),
    }
  }
}
