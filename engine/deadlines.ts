/**
 * Coarse deadlines, many and cheap: entries of one duration expire in the order in which they came, so each duration has a list
 * of its own, joined and left in constant time. A timer per entry would be twelve times slower (docs/design/architecture.md).
 */

/** Resolution, ms: an entry expires at most this much late. */
const TICK = 50

/** Readings of the clock that one look at it may serve: the look costs more than most of what it is needed for. */
const READINGS = 16

/** Something that has a deadline; extend it. */
export abstract class DeadlineEntry {
  /** @internal */ previous: DeadlineEntry | null = null
  /** @internal */ following: DeadlineEntry | null = null
  /** @internal */ list: DeadlineList | null = null
  /** Epoch ms. */
  dueAt = 0
  /** Called once, when the time has passed. */
  abstract expire(): void
}

class DeadlineList {
  first: DeadlineEntry | null = null
  last: DeadlineEntry | null = null
}

/** All deadlines of an engine. */
export class Deadlines {
  private readonly lists = new Map<number, DeadlineList>()
  private timer: NodeJS.Timeout | null = null
  private size = 0
  private lastDuration = -1
  private lastList: DeadlineList | null = null
  private time = 0
  private readings = 0

  /** Epoch ms, late by a tick or by fifteen readings at the most; exact when nothing is under way. */
  now(): number {
    if (this.timer === null || --this.readings < 0) {
      this.readings = READINGS - 1
      this.time = Date.now()
    }
    return this.time
  }

  /** Expires the entry `durationMs` after `now` unless removed before. */
  add(entry: DeadlineEntry, now: number, durationMs: number): void {
    const list = durationMs === this.lastDuration ? (this.lastList as DeadlineList) : this.listOf(durationMs)
    entry.dueAt = now + durationMs
    entry.list = list
    entry.previous = list.last
    entry.following = null
    if (list.last === null) list.first = entry
    else list.last.following = entry
    list.last = entry
    this.size += 1
    // kept alive until the next tick finds nothing: starting and stopping a timer per invocation would cost more than all the rest
    this.timer ??= setInterval(() => this.tick(), TICK).unref()
  }

  /** Takes the entry out; without effect if it is not in. */
  remove(entry: DeadlineEntry): void {
    const { list, previous, following } = entry
    if (list === null) return
    if (previous === null) list.first = following
    else previous.following = following
    if (following === null) list.last = previous
    else following.previous = previous
    entry.list = null
    entry.previous = null
    entry.following = null
    this.size -= 1
  }

  /** All that have not expired; taking some out meanwhile is safe. */
  entries(): DeadlineEntry[] {
    const entries: DeadlineEntry[] = []
    for (const list of this.lists.values()) for (let entry = list.first; entry !== null; entry = entry.following) entries.push(entry)
    return entries
  }

  private listOf(durationMs: number): DeadlineList {
    let list = this.lists.get(durationMs)
    if (list === undefined) this.lists.set(durationMs, (list = new DeadlineList()))
    this.lastDuration = durationMs
    this.lastList = list
    return list
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
  }

  private tick(): void {
    if (this.size === 0) {
      this.close()
      this.lists.clear()
      this.lastDuration = -1
      return
    }
    const now = Date.now()
    this.time = now
    for (const list of this.lists.values()) {
      for (let entry = list.first; entry !== null && entry.dueAt <= now; entry = list.first) {
        this.remove(entry)
        entry.expire()
      }
    }
  }
}
