import type { FunctionSpec, ModuleHandler } from './contract.ts'

/** functions.md, 1. */
const NAME = /^(?=.{1,60}$)[A-Za-z](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$/

/** True for a name that a function or an app may have. */
export function isFunctionName(name: string): boolean {
  return NAME.test(name)
}

/** What a caller may leave out of a specification. */
export type PartialSpec = Partial<Omit<FunctionSpec, 'environment' | 'concurrency'>> & {
  readonly environment?: Partial<FunctionSpec['environment']>
  readonly concurrency?: Partial<FunctionSpec['concurrency']>
}

/**
 * A whole specification, with the defaults of functions.md, 1, for what is left out. `name` is `name` or `app/name`;
 * the runtime is `module` if a handler is given inline, and then there is no timeout of the function's own.
 *
 * @throws TypeError for names that are not allowed, and without a runtime or handler
 */
export function normalizeSpec(name: string, partial: PartialSpec): FunctionSpec {
  const slash = name.indexOf('/')
  const app = slash < 0 ? (partial.app ?? 'default') : name.slice(0, slash)
  const plain = slash < 0 ? name : name.slice(slash + 1)
  for (const part of [app, plain]) {
    if (!isFunctionName(part)) {
      throw new TypeError(
        `function ${name}: ${JSON.stringify(part)} is not a name; expected a letter, then letters, digits, - and _, to 60, not ending in - or _`,
      )
    }
  }
  const runtime = partial.runtime ?? (partial.inline === undefined ? undefined : 'module')
  if (runtime === undefined)
    throw new TypeError(`function ${name}: runtime is missing; expected module, nodejs, python or a registered one`)
  if (partial.inline !== undefined && typeof partial.inline !== 'function')
    throw new TypeError(`function ${name}: inline is not a function`)
  const handler = partial.handler ?? (partial.inline === undefined ? undefined : 'inline')
  if (handler === undefined) throw new TypeError(`function ${name}: handler is missing; expected file.function, such as index.handler`)
  const { environment, concurrency, timeoutMs, ...rest } = partial
  return {
    ...rest,
    app,
    name: plain,
    runtime,
    handler,
    initializerTimeoutMs: partial.initializerTimeoutMs ?? 30_000,
    ...(timeoutMs !== undefined ? { timeoutMs } : partial.inline === undefined ? { timeoutMs: 3000 } : {}),
    memoryMb: partial.memoryMb ?? 128,
    environment: { variables: environment?.variables ?? {}, secrets: environment?.secrets ?? {} },
    concurrency: {
      perInstance: concurrency?.perInstance ?? 1,
      maxInstances: concurrency?.maxInstances ?? 400,
      reserved: concurrency?.reserved ?? 0,
      idleTimeoutMs: concurrency?.idleTimeoutMs ?? 60_000,
    },
  }
}

/**
 * The specification of an in-process handler; without a timeout of its own, only its node's counts.
 *
 * @throws TypeError for a name that is not allowed
 */
export function specForHandler(name: string, handler: ModuleHandler): FunctionSpec {
  return normalizeSpec(name, { inline: handler })
}
