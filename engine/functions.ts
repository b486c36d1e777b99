import { ERROR_TYPE_OF_STATUS, STATUS, type ErrorDocument } from '../dsl/errors.ts'
import type { Executor, FunctionSpec, ModuleHandler } from '../executors/contract.ts'
import type { ExecutorRegistry } from '../executors/registry.ts'
import type { PreparedNode } from '../dsl/core/prepare.ts'
import type { PlanFunctionNode } from '../dsl/plan.ts'
import { specForHandler } from '../executors/function-spec.ts'
import { EngineError } from './errors.ts'

/** A function that can be invoked now, or the reason why not. */
export interface ResolvedFunction {
  readonly ref: string
  /** Null where there is no such function. */
  readonly spec: FunctionSpec | null
  readonly error: ErrorDocument | null
  readonly executor: Executor | null
  /** @internal */
  readonly generation: object
}

/** The functions of an engine by `app/name`; references are resolved at each invocation. */
export class FunctionRegistry {
  private readonly specs = new Map<string, FunctionSpec>()
  private readonly resolved = new Map<string, ResolvedFunction>()
  /** Changes with every change of a function: what was resolved before is void. */
  private generation = {}
  private cards: ReadonlySet<string> = new Set()
  readonly executors: ExecutorRegistry
  /** Adds those that other processes have put by now; null: there are no others. */
  elsewhere: (() => Promise<void>) | null = null
  /** Functions whose code is not on this machine yet, and what gets it: another one is in their place then. */
  readonly absent = new Map<FunctionSpec, () => Promise<void>>()

  constructor(executors: ExecutorRegistry) {
    this.executors = executors
  }

  /**
   * Adds a function, or puts it in the place of the one of that name: what runs of that goes on, and what comes finds the new one.
   *
   * @param bring Gets its code, and adds it with that.
   */
  add(spec: FunctionSpec, bring?: () => Promise<void>): void {
    const key = `${spec.app}/${spec.name}`
    const before = this.specs.get(key)
    this.specs.set(key, spec)
    this.resolved.clear()
    this.generation = {}
    if (before !== undefined && before !== spec) this.leave(before)
    if (bring === undefined) this.executors.get(spec.runtime)?.register?.(spec)
    else this.absent.set(spec, bring)
  }

  /** Takes a function out, by `app/name`: what runs of it goes on. */
  remove(key: string): void {
    const spec = this.specs.get(key)
    if (spec === undefined) return
    this.specs.delete(key)
    this.resolved.clear()
    this.generation = {}
    this.leave(spec)
  }

  /** By `app/name`. */
  find(key: string): FunctionSpec | undefined {
    return this.specs.get(key)
  }

  /** Functions with `gpu` of these types run here; those of others are refused, whoever asks. */
  serveCards(types: Iterable<string>): void {
    this.cards = new Set(types)
    this.resolved.clear()
    this.generation = {}
  }

  all(): Iterable<FunctionSpec> {
    return this.specs.values()
  }

  /** True if an invocation of `app/name:qualifier` would find a function. */
  has(ref: string): boolean {
    return this.resolve(ref).spec !== null
  }

  /** As {@link resolve}, for the function of a node: one comparison where nothing has changed. */
  resolveFor(node: PreparedNode): ResolvedFunction {
    const cached = node.host as ResolvedFunction | null
    if (cached !== null && cached.generation === this.generation) return cached
    return (node.host = this.resolve((node.plan as PlanFunctionNode).function)) as ResolvedFunction
  }

  /** Never throws: an unknown function is an error document (435, or 442 for its version). */
  resolve(ref: string): ResolvedFunction {
    let found = this.resolved.get(ref)
    if (found !== undefined) return found
    found = this.lookUp(ref)
    // refusals are not kept: there is no end of names that are not there
    if (found.error === null) this.resolved.set(ref, found)
    return found
  }

  private leave(spec: FunctionSpec): void {
    if (!this.absent.delete(spec)) this.executors.get(spec.runtime)?.unregister?.(spec)
  }

  private lookUp(ref: string): ResolvedFunction {
    const colon = ref.indexOf(':')
    const name = colon < 0 ? ref : ref.slice(0, colon)
    const qualifier = colon < 0 ? 'latest' : ref.slice(colon + 1)
    const spec = this.specs.get(name)
    const refuse = (status: number, message: string, known: FunctionSpec | null = null): ResolvedFunction => ({
      ref,
      spec: known,
      error: { status, errorType: ERROR_TYPE_OF_STATUS[status] ?? 'Error', errorMessage: message },
      executor: null,
      generation: this.generation,
    })
    if (spec === undefined) {
      return refuse(STATUS.noSuchFunction, `no function ${name}; known: ${[...this.specs.keys()].sort().slice(0, 20).join(', ') || 'none'}`)
    }
    if (qualifier !== 'latest' && qualifier !== '$LATEST') {
      return refuse(STATUS.noSuchVersion, `function ${name} has no version or alias ${qualifier}; only latest exists`)
    }
    const executor = this.executors.get(spec.runtime)
    if (executor === undefined) {
      return refuse(
        STATUS.badParameter,
        `function ${name}: no executor for runtime ${spec.runtime}; register one with the option executors`,
      )
    }
    if (spec.gpu !== undefined && !this.cards.has(spec.gpu.type)) {
      const { type, memoryGiB } = spec.gpu
      return refuse(
        STATUS.noResource,
        `function ${name} needs ${memoryGiB} GiB of a card ${type}, and no card ${type} is configured here; on Temporal it runs on workers that serve such cards (fnflow worker --queues gpu.${type})`,
        spec,
      )
    }
    return { ref, spec, error: null, executor, generation: this.generation }
  }
}

/** The specification of an in-process handler. Throws EngineError `bad-option` for a bad name. */
export function handlerSpec(ref: string, handler: ModuleHandler): FunctionSpec {
  try {
    return specForHandler(ref, handler)
  } catch (error) {
    throw new EngineError('bad-option', error instanceof Error ? error.message : String(error), { cause: error })
  }
}
