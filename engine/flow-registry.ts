import { createHash } from 'node:crypto'
import { prepare } from '../dsl/core/machine.ts'
import type { PreparedPlan } from '../dsl/core/prepare.ts'
import type { Diagnostic } from '../dsl/diagnostics.ts'
import { loadFlow } from '../dsl/load.ts'
import type { Plan } from '../dsl/plan.ts'
import { EngineError, FlowInvalid } from './errors.ts'
import type { DeployedFlow } from './execution-info.ts'

/** Prepared plans kept beyond those deployed, for executions of older definitions. */
const CACHE_LIMIT = 200

/** What `unknown-…` diagnostics are checked against. */
export interface KnownNames {
  hasFunction(ref: string): boolean
  hasChannel(name: string): boolean
}

/** The deployed flows, and the prepared plans by hash. */
export class FlowRegistry {
  private readonly flows = new Map<string, DeployedFlow>()
  private readonly prepared = new Map<string, { readonly plan: Plan; readonly prepared: PreparedPlan }>()
  private readonly known: KnownNames

  constructor(known: KnownNames) {
    this.known = known
  }

  /** Checks; never rejects for a bad definition. What is no definition at all is one finding. */
  async check(source: string | Uint8Array | object): Promise<{ readonly plan?: Plan; readonly diagnostics: readonly Diagnostic[] }> {
    if (!isSource(source)) {
      const message = `a flow is a text, bytes or an object, not ${source === null ? 'null' : typeof source}`
      return { diagnostics: [{ rule: 'schema', severity: 'error', message, path: [] }] }
    }
    const { diagnostics, plan } = await loadFlow(source, {
      registry: { ...this.bound(), hasFlow: (name: string) => this.flows.has(name) || isItself(name, source) },
    })
    return plan === undefined || diagnostics.some(isError) ? { diagnostics } : { diagnostics, plan }
  }

  /** Checks and compiles; rejects with FlowInvalid. What the registry at hand does not know is a warning: it may come later. */
  async load(source: string | Uint8Array | object): Promise<DeployedFlow> {
    const { diagnostics, plan } = await this.check(source)
    if (plan === undefined) throw new FlowInvalid(isSource(source) ? nameOf(source) : '(none)', diagnostics)
    const { hash, prepared } = this.prepare(plan)
    return { name: plan.flow, version: 'latest', hash, plan, prepared, warnings: diagnostics }
  }

  add(deployed: DeployedFlow): void {
    this.flows.set(deployed.name, deployed)
  }

  /** A flow that was deployed by an earlier process. */
  addStored(hash: string, plan: Plan): void {
    if (this.flows.has(plan.flow)) return
    this.add({ name: plan.flow, version: 'latest', hash, plan, prepared: this.prepare(plan, hash).prepared, warnings: [] })
  }

  all(): Iterable<DeployedFlow> {
    return [...this.flows.values()]
  }

  /** `name` or `name:latest`; undefined if there is none. */
  find(ref: string): DeployedFlow | undefined {
    if (typeof ref !== 'string') return undefined
    const plain = this.flows.get(ref)
    if (plain !== undefined) return plain
    const colon = ref.indexOf(':')
    const qualifier = ref.slice(colon + 1)
    return colon > 0 && (qualifier === 'latest' || qualifier === '$LATEST') ? this.flows.get(ref.slice(0, colon)) : undefined
  }

  /** Throws EngineError `flow-not-found`. */
  get(ref: string): DeployedFlow {
    const found = this.find(ref)
    if (found !== undefined) return found
    return this.refuse(ref)
  }

  /** Throws EngineError `flow-not-found`. */
  refuse(ref: string): never {
    const names = [...this.flows.keys()].sort().slice(0, 20).join(', ')
    throw new EngineError('flow-not-found', `no flow ${String(ref)}; deployed: ${names || 'none'}`)
  }

  /** The plan of an execution that was started earlier, by its hash. */
  byHash(hash: string, names: { readonly flow: string; readonly version: string }, readPlan: () => string): DeployedFlow {
    const entry = this.prepared.get(hash) ?? this.prepare(JSON.parse(readPlan()) as Plan, hash)
    return { name: names.flow, version: names.version, hash, plan: entry.plan, prepared: entry.prepared, warnings: [] }
  }

  /** A plan that is at hand. */
  cached(hash: string): { readonly plan: Plan; readonly prepared: PreparedPlan } | undefined {
    return this.prepared.get(hash)
  }

  private prepare(plan: Plan, known?: string): { readonly hash: string; readonly plan: Plan; readonly prepared: PreparedPlan } {
    const hash = known ?? createHash('sha256').update(JSON.stringify(plan)).digest('hex').slice(0, 40)
    let entry = this.prepared.get(hash)
    if (entry === undefined) {
      entry = { plan, prepared: prepare(plan) }
      this.prepared.set(hash, entry)
      if (this.prepared.size > CACHE_LIMIT + this.flows.size) this.evict()
    }
    return { hash, ...entry }
  }

  private evict(): void {
    const deployed = new Set([...this.flows.values()].map(({ hash }) => hash))
    for (const hash of this.prepared.keys()) {
      if (this.prepared.size <= CACHE_LIMIT + this.flows.size) return
      if (!deployed.has(hash)) this.prepared.delete(hash)
    }
  }

  private bound(): { hasFunction: (ref: string) => boolean; hasChannel: (name: string) => boolean } {
    return { hasFunction: (ref) => this.known.hasFunction(ref), hasChannel: (name) => this.known.hasChannel(name) }
  }
}

function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === 'error'
}

function isSource(source: unknown): boolean {
  return typeof source === 'string' || (typeof source === 'object' && source !== null)
}

function isItself(name: string, source: string | Uint8Array | object): boolean {
  return nameOf(source) === name
}

/** The name of a definition that may be anything; for messages. */
function nameOf(source: string | Uint8Array | object): string {
  if (typeof source === 'string' || source instanceof Uint8Array) {
    const text = typeof source === 'string' ? source.slice(0, 2000) : Buffer.from(source.subarray(0, 2000)).toString()
    return /^\s*\{?\s*"?flow"?\s*:\s*"?([A-Za-z][\w-]*)/m.exec(text)?.[1] ?? '(text)'
  }
  try {
    const { flow } = source as { flow?: unknown }
    return typeof flow === 'string' ? flow.slice(0, 64) : '(object)'
  } catch {
    return '(object)'
  }
}
