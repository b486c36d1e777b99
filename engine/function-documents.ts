import { ERROR_TYPE_OF_STATUS, STATUS } from '../dsl/errors.ts'
import type { FunctionSpec } from '../executors/contract.ts'
import { createHash } from 'node:crypto'
import type { Preconditions } from './catalogue/api.ts'
import { EngineError } from './errors.ts'
import type { FunctionPutOptions, FunctionPutResult } from './function-uploads/api.ts'
import type { FunctionUploads } from './function-uploads/uploads.ts'
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
  /** SHA-256 of its code's archive, where it was put with one. */
  readonly codeHash?: string
}

/** The functions that there are: those that the engine was made with, and those that were put, of a shared store by any process. */
export interface EngineFunctions {
  /** By app and name. */
  list(): Promise<FunctionDocument[]>
  /** By `app/name`, or `name` in the app `default`; the ETag changes with the function. Rejects with EngineError `function-not-found`. */
  get(name: string): Promise<{ readonly function: FunctionDocument; readonly etag: string }>
  /**
   * Puts a function, or replaces it: a definition as functions.yaml has it, with `app`, `name`, and in `code` a zip (bytes, or base64). What runs goes
   * on with the code that it has.
   *
   * Rejects with FunctionInvalid carrying all diagnostics, and EngineError `conflict` for one of functions.yaml, `precondition-failed`, `name-mismatch`,
   * `payload-too-large`, `payload-too-deep`.
   */
  put(definition: object, options?: FunctionPutOptions): Promise<FunctionPutResult>
  /** Rejects with EngineError `function-not-found`, `conflict`, `precondition-failed`. */
  remove(name: string, options?: Preconditions): Promise<void>
}

/** Shows what a registry holds. */
export class FunctionDocuments implements EngineFunctions {
  private readonly registry: FunctionRegistry
  private readonly uploads: FunctionUploads

  constructor(registry: FunctionRegistry, uploads: FunctionUploads) {
    this.registry = registry
    this.uploads = uploads
  }

  async list(): Promise<FunctionDocument[]> {
    await this.uploads.look()
    return [...this.registry.all()].map((spec) => this.shown(spec)).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  }

  async get(name: string): Promise<{ readonly function: FunctionDocument; readonly etag: string }> {
    const key = wholeName(name)
    await this.uploads.look()
    const spec = this.registry.find(key)
    if (spec === undefined) throw new EngineError('function-not-found', `no function ${key}`)
    const shown = this.shown(spec)
    const etag = this.uploads.find(key)?.etag ?? createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 32)
    return { function: shown, etag }
  }

  async put(definition: object, options: FunctionPutOptions = {}): Promise<FunctionPutResult> {
    const { name, ...rest } = options
    const { spec, code, created, etag } = await this.uploads.put(definition, {
      ...rest,
      ...(name === undefined ? {} : { name: wholeName(name) }),
    })
    return { function: shownFunction(spec, code), created, etag }
  }

  remove(name: string, options: Preconditions = {}): Promise<void> {
    return this.uploads.remove(wholeName(name), options)
  }

  private shown(spec: FunctionSpec): FunctionDocument {
    return shownFunction(spec, this.uploads.find(keyOf(spec))?.code ?? null)
  }
}

/** True for error documents that say that there is no such function, or no such version of it. */
export function isFunctionMissing({ status, errorType }: { readonly status: number; readonly errorType: string }): boolean {
  // a function's own code may end with any status
  return (status === STATUS.noSuchFunction || status === STATUS.noSuchVersion) && errorType === ERROR_TYPE_OF_STATUS[status]
}

function wholeName(name: string): string {
  return name.includes('/') ? name : `default/${name}`
}

function keyOf({ app, name }: { readonly app: string; readonly name: string }): string {
  return `${app}/${name}`
}

/** A function as it is shown; `code` is the hash of the archive that it was put with, if it was. */
export function shownFunction(spec: FunctionSpec, code: string | null): FunctionDocument {
  const document = documentOf(spec)
  return code === null ? document : { ...document, codeHash: code }
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
