import { HttpRoutes } from '../../connectors/http/routes.ts'
import type { PlanHttpTrigger, PlanTrigger } from '../../dsl/plan.ts'
import { HTTP_METHODS, pathPattern } from '../../dsl/triggers/http.ts'
import { EngineError } from '../errors.ts'
import { prepareTrigger, type PreparedTrigger } from './prepared.ts'
import { keyOf, newState, type FlowTriggers, type TriggerState, type TriggerStore } from './store.ts'

/** So old the triggers and their states may be where other processes change them, too. */
const FRESH_MS = 1500

/** A trigger and what is kept of it. */
export interface TriggerEntry {
  readonly prepared: PreparedTrigger
  readonly state: TriggerState
}

/** The triggers of all latest definitions at one moment. */
export class TriggerSnapshot {
  readonly entries: ReadonlyMap<string, TriggerEntry>
  private readonly routes = new HttpRoutes<TriggerEntry>()
  private readonly topics = new Map<string, TriggerEntry[]>()

  constructor(definitions: readonly FlowTriggers[], states: readonly TriggerState[]) {
    const known = new Map(states.map((state) => [keyOf(state.flow, state.name), state]))
    const entries = new Map<string, TriggerEntry>()
    for (const { flow, triggers } of [...definitions].sort((a, b) => (a.flow < b.flow ? -1 : 1))) {
      for (const trigger of triggers) {
        const key = keyOf(flow, trigger.name)
        const state = known.get(key) ?? newState(flow, trigger.name)
        const entry = { prepared: prepareTrigger(flow, trigger), state }
        entries.set(key, entry)
        if (!state.enabled) continue
        if (trigger.type === 'http') this.routes.add(trigger.method, trigger.path, entry)
        if (trigger.type === 'topic') this.topics.set(trigger.topic, [...(this.topics.get(trigger.topic) ?? []), entry])
      }
    }
    this.entries = entries
  }

  /** Throws EngineError `trigger-not-found`. */
  get(flow: string, name: string): TriggerEntry {
    const entry = this.entries.get(keyOf(flow, name))
    if (entry === undefined) throw new EngineError('trigger-not-found', `flow ${flow} has no trigger ${name}`)
    return entry
  }

  /** Throws URIError. */
  route(method: string, path: string): { readonly entry: TriggerEntry; readonly params: ReadonlyMap<string, string> } | undefined {
    const found = this.routes.find(method, path)
    return found && { entry: found.target, params: found.params }
  }

  /** Throws URIError. */
  methodsOf(path: string): string[] {
    return this.routes.methodsOf(path)
  }

  subscribers(topic: string): readonly TriggerEntry[] {
    return this.topics.get(topic) ?? []
  }
}

/** Throws EngineError `path-taken` where another of the flows has the method and the pattern of one of the triggers. */
export function checkPaths(definitions: readonly FlowTriggers[], flow: string, triggers: readonly PlanTrigger[]): void {
  const taken = new Map<string, string>()
  for (const { flow: other, triggers: theirs } of definitions) {
    if (other === flow) continue
    for (const trigger of theirs) if (trigger.type === 'http') for (const key of requestsOf(trigger)) taken.set(key, other)
  }
  for (const trigger of triggers) {
    if (trigger.type !== 'http') continue
    const key = requestsOf(trigger).find((one) => taken.has(one))
    if (key === undefined) continue
    const { name, method, path } = trigger
    const message = `trigger ${name}: ${method} ${path} is taken by flow ${taken.get(key)}; give it another path or method`
    throw new EngineError('path-taken', message)
  }
}

/** What a trigger would take, one for each method. */
function requestsOf({ method, path }: PlanHttpTrigger): string[] {
  return (method === 'ANY' ? HTTP_METHODS : [method]).map((each) => `${each} ${pathPattern(path)}`)
}

/** What the table needs of the engine. */
export interface TableSource {
  /** Others deploy, too. */
  readonly shared: boolean
  store(): Promise<TriggerStore>
  /** What this process has deployed, and a number that changes when that does. */
  local(): { readonly revision: number; readonly definitions: readonly FlowTriggers[] }
  localRevision(): number
}

/** The snapshot at hand: of this process's own deployments always as they are, of others' at most 2 s old. */
export class TriggerTable {
  private readonly source: TableSource
  private current: { readonly snapshot: Promise<TriggerSnapshot>; readonly at: number; readonly revision: number } | null = null

  private revision: { readonly number: number; readonly triggers: readonly PlanTrigger[] } | null = null

  constructor(source: TableSource) {
    this.source = source
  }

  /** Rejects as the store does. */
  async snapshot(): Promise<TriggerSnapshot> {
    const store = await this.source.store()
    const { current } = this
    const shared = store.definitions !== undefined
    if (current !== null && current.revision === this.source.localRevision() && !(shared && performance.now() - current.at > FRESH_MS))
      return current.snapshot
    const made = { snapshot: this.make(store), at: performance.now(), revision: this.source.localRevision() }
    this.current = made
    made.snapshot.catch(() => {
      if (this.current === made) this.current = null
    })
    return made.snapshot
  }

  /**
   * One trigger, also one that somebody else has deployed just now. Rejects with EngineError `trigger-not-found`, and as the store does.
   */
  async entry(flow: string, name: string): Promise<TriggerEntry> {
    const known = (await this.snapshot()).entries.get(keyOf(flow, name))
    if (known !== undefined) return known
    if (this.source.shared) this.forget()
    return (await this.snapshot()).get(flow, name)
  }

  /** Whether there may be a trigger like this: without opening a store for it. */
  mayHave(isOne: (trigger: PlanTrigger) => boolean): boolean {
    if (this.source.shared) return true
    const { revision } = this
    if (revision?.number !== this.source.localRevision()) {
      const { revision: number, definitions } = this.source.local()
      this.revision = { number, triggers: definitions.flatMap(({ triggers }) => triggers) }
    }
    return this.revision!.triggers.some(isOne)
  }

  /** The next snapshot is made anew. */
  forget(): void {
    this.current = null
  }

  private async make(store: TriggerStore): Promise<TriggerSnapshot> {
    const definitions = store.definitions === undefined ? this.source.local().definitions : await store.definitions()
    return new TriggerSnapshot(definitions, await store.states())
  }
}
