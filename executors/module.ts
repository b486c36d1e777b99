/*
 * In-process handlers: what embedders use, and the fastest path of the product.
 *
 * - M1. Body and result are copied; what the handler keeps of either is never the engine's.
 * - M2. `call` allocates the copies, the context, and, for a promise, its two reactions; nothing else.
 * - M3. The function's own timeout is the engine's to count, which also aborts `context.signal`. A synchronous handler
 *   that never returns cannot be stopped: it holds the engine's only thread. Such code belongs into a child process.
 */
import { copyData, copyJson, DEPTH_LIMIT, JsonCopyError, PAYLOAD_LIMIT } from '../dsl/json-copy.ts'
import { STATUS, type ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import type { Executor, FunctionSpec, Invocation, ModuleHandler } from './contract.ts'
import { hideFolder } from './code-folder.ts'
import { failure, thrownError } from './error-documents.ts'
import { ModuleContext } from './module-context.ts'
import type { LoadedModule } from './module-loader.ts'
import { maskDocument, secretValues } from './secrets.ts'

/** Runs handlers of runtime `module`: inline ones, and `file.function` of a folder, loaded when first invoked. */
export class ModuleExecutor implements Executor {
  /** A handler from a file once it is loaded, or why it cannot be. */
  readonly #loaded = new WeakMap<FunctionSpec, LoadedModule>()
  readonly #loading = new WeakMap<FunctionSpec, Promise<LoadedModule>>()

  invoke(invocation: Invocation): void {
    const handler = invocation.spec.inline
    if (handler !== undefined) call(handler, invocation)
    else this.#callFromFile(invocation)
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  #callFromFile(invocation: Invocation): void {
    const { spec } = invocation
    const known = this.#loaded.get(spec)
    if (known !== undefined) return callLoaded(known, invocation)
    let given = false
    invocation.onAbort = () => {
      given = true
    }
    let loading = this.#loading.get(spec)
    if (loading === undefined) {
      loading = import('./module-loader.ts').then(({ loadModule }) => loadModule(invocation))
      this.#loading.set(spec, loading)
    }
    loading.then(
      (loaded) => {
        // A failed initializer is tried again by the next request, as a new instance would.
        if (loaded.handler !== undefined || !loaded.again) this.#loaded.set(spec, loaded)
        else this.#loading.delete(spec)
        if (!given) callLoaded(loaded, invocation)
      },
      (error: unknown) => invocation.fail(failure(STATUS.internal, String(error), 'InternalError')),
    )
  }
}

function callLoaded(loaded: LoadedModule, invocation: Invocation): void {
  if (loaded.handler !== undefined) call(loaded.handler, invocation)
  else invocation.fail(loaded.error)
}

function call(handler: ModuleHandler, invocation: Invocation): void {
  let event: Json
  try {
    event = copyData(invocation.body, PAYLOAD_LIMIT, DEPTH_LIMIT)
  } catch (error) {
    return invocation.fail(bodyError(error))
  }
  if (handler.length > 2) return callWithCallback(handler, event, invocation)
  let result: unknown
  try {
    result = handler(event, new ModuleContext(invocation))
    if (isThenable(result)) return settleLater(result, invocation)
  } catch (error) {
    return failThrown(invocation, error)
  }
  finish(invocation, result)
}

/** The clouds' older form: the callback's first call counts, unless the handler returns a promise (functions.md, 2). */
function callWithCallback(handler: ModuleHandler, event: Json, invocation: Invocation): void {
  let first: { readonly error: unknown; readonly value: unknown } | undefined
  let listening = false
  const settle = ({ error, value }: { readonly error: unknown; readonly value: unknown }): void => {
    if (error === null || error === undefined) finish(invocation, value)
    else failThrown(invocation, error)
  }
  const callback = (error?: unknown, value?: unknown): void => {
    if (first !== undefined) return
    first = { error, value }
    if (listening) settle(first)
  }
  let result: unknown
  try {
    result = (handler as (...values: unknown[]) => unknown)(event, new ModuleContext(invocation), callback)
    if (isThenable(result)) return settleLater(result, invocation)
  } catch (error) {
    return failThrown(invocation, error)
  }
  listening = true
  if (first !== undefined) settle(first)
}

function failThrown(invocation: Invocation, thrown: unknown): void {
  const { spec } = invocation
  invocation.fail(hideFolder(maskDocument(thrownError(STATUS.codeThrew, thrown), secretValues(spec)), spec.code))
}

function settleLater(result: PromiseLike<unknown>, invocation: Invocation): void {
  result.then(
    (value) => finish(invocation, value),
    (error) => failThrown(invocation, error),
  )
}

function finish(invocation: Invocation, value: unknown): void {
  let result: Json
  try {
    result = copyJson(value, PAYLOAD_LIMIT, DEPTH_LIMIT)
  } catch (error) {
    return invocation.fail(resultError(error))
  }
  invocation.succeed(result)
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** The document of a body that cannot be handed over: 406, or 400 for what is no JSON. */
export function bodyError(error: unknown): ErrorDocument {
  const reason = error instanceof JsonCopyError ? error.reason : 'not-json'
  const message = error instanceof Error ? error.message : String(error)
  if (reason === 'too-large')
    return failure(STATUS.requestTooLarge, `the body of the request is over 6 MiB (${PAYLOAD_LIMIT} bytes) of JSON`)
  if (reason === 'too-deep')
    return failure(STATUS.requestTooLarge, `the body of the request is nested over ${DEPTH_LIMIT} levels: ${message}`, 'PayloadTooDeep')
  return failure(STATUS.badBody, `the body of the request is not JSON: ${message}`, 'BadRequest')
}

/** The document of a result that cannot be taken: 407 for its size or depth, 403 for what JSON cannot carry. */
export function resultError(error: unknown): ErrorDocument {
  const reason = error instanceof JsonCopyError ? error.reason : 'not-json'
  const message = error instanceof Error ? error.message : String(error)
  if (reason === 'too-large') return failure(STATUS.responseTooLarge, `the result is over 6 MiB (${PAYLOAD_LIMIT} bytes) of JSON`)
  if (reason === 'too-deep')
    return failure(STATUS.responseTooLarge, `the result is nested over ${DEPTH_LIMIT} levels: ${message}`, 'PayloadTooDeep')
  return failure(STATUS.resultNotJson, `the result cannot become JSON: ${message}`)
}
