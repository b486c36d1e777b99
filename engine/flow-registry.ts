import { createHash } from 'node:crypto'
import { prepare } from '../dsl/core/machine.ts'
import type { PreparedPlan } from '../dsl/core/prepare.ts'
import { checkFlow, type ConnectorFinding, type FlowRegistry as KnownHere } from '../dsl/check.ts'
import type { Diagnostic } from '../dsl/diagnostics.ts'
import { loadFlow } from '../dsl/load.ts'
import type { Plan } from '../dsl/plan.ts'
import type { FlowText } from './catalogue/api.ts'
import { noVersion } from './catalogue/decide.ts'
import { pickTarget, splitRef } from './catalogue/names.ts'
import { sourceOf } from './catalogue/source.ts'
import type { SourcedFlow } from './catalogue/store.ts'
import { EngineError, FlowInvalid } from './errors.ts'
import type { DeployedFlow } from './execution-info.ts'
import { newId } from './ids.ts'
import { seeing } from './reach.ts'

/** Prepared plans kept beyond those deployed, for executions of older definitions. */
const CACHE_LIMIT = 200

/** What `unknown-…` diagnostics are checked against. */
export interface KnownNames {
  hasFunction(ref: string): boolean
  hasChannel(name: string): boolean
  hasConnection(name: string): boolean
  /** Whether two connections lead to the same brokers. */
  isSameConnection(one: string, other: string): boolean
  /** As of the language's own registry. */
  checkConnector(kind: string, options: unknown): readonly ConnectorFinding[] | undefined
  readonly hasTokenIssuer: boolean
  /** Where others deploy, too: those of the references that lead to a flow. Absent: what is deployed here is all. */
  resolvable?(refs: readonly string[]): Promise<ReadonlySet<string>>
}

/** `plan` and `json`, the definition as JSON, only where there are no errors. */
export interface CheckedFlow {
  readonly diagnostics: readonly Diagnostic[]
  readonly plan?: Plan
  readonly json?: () => string
}

/** What a version or an alias leads to. */
export interface FlowTarget {
  readonly version: string
  readonly hash: string
  readonly weight: number
  readPlan(): string
}

/** The versions and aliases of a store that can be asked at once. */
export type VersionLookup = (flow: string, qualifier: string) => readonly FlowTarget[]

/** The deployed flows, and the prepared plans by hash. */
export class FlowRegistry {
  /** Set when there is a store that has versions. */
  versions: VersionLookup | null = null
  private readonly flows = new Map<string, DeployedFlow>()
  private readonly prepared = new Map<string, { readonly plan: Plan; readonly prepared: PreparedPlan }>()
  private readonly known: KnownNames
  /** Changes with every change of the deployed flows. */
  revision = 0
  /** Told of each. */
  changed: (() => void) | null = null

  constructor(known: KnownNames) {
    this.known = known
  }

  /** Checks; never rejects for a bad definition. What is no definition at all is one finding. */
  async check(source: string | Uint8Array | object): Promise<CheckedFlow> {
    if (!isSource(source)) {
      const message = `a flow is a text, bytes or an object, not ${source === null ? 'null' : typeof source}`
      return { diagnostics: [{ rule: 'schema', severity: 'error', message, path: [] }] }
    }
    const asked = new Set<string>()
    const elsewhere = this.known.resolvable
    const hasFlow = (name: string, qualifier?: string): boolean => {
      const ref = qualifier === undefined ? name : `${name}:${qualifier}`
      if (elsewhere === undefined) return this.has(ref)
      asked.add(ref)
      return true
    }
    const { diagnostics, plan, definition, document } = await loadFlow(source, { registry: { ...this.bound(), hasFlow } })
    if (plan === undefined || diagnostics.some(isError)) return { diagnostics }
    const json = (): string => JSON.stringify(definition)
    if (elsewhere === undefined || asked.size === 0) return { diagnostics, plan, json }
    const known = await elsewhere([...asked])
    if (known.size === asked.size) return { diagnostics, plan, json }
    const again: KnownHere = { hasFlow: (name, qualifier) => known.has(qualifier === undefined ? name : `${name}:${qualifier}`) }
    const unknown = checkFlow(document, { registry: again }).diagnostics.filter(({ rule }) => rule === 'unknown-flow')
    return { diagnostics: [...diagnostics, ...unknown].sort(byPosition), plan, json }
  }

