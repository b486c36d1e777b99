import type { PublishedMessage } from '../../connectors/topic/event.ts'
import type { Plan, PlanTopicTrigger, PlanTrigger } from '../../dsl/plan.ts'
import type { TriggerCounts } from './api.ts'
import { MemoryProgress } from './memory-progress.ts'
import type { ProgressStore } from './progress.ts'

/** What is kept of a trigger, by flow and name: a redeployment keeps it, the deletion of the flow removes it. */
export interface TriggerState {
  readonly flow: string
  readonly name: string
  readonly enabled: boolean
  /** Part of the ids that it gives to executions; raised where a place is sought anew. */
  readonly generation: number
  /** Epoch ms; null as long as nothing was to be brought for it. */
  readonly firstEnabledAt: number | null
  /** Epoch ms, of the last time. */
  readonly enabledAt: number | null
  readonly lastEventAt: number | null
  readonly counts: TriggerCounts
  /** Nobody is to read anything for it: its place is being sought, maybe by another server. */
  readonly isHalted?: boolean
}

/** What has happened since it was last stored. */
export interface TriggerNews {
  readonly flow: string
  readonly name: string
  readonly counts: Partial<TriggerCounts>
  readonly lastEventAt: number | null
}

/** The triggers of a flow's latest definition. */
export interface FlowTriggers {
  readonly flow: string
  readonly triggers: readonly PlanTrigger[]
}

/** A message whose starts are under way. */
export interface PendingMessage {
  readonly published: PublishedMessage
  readonly traceparent?: string
  readonly subscribers: readonly { readonly flow: string; readonly trigger: PlanTopicTrigger; readonly generation: number }[]
}

/** Where the state of triggers is kept: memory, SQLite or PostgreSQL. Rejects with EngineError as all of the engine does. */
export interface TriggerStore {
  /** The flows with triggers, where others deploy, too. Absent: what this process has deployed is all. */
  definitions?(): Promise<readonly FlowTriggers[]>
  states(): Promise<readonly TriggerState[]>
  /** Of a trigger that is to begin its work: notes when it did so for the first time. Undefined where there is no such flow any more. */
  begin(flow: string, name: string): Promise<TriggerState | undefined>
  /** Does nothing where there is no such flow any more. */
  setEnabled(flow: string, name: string, enabled: boolean): Promise<void>
  note(news: readonly TriggerNews[]): Promise<void>
  readonly progress: ProgressStore
  /**
   * Executions of a trigger that run and were started by an earlier process on this store, or by another where several are on it, `limit` at most. Absent
   * where nothing outlives its process.
   */
  running?(flow: string, trigger: { readonly type: string; readonly name: string }, limit: number): Promise<readonly string[]>
  /** To know them, and to wait for their ends, is dear: it is for triggers that are about to start something. */
  readonly isRunningDear?: boolean
  /** Where starts are not one transaction: what is to be started, until `finish`. */
  readonly pending?: {
    /** Resolves to what is stored under the id: of a message that is there already, that one. */
    begin(message: PendingMessage): Promise<PendingMessage>
    finish(id: string): Promise<void>
    /** Those that were begun so long ago that whoever did is gone. They count as begun now, so that others come first the next time. */
    left(olderThanMs: number, limit: number): Promise<readonly PendingMessage[]>
  }
}

/** The triggers of flows at hand. */
export function definitionsOf(flows: Iterable<{ readonly name: string; readonly plan: Plan }>): FlowTriggers[] {
  return [...flows].flatMap(({ name, plan: { triggers = [] } }) => (triggers.length === 0 ? [] : [{ flow: name, triggers }]))
}

export const NO_COUNTS: TriggerCounts = {
  started: 0,
  filtered: 0,
  deduplicated: 0,
  deadLettered: 0,
  skipped: 0,
  lost: 0,
  withoutId: 0,
}

export const COUNT_NAMES = Object.keys(NO_COUNTS) as (keyof TriggerCounts)[]

export function addCounts(counts: TriggerCounts, more: Partial<TriggerCounts>): TriggerCounts {
  const sum = { ...counts }
  for (const name of COUNT_NAMES) sum[name] += more[name] ?? 0
  return sum
}

/** Of a trigger of which nothing is kept. */
export function newState(flow: string, name: string): TriggerState {
  return { flow, name, enabled: true, generation: 0, firstEnabledAt: null, enabledAt: null, lastEventAt: null, counts: NO_COUNTS }
}

/** For engines that keep nothing. */
export class MemoryTriggerStore implements TriggerStore {
  private readonly kept = new Map<string, TriggerState>()
  readonly progress = new MemoryProgress((flow, name) => {
    const state = this.of(flow, name)
    this.put({ ...state, generation: state.generation + 1 })
    return state.generation + 1
  })

  async states(): Promise<readonly TriggerState[]> {
    return [...this.kept.values()]
  }

  async begin(flow: string, name: string): Promise<TriggerState> {
    const state = this.of(flow, name)
    const now = Date.now()
    const begun = { ...state, firstEnabledAt: state.firstEnabledAt ?? now, enabledAt: state.enabledAt ?? now }
    this.put(begun)
    return begun
  }

  async setEnabled(flow: string, name: string, enabled: boolean): Promise<void> {
    const state = this.of(flow, name)
    this.put({ ...state, enabled, enabledAt: enabled && !state.enabled ? Date.now() : state.enabledAt })
  }

  async note(news: readonly TriggerNews[]): Promise<void> {
    for (const { flow, name, counts, lastEventAt } of news) {
      const state = this.of(flow, name)
      this.put({ ...state, counts: addCounts(state.counts, counts), lastEventAt: lastEventAt ?? state.lastEventAt })
    }
  }

  private of(flow: string, name: string): TriggerState {
    return this.kept.get(keyOf(flow, name)) ?? newState(flow, name)
  }

  private put(state: TriggerState): void {
    this.kept.set(keyOf(state.flow, state.name), state)
  }
}

/** Neither part has a slash. */
export function keyOf(flow: string, name: string): string {
  return `${flow}/${name}`
}
