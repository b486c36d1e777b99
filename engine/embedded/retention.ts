import type { Journal } from './journal.ts'
import { forgetNames } from './names.ts'
import { deleteExecution } from './rows.ts'
import type { Store } from './store.ts'

const HOUR_MS = 3_600_000
/** Executions deleted per transaction. */
const BATCH = 200
/** Between two batches, so that a large clean-up does not hold up what runs. */
const PAUSE_MS = 20

/** Deletes the records of executions that ended more than `retentionMs` ago, in small batches. */
export class Retention {
  private readonly store: Store
  private readonly journal: Journal
  private readonly retentionMs: number
  private timer: NodeJS.Timeout | null = null
  private closed = false

  constructor(store: Store, journal: Journal, retentionMs: number) {
    this.store = store
    this.journal = journal
    this.retentionMs = retentionMs
  }

  begin(): void {
    if (this.timer === null) this.plan(PAUSE_MS)
  }

  close(): void {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
  }

  private plan(delay: number, after = 0): void {
    if (this.closed) return
    this.timer = setTimeout(() => this.sweep(after), delay).unref()
  }

  /** Keys grow with the time of the start, and what ended long ago started before: the walk begins at the oldest and stops early. */
  private sweep(after: number): void {
    if (this.journal.failure !== null) return this.plan(HOUR_MS)
    const before = Date.now() - this.retentionMs
    let rows: { key: number; ended_at: number | null; started_at: number }[] = []
    try {
      rows = this.store.all('SELECT key, ended_at, started_at FROM executions WHERE key > ? ORDER BY key LIMIT ?', after, BATCH)
    } catch {
      return this.plan(HOUR_MS)
    }
    const old = rows.filter((row) => row.started_at < before)
    const ended = old.filter((row) => row.ended_at !== null && row.ended_at < before)
    if (ended.length > 0)
      this.journal.write(() => ended.forEach(({ key }) => deleteExecution(this.store, key)), { committed: () => this.store.shrink() })
    if (after === 0) this.journal.write(() => forgetNames(this.store))
    const last = rows.at(-1)
    if (last !== undefined && old.length === BATCH) this.plan(PAUSE_MS, last.key)
    else this.plan(HOUR_MS)
  }
}
