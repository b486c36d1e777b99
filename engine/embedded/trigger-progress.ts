/** How far triggers are, in SQLite (engine/triggers/progress.ts, L1). */
import { hash } from 'node:crypto'
import type { Place } from '../../connectors/triggers/contract.ts'
import type { Json } from '../../dsl/json.ts'
import { storeId } from '../ids.ts'
import { MessagesKnown, type Along, type Fate, type ProgressStore, type Step, type TriggerKey } from '../triggers/progress.ts'
import type { Journal } from './journal.ts'
import type { Store } from './store.ts'

/** Deleted in one transaction. */
const BATCH = 1000
const OUTCOME = { started: 1, filtered: 2, deadLettered: 3, skipped: 4 } as const

/** The trigger's row must be there: places go with it, and a flow may be deleted while its events are on their way. */
const MOVE = `INSERT INTO trigger_places (flow, name, generation, part, next)
  SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM triggers WHERE flow = ?1 AND name = ?2)
  ON CONFLICT (flow, name, generation, part) DO UPDATE SET next = excluded.next`
// both are JSON: of a number without quotes the type is that of the number
const FORWARD = `${MOVE} WHERE json_type(next) NOT IN ('integer', 'real') OR json_type(excluded.next) NOT IN ('integer', 'real')
  OR json_extract(excluded.next, '$') >= json_extract(next, '$')`

export class EmbeddedProgress implements ProgressStore {
  readonly id: string
  private readonly store: Store
  private readonly journal: Journal

  constructor(store: Store, journal: Journal) {
    this.id = storeId(store.secret)
    this.store = store
    this.journal = journal
  }

  places({ flow, name, generation }: TriggerKey): Promise<ReadonlyMap<string, Place>> {
    const sql = 'SELECT part, next FROM trigger_places WHERE flow = ? AND name = ? AND generation = ?'
    return this.journal.read(() => {
      const rows = this.store.all<{ part: string; next: string }>(sql, flow, name, generation)
      return new Map(rows.map(({ part, next }) => [part, { next: JSON.parse(next) as Json }]))
    })
  }

  async note({ flow, name, generation }: TriggerKey, part: string, next: Json, expected: Json | undefined): Promise<boolean> {
    let isNoted = false
    this.journal.write(() => {
      const sql = 'SELECT next FROM trigger_places WHERE flow = ? AND name = ? AND generation = ? AND part = ?'
      const found = this.store.get<{ next: string }>(sql, flow, name, generation, part)?.next
      isNoted = found === (expected === undefined ? undefined : JSON.stringify(expected))
      if (isNoted) this.store.run(MOVE, flow, name, generation, part, JSON.stringify(next))
    })
    await this.journal.settled()
    return isNoted
  }

  known(trigger: TriggerKey, keys: readonly string[]): Promise<ReadonlySet<string>> {
    return this.journal.read(() => new Set(keys.filter((key) => this.has(hashOf(trigger, key)))))
  }

  write(step: Step, fate: Fate): Promise<void> {
    this.journal.write(() => this.put(step, fate))
    return this.journal.settled()
  }

  along(step: Step, executionId: string): Along {
    let written = false
    const write = (): void => {
      written = true
      this.put(step, { outcome: 'started', executionId })
    }
    return {
      check: () => {
        if (step.messages?.keys.some((key) => this.has(hashOf(step.trigger, key)))) throw new MessagesKnown(step.trigger)
      },
      write,
      commit: () => {
        // most of many events leave nothing behind, and a transaction for nothing is one all the same
        if (step.move === undefined && step.messages === undefined) written = true
        else this.journal.write(write)
        return this.journal.settled()
      },
      get written() {
        return written
      },
    }
  }

  flush(): Promise<void> {
    return this.journal.settled()
  }

  async seek(flow: string, name: string, places: ReadonlyMap<string, Json>): Promise<number> {
    let generation = 0
    this.journal.write(() => {
      this.store.run('UPDATE triggers SET generation = generation + 1 WHERE flow = ? AND name = ?', flow, name)
      const sql = 'SELECT generation FROM triggers WHERE flow = ? AND name = ?'
      generation = this.store.get<{ generation: number }>(sql, flow, name)?.generation ?? 0
      this.store.run('DELETE FROM trigger_places WHERE flow = ? AND name = ? AND generation <> ?', flow, name, generation)
      for (const [part, next] of places) this.store.run(MOVE, flow, name, generation, part, JSON.stringify(next))
    })
    await this.journal.settled()
    return generation
  }

  async prune(now: number): Promise<number> {
    const sql = 'SELECT key FROM trigger_messages WHERE until <= ? ORDER BY until LIMIT ?'
    const rows = await this.journal.read(() => this.store.all<{ key: Uint8Array }>(sql, now, BATCH))
    if (rows.length === 0) return 0
    this.journal.write(() => {
      for (const { key } of rows) this.store.run('DELETE FROM trigger_messages WHERE key = ?', key)
    })
    await this.journal.settled()
    this.store.shrink()
    return rows.length
  }

  private put(
    { trigger, move, messages }: Step,
    { outcome, executionId = null }: { outcome: Fate['outcome']; executionId?: string | null },
  ): void {
    const { flow, name, generation } = trigger
    if (move !== undefined) this.store.run(FORWARD, flow, name, generation, move.part, JSON.stringify(move.next))
    for (const key of messages?.keys ?? [])
      this.store.run(
        'INSERT OR IGNORE INTO trigger_messages (key, until, outcome, execution) VALUES (?, ?, ?, ?)',
        hashOf(trigger, key),
        messages?.until ?? 0,
        OUTCOME[outcome],
        executionId,
      )
  }

  private has(key: Uint8Array): boolean {
    return this.store.get('SELECT 1 FROM trigger_messages WHERE key = ?', key) !== undefined
  }
}

/** Of a message: its key may be long. */
function hashOf({ flow, name }: TriggerKey, key: string): Uint8Array {
  return hash('sha256', `${flow}/${name}/${key}`, 'buffer').subarray(0, 20)
}
