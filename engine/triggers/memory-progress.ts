import type { Place } from '../../connectors/triggers/contract.ts'
import { jsonEqual } from '../../dsl/json-equal.ts'
import type { Json } from '../../dsl/json.ts'
import { newId } from '../ids.ts'
import { isForward, MessagesKnown, type Along, type Move, type ProgressStore, type Step, type TriggerKey } from './progress.ts'

/** For engines that keep nothing. */
export class MemoryProgress implements ProgressStore {
  readonly id = newId()
  private readonly raise: (flow: string, name: string) => number
  private readonly kept = new Map<string, Map<string, Place>>()
  private readonly messages = new Map<string, number>()

  /** @param raise Raises the generation of a trigger. */
  constructor(raise: (flow: string, name: string) => number) {
    this.raise = raise
  }

  async places(trigger: TriggerKey): Promise<ReadonlyMap<string, Place>> {
    return new Map(this.of(trigger))
  }

  async note(trigger: TriggerKey, part: string, next: Json, expected: Json | undefined): Promise<boolean> {
    const places = this.of(trigger)
    const found = places.get(part)?.next
    if (found === undefined || expected === undefined ? found !== expected : !jsonEqual(found, expected)) return false
    places.set(part, { next })
    return true
  }

  async known(trigger: TriggerKey, keys: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(keys.filter((key) => this.messages.has(nameOf(trigger, key))))
  }

  async write(step: Step): Promise<void> {
    this.put(step)
  }

  along(step: Step): Along {
    let written = false
    return {
      check: () => {
        if (step.messages?.keys.some((key) => this.messages.has(nameOf(step.trigger, key)))) throw new MessagesKnown(step.trigger)
      },
      write: () => {
        written = true
        this.put(step)
      },
      commit: async () => {
        written = true
        this.put(step)
      },
      get written() {
        return written
      },
    }
  }

  flush(): Promise<void> {
    return Promise.resolve()
  }

  async seek(flow: string, name: string, places: ReadonlyMap<string, Json>): Promise<number> {
    const generation = this.raise(flow, name)
    this.kept.delete(keyOf({ flow, name, generation: generation - 1 }))
    for (const [part, next] of places) this.move({ flow, name, generation }, { part, next })
    return generation
  }

  async prune(now: number): Promise<number> {
    let pruned = 0
    for (const [key, until] of this.messages) if (until <= now && this.messages.delete(key)) pruned += 1
    return pruned
  }

  private put({ trigger, move, messages }: Step): void {
    if (move !== undefined) this.move(trigger, move)
    for (const key of messages?.keys ?? []) this.messages.set(nameOf(trigger, key), messages?.until ?? 0)
  }

  private move(trigger: TriggerKey, { part, next }: Move): void {
    const places = this.of(trigger)
    if (isForward(places.get(part)?.next, next)) places.set(part, { next })
  }

  private of(trigger: TriggerKey): Map<string, Place> {
    const key = keyOf(trigger)
    let places = this.kept.get(key)
    if (places === undefined) this.kept.set(key, (places = new Map()))
    return places
  }
}

function keyOf({ flow, name, generation }: TriggerKey): string {
  return `${flow}/${name}/${generation}`
}

function nameOf({ flow, name }: TriggerKey, key: string): string {
  return `${flow}/${name}/${key}`
}
