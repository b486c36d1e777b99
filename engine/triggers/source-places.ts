import type { Place, Places } from '../../connectors/triggers/contract.ts'
import type { Json } from '../../dsl/json.ts'
import { PlaceMoved, type ProgressStore, type TriggerKey } from './progress.ts'

/** The places of one source, as it sees them: another process may move them, too. */
export class SourcePlaces implements Places {
  private readonly store: ProgressStore
  private readonly trigger: TriggerKey
  /** As they were read, or moved by this source since. */
  private readonly seen = new Map<string, Json>()
  private noting: Promise<void> = Promise.resolve()
  private failure: Error | null = null

  constructor(store: ProgressStore, trigger: TriggerKey) {
    this.store = store
    this.trigger = trigger
  }

  async read(): Promise<ReadonlyMap<string, Place>> {
    await this.noting
    const places = await this.store.places(this.trigger)
    for (const [part, { next }] of places) this.seen.set(part, next)
    return places
  }

  note(part: string, next: Json): void {
    const expected = this.seen.get(part)
    this.seen.set(part, next)
    this.noting = this.noting
      .then(async () => {
        if (!(await this.store.note(this.trigger, part, next, expected))) throw new PlaceMoved(this.trigger, part)
      })
      .catch((error: unknown) => {
        this.failure = error as Error
      })
  }

  async flush(): Promise<void> {
    await this.noting
    const { failure } = this
    this.failure = null
    if (failure !== null) throw failure
    await this.store.flush()
  }

  /** Where a part is, as far as is known here. */
  expected(part: string): Json | undefined {
    return this.seen.get(part)
  }

  /** An event has moved it. */
  moved(part: string, next: Json): void {
    this.seen.set(part, next)
  }
}
