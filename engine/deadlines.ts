/**
 * Coarse deadlines, many and cheap: entries of one duration expire in the order in which they came, so each duration has a list
 * of its own, joined and left in constant time. A timer per entry would be twelve times slower (docs/design/architecture.md).
 */

/** Resolution, ms: an entry expires at most this much late. */
const TICK = 50

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

  /** Expires the entry `durationMs` after `now` unless removed before. */
  add(entry: DeadlineEntry, now: number, durationMs: number): void {
    let list = this.lists.get(durationMs)
    if (list === undefined) this.lists.set(durationMs, (list = new DeadlineList()))
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

  close(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
  }

  private tick(): void {
    if (this.size === 0) {
      this.close()
      this.lists.clear()
      return
    }
    const now = Date.now()
    for (const list of this.lists.values()) {
      for (let entry = list.first; entry !== null && entry.dueAt <= now; entry = list.first) {
        this.remove(entry)
        entry.expire()
      }
    }
  }
}
