import type { Place, Places } from '../../connectors/triggers/contract.ts'
import type { Json } from '../../dsl/json.ts'

/** Places that are kept nowhere else. */
export class MemoryPlaces implements Places {
  private readonly places = new Map<string, Place>()

  async read(): Promise<ReadonlyMap<string, Place>> {
    return new Map(this.places)
  }

  note(part: string, next: Json): void {
    this.places.set(part, { next })
  }

  flush(): Promise<void> {
    return Promise.resolve()
  }
}
