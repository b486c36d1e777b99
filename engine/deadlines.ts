/**
 * Coarse deadlines, many and cheap: entries of one duration expire in the order in which they came, so each duration has a queue of
 * its own. Leaving is a mark, and queues are swept when half of them has left: links between neighbours cost a step of a flow a
 * quarter of its time, and a timer per entry twelve times as much.
 */

/** Resolution, ms: an entry expires at most this much late. */
const TICK = 50

/** Readings of the clock that one look at it may serve: the look costs more than most of what it is needed for. */
const READINGS = 16

/** Entries that have left are let go of at the latest when there are as many as this, or as those that have not. */
const SWEEP = 128

/** Durations below it are counted from the very moment: the reading handed in may be as old as handlers held up the event loop. */
const EXACT_BELOW_MS = 60_000

/** Something that has a deadline; extend it. */
export abstract class DeadlineEntry {
  /** @internal Null: it is in none. */
  heldBy: DeadlineQueue | null = null
  /** Epoch ms. */
  dueAt = 0
  /** Called once, when the time has passed. */
  abstract expire(): void
}

class DeadlineQueue {
  readonly entries: DeadlineEntry[] = []
  live = 0
  /** Length at which to sweep. */
  full = SWEEP

  /** Lets go of what has left, keeping the order. */
  sweep(): void {
    const { entries } = this
    let kept = 0
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at] as DeadlineEntry
      if (entry.heldBy === this) entries[kept++] = entry
    }
    entries.length = kept
    this.full = Math.max(SWEEP, 2 * kept)
  }
}

/** Engines with something under way: a handler that waits for nothing keeps no process alive, but its deadline has to come. */
const underWay = new Set<Deadlines>()

function beforeExit(): void {
  for (const deadlines of underWay) deadlines.keepAlive()
}

/** All deadlines of an engine. */
export class Deadlines {
  private readonly queues = new Map<number, DeadlineQueue>()
  private timer: NodeJS.Timeout | null = null
  private size = 0
  private lastDuration = -1
  private lastQueue: DeadlineQueue | null = null
  private time = 0
  private readings = 0

  /** Epoch ms, late by fifteen readings at the most, however long those take; exact when nothing is under way. */
  now(): number {
    if (this.timer === null || --this.readings < 0) {
      this.readings = READINGS - 1
      this.time = Date.now()
    }
    return this.time
  }

  /** Expires the entry `durationMs` after `now` unless removed before. An entry is in one queue at a time, and not again. */
  add(entry: DeadlineEntry, now: number, durationMs: number): void {
    const queue = durationMs === this.lastDuration ? (this.lastQueue as DeadlineQueue) : this.queueOf(durationMs)
    if (queue.entries.length >= queue.full) queue.sweep()
    entry.dueAt = (durationMs < EXACT_BELOW_MS ? Date.now() : now) + durationMs
    entry.heldBy = queue
    queue.entries.push(entry)
    queue.live += 1
    this.size += 1
    if (this.timer === null) this.begin()
  }

  /** Takes the entry out; without effect if it is not in. */
  remove(entry: DeadlineEntry): void {
    if (entry.heldBy === null) return
    entry.heldBy.live -= 1
    entry.heldBy = null
    this.size -= 1
  }

  /** All that have not expired; taking some out meanwhile is safe. */
  entries(): DeadlineEntry[] {
    return [...this.queues.values()].flatMap((queue) => queue.entries.filter((entry) => entry.heldBy === queue))
  }

  close(): void {
    if (this.timer === null) return
    clearInterval(this.timer)
    this.timer = null
    underWay.delete(this)
    if (underWay.size === 0) process.off('beforeExit', beforeExit)
  }

  /** @internal Nothing else keeps the process alive. */
  keepAlive(): void {
    if (this.size > 0) this.timer?.ref()
  }

  private begin(): void {
    // runs until a tick finds nothing: starting and stopping a timer per invocation would cost more than all the rest;
    // not referenced, so that an engine without work does not hold up the end of the process
    this.timer = setInterval(() => this.tick(), TICK).unref()
    if (underWay.size === 0) process.on('beforeExit', beforeExit)
    underWay.add(this)
  }

  private queueOf(durationMs: number): DeadlineQueue {
    let queue = this.queues.get(durationMs)
    if (queue === undefined) this.queues.set(durationMs, (queue = new DeadlineQueue()))
    this.lastDuration = durationMs
    this.lastQueue = queue
    return queue
  }

  private tick(): void {
    if (this.size === 0) {
      this.close()
      this.queues.clear()
      this.lastDuration = -1
      return
    }
    const now = Date.now()
    this.time = now
    for (const queue of this.queues.values()) {
      const { entries } = queue
      for (let at = 0; at < entries.length; at++) {
        const entry = entries[at] as DeadlineEntry
        if (entry.heldBy !== queue) continue
        if (entry.dueAt > now) break
        this.remove(entry)
        entry.expire()
      }
      if (entries.length > 2 * queue.live) queue.sweep()
    }
  }
}
