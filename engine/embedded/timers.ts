import { setLongTimeout, type LongTimeout } from '../long-timeout.ts'
import type { Store, TimerRow } from './store.ts'

/** How many due timers are taken in one go, so that many at once do not hold up the event loop. */
const BATCH = 500
/** After a failure of the store or of an execution. */
const RETRY_MS = 1000

/** Fires the store's timers. Only the earliest due time is kept in memory. */
export class TimerService {
  private readonly store: Store
  private readonly fire: (row: TimerRow) => void
  /** Resolves when what `fire` wrote is safe. */
  private readonly settled: () => Promise<void>
  private timeout: LongTimeout | null = null
  private dueAt = Number.POSITIVE_INFINITY
  private busy = false
  private closed = false

  constructor(store: Store, fire: (row: TimerRow) => void, settled: () => Promise<void>) {
    this.store = store
    this.fire = fire
    this.settled = settled
  }

  /** A timer was committed. */
  arm(due: number): void {
    if (!this.busy) this.armAt(due)
  }

  private armAt(due: number): void {
    if (this.closed || due >= this.dueAt) return
    this.dueAt = due
    this.timeout?.clear()
    this.timeout = setLongTimeout(due - Date.now(), () => void this.fireDue())
  }

  /** Looks the earliest up; to be called at start. */
  wake(): void {
    if (!this.busy) this.wakeUp()
  }

  private wakeUp(): void {
    this.dueAt = Number.POSITIVE_INFINITY
    const first = this.store.get<{ due: number }>('SELECT due FROM timers ORDER BY due LIMIT 1')
    if (first !== undefined) this.armAt(first.due)
  }

  close(): void {
    this.closed = true
    this.timeout?.clear()
  }

  private async fireDue(): Promise<void> {
    this.busy = true
    try {
      for (;;) {
        if (this.closed) return
        const rows = this.store.all<TimerRow>(
          'SELECT execution, place, purpose, due FROM timers WHERE due <= ? ORDER BY due LIMIT ?',
          Date.now(),
          BATCH,
        )
        if (rows.length === 0) break
        let failed = false
        for (const row of rows) {
          try {
            this.fire(row)
          } catch {
            failed = true
          }
        }
        await this.settled()
        if (failed) return this.tryAgain()
      }
      if (!this.closed) this.wakeUp()
    } catch {
      // a failed journal is mended by the host, which wakes this service; anything else must not stop the other timers
      this.tryAgain()
    } finally {
      this.busy = false
    }
  }

  private tryAgain(): void {
    if (this.closed) return
    this.dueAt = Date.now() + RETRY_MS
    this.timeout?.clear()
    this.timeout = setLongTimeout(RETRY_MS, () => void this.fireDue())
  }
}
