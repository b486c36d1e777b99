import type { TriggerNews, TriggerStore } from '../triggers/store.ts'
import type { Cluster } from './cluster.ts'
import { runningOf } from './listing.ts'

/** The state of triggers is the database's; which of their executions run, only Temporal knows. */
export class TemporalTriggers implements TriggerStore {
  readonly isRunningDear = true
  private readonly rows: TriggerStore
  private readonly cluster: Cluster
  private readonly scope: string

  constructor(rows: TriggerStore, cluster: Cluster, scope: string) {
    this.rows = rows
    this.cluster = cluster
    this.scope = scope
  }

  get progress(): TriggerStore['progress'] {
    return this.rows.progress
  }

  get pending(): NonNullable<TriggerStore['pending']> {
    return this.rows.pending!
  }

  definitions(): ReturnType<NonNullable<TriggerStore['definitions']>> {
    return this.rows.definitions!()
  }

  states(): ReturnType<TriggerStore['states']> {
    return this.rows.states()
  }

  begin(flow: string, name: string): ReturnType<TriggerStore['begin']> {
    return this.rows.begin(flow, name)
  }

  setEnabled(flow: string, name: string, enabled: boolean): Promise<void> {
    return this.rows.setEnabled(flow, name, enabled)
  }

  note(news: readonly TriggerNews[]): Promise<void> {
    return this.rows.note(news)
  }

  /** Those of all processes: whose one was that is gone, nobody knows. A moment late, as all that visibility tells. */
  running(flow: string, trigger: { readonly type: string; readonly name: string }, limit: number): Promise<readonly string[]> {
    return this.cluster.ask(() => runningOf(this.cluster, this.scope, flow, trigger, limit))
  }
}
