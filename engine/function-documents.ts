import { ERROR_TYPE_OF_STATUS, STATUS } from '../dsl/errors.ts'
import type { FunctionSpec } from '../executors/contract.ts'
import { EngineError } from './errors.ts'
import type { FunctionRegistry } from './functions.ts'

/** A function as functions.yaml describes it, without the values of secrets and without folders of the host. Durations in seconds. */
export interface FunctionDocument {
  readonly app: string
  readonly name: string
  readonly runtime: string
  readonly handler: string
  readonly initializer?: string
  readonly initializerTimeout: number
  /** Absent: none of its own. */
  readonly timeout?: number
  /** MB. */
  readonly memory: number
  readonly environment: { readonly variables: Readonly<Record<string, string>>; readonly secrets: readonly string[] }
  readonly concurrency: {
    readonly perInstance: number
    readonly maxInstances: number
    readonly reserved: number
    readonly idleTimeout: number
  }
  readonly pool?: string
  readonly gpu?: { readonly type: string; readonly memory: number }
}

/** The functions that this process knows. */
export interface EngineFunctions {
  /** By app and name. */
  list(): FunctionDocument[]
  /** By `app/name`, or `name` in the app `default`. Throws EngineError `function-not-found`. */
  get(name: string): FunctionDocument
}

/** Shows what a registry holds. */
export class FunctionDocuments implements EngineFunctions {
  private readonly registry: FunctionRegistry

  constructor(registry: FunctionRegistry) {
    this.registry = registry
  }

  list(): FunctionDocument[] {
    return [...this.registry.all()].map(documentOf).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  }

  get(name: string): FunctionDocument {
    const key = name.includes('/') ? name : `default/${name}`
    for (const spec of this.registry.all()) if (keyOf(spec) === key) return documentOf(spec)
    throw new EngineError('function-not-found', `no function ${key}`)
  }
}

/** True for error documents that say that there is no such function, or no such version of it. */
export function isFunctionMissing({ status, errorType }: { readonly status: number; readonly errorType: string }): boolean {
  // a function's own code may end with any status
  return (status === STATUS.noSuchFunction || status === STATUS.noSuchVersion) && errorType === ERROR_TYPE_OF_STATUS[status]
}

function keyOf({ app, name }: { readonly app: string; readonly name: string }): string {
  return `${app}/${name}`
}

function documentOf(spec: FunctionSpec): FunctionDocument {
  const { app, name, runtime, handler, initializer, initializerTimeoutMs, timeoutMs, memoryMb, environment, concurrency, pool, gpu } = spec
  const { idleTimeoutMs, ...instances } = concurrency
  return {
    app,
    name,
    runtime,
    handler,
    ...(initializer === undefined ? {} : { initializer }),
    initializerTimeout: initializerTimeoutMs / 1000,
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs / 1000 }),
    memory: memoryMb,
    environment: { variables: { ...environment.variables }, secrets: Object.keys(environment.secrets).sort() },
    concurrency: { ...instances, idleTimeout: idleTimeoutMs / 1000 },
    ...(pool === undefined ? {} : { pool }),
    ...(gpu === undefined ? {} : { gpu: { type: gpu.type, memory: gpu.memoryGiB } }),
  }
}
