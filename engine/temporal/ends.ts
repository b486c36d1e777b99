import { HOUR_MS, type StatisticsRow } from '../statistics.ts'
import type { Observers } from '../observer.ts'
import type { Registry } from './registry/registry.ts'

const ASK_MS = 2000
/** What ended longer ago when it is recorded is told of no more. */
const HOURS = 3

/**
 * Tells whoever observes a process without a worker of the executions that end elsewhere, as their records come: from its beginning on, each once. Every
 * such process tells of all of them.
 */
export class RecordedEnds {
  private readonly registry: Pick<Registry, 'statistics'>
  private readonly observers: Observers
  private known: ReadonlyMap<string, number> | null = null
  private timer: NodeJS.Timeout | null = null
  private asking: Promise<void> = Promise.resolve()
  private closed = false

  constructor(registry: Pick<Registry, 'statistics'>, observers: Observers) {
    this.registry = registry
    this.observers = observers
  }

  /** Resolves when it is known what has ended before. */
  begin(): Promise<void> {
    return (this.asking = this.ask().finally(() => this.arm()))
  }

  async close(): Promise<void> {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    await this.asking
  }

  private arm(): void {
    if (this.closed) return
    this.timer = setTimeout(() => void this.begin(), ASK_MS)
    this.timer.unref()
  }

  /** Of what cannot be asked now is told the next time. */
  private async ask(): Promise<void> {
    const hour = Math.floor(Date.now() / HOUR_MS)
    let rows: readonly StatisticsRow[]
    try {
      rows = await this.registry.statistics({ from: hour - HOURS, to: hour + 2 })
    } catch {
      return
    }
    const before = this.known
    this.known = new Map(rows.map((row) => [keyOf(row), row.count]))
    if (before === null) return
    for (const row of rows) {
      const { flow, status, count } = row
      for (let more = count - (before.get(keyOf(row)) ?? 0); more > 0; more--) this.observers.current?.executionEnded(flow, status)
    }
  }
}

function keyOf({ flow, hour, status, bucket }: StatisticsRow): string {
  return `${flow} ${hour} ${status} ${bucket}`
}
