import type { TriggerCounts } from './api.ts'
import { addCounts, keyOf, NO_COUNTS, type TriggerNews, type TriggerStore } from './store.ts'

/** So long what was counted stays in memory alone. */
const FLUSH_MS = 250

/** Counts events, and stores what it has counted every now and then: a write for each would be one more for each start. */
export class News {
  private readonly store: () => Promise<TriggerStore>
  private waiting = new Map<string, TriggerNews>()
  private timer: NodeJS.Timeout | null = null
  private flushing: Promise<void> = Promise.resolve()
  private closed = false

  constructor(store: () => Promise<TriggerStore>) {
    this.store = store
  }

  /** @param isEvent False for what has not come: it is counted, and the last event is the one before. */
  count(flow: string, name: string, what: keyof TriggerCounts, events = 1, isEvent = true): void {
    const key = keyOf(flow, name)
    const news = this.waiting.get(key)
    const counts = addCounts({ ...NO_COUNTS, ...news?.counts }, { [what]: events })
    this.waiting.set(key, { flow, name, counts, lastEventAt: isEvent ? Date.now() : (news?.lastEventAt ?? null) })
    if (this.timer !== null || this.closed) return
    this.timer = setTimeout(() => void this.flush(), FLUSH_MS)
    this.timer.unref()
  }

  /** Resolves when all that was counted so far is stored; what the store does not take is tried again later. */
  flush(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    return (this.flushing = this.flushing.then(() => this.write()))
  }

  async close(): Promise<void> {
    this.closed = true
    await this.flush()
  }

  private async write(): Promise<void> {
    if (this.waiting.size === 0) return
    const news = [...this.waiting.values()]
    this.waiting = new Map()
    try {
      await (await this.store()).note(news)
    } catch {
      for (const { flow, name, counts, lastEventAt } of news) {
        const key = keyOf(flow, name)
        const since = this.waiting.get(key)
        const sum = addCounts({ ...NO_COUNTS, ...counts }, since?.counts ?? {})
        this.waiting.set(key, { flow, name, counts: sum, lastEventAt: since?.lastEventAt ?? lastEventAt })
      }
    }
  }
}
