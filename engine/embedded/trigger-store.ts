/** The state of triggers in SQLite. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { TriggerCounts } from '../triggers/api.ts'
import type { ProgressStore } from '../triggers/progress.ts'
import type { TriggerNews, TriggerState, TriggerStore } from '../triggers/store.ts'
import type { Journal } from './journal.ts'
import type { Store } from './store.ts'
import { EmbeddedProgress } from './trigger-progress.ts'

interface TriggerRow {
  readonly flow: string
  readonly name: string
  readonly enabled: number
  readonly generation: number
  readonly first_enabled_at: number | null
  readonly enabled_at: number | null
  readonly last_event_at: number | null
  readonly started: number
  readonly filtered: number
  readonly deduplicated: number
  readonly dead_lettered: number
  readonly skipped: number
  readonly lost: number
  readonly without_id: number
}

/** Rows go with their flow: the foreign key sees to it. */
export class EmbeddedTriggerStore implements TriggerStore {
  private readonly store: Store
  private readonly journal: Journal
  readonly progress: ProgressStore
  /** Of nobody's request: what is noted on the way of one is not its effect, with which its key is written. */
  private readonly aside = AsyncLocalStorage.snapshot()

  constructor(store: Store, journal: Journal) {
    this.store = store
    this.journal = journal
    this.progress = new EmbeddedProgress(store, journal)
  }

  states(): Promise<readonly TriggerState[]> {
    return this.journal.read(() => this.store.all<TriggerRow>('SELECT * FROM triggers').map(stateOf))
  }

  async begin(flow: string, name: string): Promise<TriggerState | undefined> {
    this.aside(() =>
      this.journal.write(() =>
        this.store.run(
          `INSERT INTO triggers (flow, name, first_enabled_at, enabled_at) SELECT ?1, ?2, ?3, ?3 WHERE EXISTS (SELECT 1 FROM flows WHERE name = ?1)
           ON CONFLICT (flow, name) DO UPDATE SET first_enabled_at = coalesce(first_enabled_at, excluded.first_enabled_at),
             enabled_at = coalesce(enabled_at, excluded.enabled_at)`,
          flow,
          name,
          Date.now(),
        ),
      ),
    )
    const row = await this.journal.read(() => this.store.get<TriggerRow>('SELECT * FROM triggers WHERE flow = ? AND name = ?', flow, name))
    return row && stateOf(row)
  }

  setEnabled(flow: string, name: string, enabled: boolean): Promise<void> {
    this.journal.write(() =>
      this.store.run(
        `INSERT INTO triggers (flow, name, enabled) SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM flows WHERE name = ?1)
         ON CONFLICT (flow, name) DO UPDATE SET enabled = excluded.enabled,
           enabled_at = CASE WHEN excluded.enabled AND NOT enabled THEN ?4 ELSE enabled_at END`,
        flow,
        name,
        enabled ? 1 : 0,
        Date.now(),
      ),
    )
    return this.journal.settled()
  }

  note(news: readonly TriggerNews[]): Promise<void> {
    this.aside(() =>
      this.journal.write(() => {
        for (const one of news) this.add(one)
      }),
    )
    return this.journal.settled()
  }

  running(flow: string, { name }: { readonly name: string }, limit: number): Promise<readonly string[]> {
    return this.journal.read(() =>
      this.store
        .all<{ id: string }>(
          // the second condition lets SQLite take the partial index
          `SELECT id FROM executions WHERE status = 'running' AND status <> 'succeeded' AND flow = ?
           AND trigger IS NOT NULL AND json_extract(trigger, '$.name') = ? LIMIT ?`,
          flow,
          name,
          limit,
        )
        .map(({ id }) => id),
    )
  }

  private add({ flow, name, counts, lastEventAt }: TriggerNews): void {
    const { started = 0, filtered = 0, deduplicated = 0, deadLettered = 0, skipped = 0, lost = 0, withoutId = 0 } = counts
    this.store.run(
      `INSERT INTO triggers (flow, name, enabled, last_event_at, started, filtered, deduplicated, dead_lettered, skipped, lost, without_id)
       SELECT ?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE EXISTS (SELECT 1 FROM flows WHERE name = ?1)
       ON CONFLICT (flow, name) DO UPDATE SET last_event_at = coalesce(excluded.last_event_at, last_event_at),
         started = started + excluded.started, filtered = filtered + excluded.filtered,
         deduplicated = deduplicated + excluded.deduplicated, dead_lettered = dead_lettered + excluded.dead_lettered,
         skipped = skipped + excluded.skipped, lost = lost + excluded.lost, without_id = without_id + excluded.without_id`,
      flow,
      name,
      lastEventAt,
      started,
      filtered,
      deduplicated,
      deadLettered,
      skipped,
      lost,
      withoutId,
    )
  }
}

function stateOf({ flow, name, enabled, generation, ...row }: TriggerRow): TriggerState {
  const { first_enabled_at: firstEnabledAt, enabled_at: enabledAt, last_event_at: lastEventAt } = row
  const { started, filtered, deduplicated, dead_lettered: deadLettered, skipped, lost, without_id: withoutId } = row
  const counts: TriggerCounts = { started, filtered, deduplicated, deadLettered, skipped, lost, withoutId }
  return { flow, name, enabled: enabled === 1, generation, firstEnabledAt, enabledAt, lastEventAt, counts }
}
