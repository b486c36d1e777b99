import { EngineError } from '../errors.ts'
import type { Deliveries, EventToStart } from './delivery.ts'
import { prepareTrigger } from './prepared.ts'
import type { PendingStart, ProgressStore } from './progress.ts'
import type { TriggerStore } from './store.ts'
import { tooMany } from './topics.ts'

/** What a process has begun and not finished by then was left by one that died. */
const LEFT_MS = 10_000
const EVERY_MS = 5000
const PRUNE_EVERY = 12
const PER_SWEEP = 100

/** Finishes batches that others have left (engine/triggers/progress.ts, L3), and forgets messages whose time is over. */
export class Upkeep {
  private readonly deliveries: Deliveries
  private readonly store: () => Promise<TriggerStore>
  /** Whether there is a store to look into: none is opened for it. */
  private readonly isWanted: () => boolean
  private readonly log: (text: string) => void
  private timer: NodeJS.Timeout | null = null
  private working: Promise<void> = Promise.resolve()
  private rounds = 0
  private closed = false

  constructor(deliveries: Deliveries, store: () => Promise<TriggerStore>, isWanted: () => boolean, log: (text: string) => void) {
    this.deliveries = deliveries
    this.store = store
    this.isWanted = isWanted
    this.log = log
  }

  begin(): void {
    if (this.closed) return
    this.timer = setTimeout(() => {
      this.working = this.work().finally(() => this.begin())
    }, EVERY_MS).unref()
  }

  async close(): Promise<void> {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
    await this.working
  }

  /** What cannot be done now is left to the next time. */
  async work(leftMs = LEFT_MS): Promise<void> {
    if (!this.isWanted()) return
    try {
      const { progress } = await this.store()
      while ((await this.sweep(progress, leftMs)) && !this.closed) await nextTurn()
      if (this.rounds++ % PRUNE_EVERY === 0) while (!this.closed && (await progress.prune(Date.now())) > 0) await nextTurn()
    } catch {
      // as the store fails all else fails, and says so
    }
  }

  /** Whether there is more that could be finished. */
  private async sweep(progress: ProgressStore, leftMs: number): Promise<boolean> {
    const left = (await progress.left?.(leftMs, PER_SWEEP)) ?? []
    let isAny = false
    for (const start of left) {
      if (this.closed) return false
      try {
        await this.finish(progress, start)
        isAny = true
      } catch {
        // one that cannot be started now must not be in the way of the others
      }
    }
    return isAny && left.length === PER_SWEEP
  }

  private async finish(progress: ProgressStore, { id, flow, trigger, event, place, traceparent, original }: PendingStart): Promise<void> {
    const prepared = prepareTrigger(flow, trigger)
    const inFlight = await this.deliveries.inFlightOfAny(prepared)
    if (!inFlight.reserve()) throw tooMany(flow, trigger.name, inFlight.most)
    const toStart: EventToStart = {
      ...{ id, derived: true, event, place },
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(original === undefined ? {} : { original: { ...original, bytes: Buffer.from(original.base64, 'base64') } }),
    }
    try {
      await this.deliveries.start(prepared, inFlight, toStart)
    } catch (error) {
      if (error instanceof EngineError && error.code === 'flow-not-found') return this.forget(progress, { id, flow, trigger, place })
      await this.deliveries.refusedForNow(prepared, toStart, error)
    }
    await progress.finish?.(id)
  }

  /** What was begun for a flow goes with it, as its trigger's place does: its messages may come again for a flow of that name. */
  private async forget(
    progress: ProgressStore,
    { id, flow, trigger, place }: Pick<PendingStart, 'id' | 'flow' | 'trigger' | 'place'>,
  ): Promise<void> {
    // a start says that the flow is gone, too, while nobody can be asked whether it was made before
    if ((await this.deliveries.find(id)) !== undefined) return progress.finish?.(id)
    // the flow is there again: next time
    if ((await progress.undo?.(id, flow)) !== true) return
    this.log(`trigger ${flow}/${trigger.name}: the batch at ${place} was begun and not started, and is forgotten: flow ${flow} was deleted`)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
