import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import type { Executor, FunctionSpec, Invocation, LogLine, ModuleHandler } from '../../executors/contract.ts'

export const NODE_CODE = fileURLToPath(new URL('./fixtures/node', import.meta.url))
export const PYTHON_CODE = fileURLToPath(new URL('./fixtures/python', import.meta.url))

type Concurrency = Partial<FunctionSpec['concurrency']>

export interface SpecPatch extends Partial<Omit<FunctionSpec, 'concurrency' | 'environment'>> {
  readonly concurrency?: Concurrency
  readonly variables?: Record<string, string>
  readonly secrets?: Record<string, string>
}

export function specOf(runtime: string, handler: string, patch: SpecPatch = {}): FunctionSpec {
  const { concurrency, variables, secrets, ...rest } = patch
  return {
    app: 'default',
    name: 'f',
    runtime,
    ...(runtime === 'nodejs' ? { code: NODE_CODE } : runtime === 'python' ? { code: PYTHON_CODE } : {}),
    handler,
    initializerTimeoutMs: 30_000,
    timeoutMs: 10_000,
    memoryMb: 256,
    environment: { variables: variables ?? {}, secrets: secrets ?? {} },
    concurrency: { perInstance: 1, maxInstances: 400, reserved: 0, idleTimeoutMs: 60_000, ...concurrency },
    ...rest,
  }
}

export function inlineSpec(inline: ModuleHandler): FunctionSpec {
  const { timeoutMs: _, ...spec } = specOf('module', 'inline')
  return { ...spec, inline }
}

export type Outcome = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly error: ErrorDocument }

/** A stand-in for the engine's invocation, with what the engine may do to it. */
export class FakeInvocation implements Invocation {
  readonly spec: FunctionSpec
  readonly functionRef: string
  readonly body: Json
  readonly requestId: string
  readonly attempt: number
  readonly deadline: number
  readonly callback: Invocation['callback']
  readonly traceparent: string | undefined = undefined
  onAbort: ((reason: ErrorDocument) => void) | undefined = undefined
  readonly lines: LogLine[] = []
  readonly done: Promise<Outcome>
  settlements = 0
  #resolve: (outcome: Outcome) => void = () => undefined
  readonly #controller = new AbortController()

  constructor(
    spec: FunctionSpec,
    body: Json,
    options: { requestId?: string; attempt?: number; deadline?: number; callback?: Invocation['callback'] } = {},
  ) {
    this.spec = spec
    this.functionRef = `${spec.app}/${spec.name}:latest`
    this.body = body
    this.requestId = options.requestId ?? `req-${Math.random().toString(36).slice(2)}`
    this.attempt = options.attempt ?? 1
    this.deadline = options.deadline ?? Date.now() + 60_000
    this.callback = options.callback
    this.done = new Promise((resolve) => (this.#resolve = resolve))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  log(line: LogLine): void {
    this.lines.push(line)
  }

  succeed(value: Json): void {
    this.settlements++
    this.#resolve({ ok: true, value })
  }

  fail(error: ErrorDocument): void {
    this.settlements++
    this.#resolve({ ok: false, error })
  }

  /** As the engine does at a cancellation: settles it itself, then tells the executor. */
  cancel(): void {
    const reason = { status: 499, errorType: 'Cancelled', errorMessage: 'cancelled' }
    this.#resolve({ ok: false, error: reason })
    this.#controller.abort(Object.assign(new Error('cancelled'), { name: 'AbortError' }))
    this.onAbort?.(reason)
  }
}

export function invoke(
  executor: Executor,
  spec: FunctionSpec,
  body: Json = {},
  options?: ConstructorParameters<typeof FakeInvocation>[2],
): FakeInvocation {
  const invocation = new FakeInvocation(spec, body, options)
  executor.invoke(invocation)
  return invocation
}

/** The result; throws, showing the error document, if it failed. */
export async function call(
  executor: Executor,
  spec: FunctionSpec,
  body: Json = {},
  options?: ConstructorParameters<typeof FakeInvocation>[2],
): Promise<any> {
  const outcome = await invoke(executor, spec, body, options).done
  if (!outcome.ok) throw new Error(`failed: ${JSON.stringify(outcome.error)}`)
  return outcome.value
}

/** The error document; throws if it succeeded. */
export async function callFails(executor: Executor, spec: FunctionSpec, body: Json = {}): Promise<ErrorDocument> {
  const outcome = await invoke(executor, spec, body).done
  if (outcome.ok) throw new Error(`succeeded: ${JSON.stringify(outcome.value).slice(0, 200)}`)
  return outcome.error
}

/** False for zombies, which whoever adopted them may never reap. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    if (process.platform !== 'linux') return true
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^ [ZX]/.test(stat.slice(stat.lastIndexOf(')') + 1))
  } catch {
    return false
  }
}

/** Waits until `check` holds; throws after `ms`. */
export async function until(check: () => boolean, ms = 5000): Promise<void> {
  const end = Date.now() + ms
  while (!check()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${check.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