  /** Checks and compiles; rejects with FlowInvalid. What the registry at hand does not know is a warning: it may come later. */
  async load(source: string | Uint8Array | object, format?: FlowText['format'], sees?: readonly string[]): Promise<SourcedFlow> {
    const { diagnostics, plan: compiled, json } = await this.check(source)
    if (compiled === undefined || json === undefined) throw new FlowInvalid(isSource(source) ? nameOf(source) : '(none)', diagnostics)
    const plan = sees === undefined ? compiled : seeing(compiled, sees)
    const { hash, prepared } = this.prepare(plan)
    return { name: plan.flow, version: 'latest', hash, plan, prepared, warnings: diagnostics, source: sourceOf(source, json(), format) }
  }

  add(deployed: DeployedFlow): void {
    this.change()
    this.flows.set(deployed.name, deployed)
  }

  delete(name: string): void {
    this.change()
    this.flows.delete(name)
  }

  /** A flow that was deployed by an earlier process. */
  addStored(hash: string, plan: Plan): void {
    if (this.flows.has(plan.flow)) return
    this.add({ name: plan.flow, version: 'latest', hash, plan, prepared: this.prepare(plan, hash).prepared, warnings: [] })
  }

  all(): Iterable<DeployedFlow> {
    return [...this.flows.values()]
  }

  /**
   * `name`, or `name:version-or-alias`; undefined if there is none.
   *
   * @param id Of the execution that is to run it, which chooses between weighted versions; null: the heavier one; absent: whichever.
   */
  find(ref: string, id?: string | null): DeployedFlow | undefined {
    if (typeof ref !== 'string') return undefined
    const plain = this.flows.get(ref)
    if (plain !== undefined) return plain
    const { name, qualifier } = splitRef(ref)
    if (qualifier === undefined) return this.flows.get(name)
    const target = pickTarget(this.versions?.(name, qualifier) ?? [], ref, id === undefined ? newId() : id)
    return target && this.byHash(target.hash, { flow: name, version: target.version }, target.readPlan)
  }

  /** As {@link find}. Throws EngineError `flow-not-found`, `version-not-found`. */
  get(ref: string, id?: string | null): DeployedFlow {
    return this.find(ref, id) ?? this.refuse(ref)
  }

  /** Throws EngineError `flow-not-found`, `version-not-found`. */
  refuse(ref: string): never {
    const { name, qualifier } = splitRef(String(ref))
    if (qualifier !== undefined && this.flows.has(name)) throw noVersion(name, qualifier)
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

  /** Without reading a plan. */
  private has(ref: string): boolean {
    const { name, qualifier } = splitRef(ref)
    return qualifier === undefined ? this.flows.has(name) : (this.versions?.(name, qualifier) ?? []).length > 0
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

  private change(): void {
    this.revision += 1
    this.changed?.()
  }

  private evict(): void {
    const deployed = new Set([...this.flows.values()].map(({ hash }) => hash))
    for (const hash of this.prepared.keys()) {
      if (this.prepared.size <= CACHE_LIMIT + this.flows.size) return
      if (!deployed.has(hash)) this.prepared.delete(hash)
    }
  }

  private bound() {
    return {
      hasFunction: (ref: string) => this.known.hasFunction(ref),
      hasChannel: (name: string) => this.known.hasChannel(name),
      hasConnection: (name: string) => this.known.hasConnection(name),
      hasGroup: (flow: string, connection: string, groupId: string) =>
        [...this.flows.values()].some(
          ({ name, plan: { triggers = [] } }) =>
            name !== flow &&
            triggers.some(
              (one) => one.type === 'kafka' && one.groupId === groupId && this.known.isSameConnection(one.connection, connection),
            ),
        ),
      checkConnector: (kind: string, options: unknown) => this.known.checkConnector(kind, options),
      hasTokenIssuer: this.known.hasTokenIssuer,
    }
  }
}

function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === 'error'
}

function isSource(source: unknown): boolean {
  return typeof source === 'string' || (typeof source === 'object' && source !== null)
}

function byPosition(a: Diagnostic, b: Diagnostic): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
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
