import type { Place, Places } from '../../connectors/triggers/contract.ts'
import { jsonEqual } from '../../dsl/json-equal.ts'
import type { Json } from '../../dsl/json.ts'
import { isForward, PlaceMoved, type ProgressStore, type TriggerKey } from './progress.ts'

/** The places of one source, as it sees them: another process may move them, too. What the store does not take is tried again with what comes next. */
export class SourcePlaces implements Places {
  private readonly store: ProgressStore
  private readonly trigger: TriggerKey
  /** As they were read, or moved or noted by this source since. */
  private readonly seen = new Map<string, Json>()
  /** The same, without what is noted and not kept yet. */
  private readonly kept = new Map<string, Json>()
  /** Noted and not kept yet. */
  private readonly wanted = new Map<string, Json>()
  private noting: Promise<void> = Promise.resolve()
  private otherwise: PlaceMoved | null = null

  constructor(store: ProgressStore, trigger: TriggerKey) {
    this.store = store
    this.trigger = trigger
  }

  async read(): Promise<ReadonlyMap<string, Place>> {
    await this.noting
    const places = await this.store.places(this.trigger)
    // where somebody else has gone on meanwhile, what was to be noted is of the past
    for (const part of this.wanted.keys()) if (!isSame(places.get(part)?.next, this.kept.get(part))) this.wanted.delete(part)
    for (const [part, { next }] of places) {
      this.kept.set(part, next)
      this.seen.set(part, next)
    }
    return places
  }

  note(part: string, next: Json): void {
    this.seen.set(part, next)
    this.wanted.set(part, next)
    this.again().catch(() => undefined)
  }

  async flush(): Promise<void> {
    await this.again()
    const { otherwise } = this
    this.otherwise = null
    if (otherwise !== null) throw otherwise
    await this.store.flush()
  }

  /** Where a part is, as far as is known here. */
  expected(part: string): Json | undefined {
    return this.seen.get(part)
  }

  /** An event has moved it. */
  moved(part: string, next: Json): void {
    this.seen.set(part, next)
    if (isForward(this.kept.get(part), next)) this.kept.set(part, next)
    this.wanted.delete(part)
  }

  private again(): Promise<void> {
    const keeping = this.noting.then(() => this.keep())
    this.noting = keeping.catch(() => undefined)
    return keeping
  }

  /** Rejects as the store does; what it has not taken is still wanted then. */
  private async keep(): Promise<void> {
    for (const [part, next] of [...this.wanted]) {
      const isKept = await this.store.note(this.trigger, part, next, this.kept.get(part))
      // of two notes the later one counts, and of a note and an event the event
      if (this.wanted.get(part) !== next) continue
      this.wanted.delete(part)
      if (isKept) this.kept.set(part, next)
      else this.otherwise = new PlaceMoved(this.trigger, part)
    }
  }
}

function isSame(one: Json | undefined, other: Json | undefined): boolean {
  return one === undefined || other === undefined ? one === other : jsonEqual(one, other)
}
