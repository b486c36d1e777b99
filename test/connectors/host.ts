import type { Deliveries, Delivery, Place, SourceState, TriggerEvent, TriggerHost } from '../../connectors/triggers/contract.ts'
import type { Json } from '../../dsl/json.ts'

/**
 * The engine as a connector sees it, in memory, for tests of connectors alone: everything that is delivered is in `events`, and its fate is what
 * `fate` says. As the engine's own it moves places with the events, records messages, and knows repeats by their key.
 */
export class TestHost implements TriggerHost {
  readonly flow = 'f'
  generation = 0
  store = 's'
  firstEnabledAt = Date.now()
  enabledAt = Date.now()
  /** Handled, in order; repeats are not. */
  readonly events: TriggerEvent[] = []
  readonly states: { readonly state: SourceState; readonly error: string | undefined }[] = []
  readonly counts: Record<string, number> = {}
  /** What is kept: hand it to the next host to see what comes after a restart. */
  kept = new Map<string, Place>()
  keptMessages = new Set<string>()
  /** Throws what the delivery is to be rejected with. */
  fate: (event: TriggerEvent) => Delivery['outcome'] | Promise<Delivery['outcome']> = ({ poison }) =>
    poison === undefined ? 'started' : 'skipped'
  /** Executions that may still be started. */
  private left: number
  private readonly ids = new Set<string>()
  private readonly listeners = new Set<(hasRoom: boolean) => void>()
  private readonly freed = new Set<() => void>()

  /** @param room How many executions may run; `end` ends them. */
  constructor(room = Infinity) {
    this.left = room
  }

  readonly places = {
    read: async (): Promise<ReadonlyMap<string, Place>> => new Map(this.kept),
    note: (part: string, next: Json): void => void this.kept.set(part, { next }),
    flush: async (): Promise<void> => undefined,
  }

  get hasRoom(): boolean {
    return this.left > 0
  }

  get room(): number {
    return Math.max(0, this.left)
  }

  async deliver(event: TriggerEvent): Promise<Delivery> {
    if (!this.hasRoom) throw new Error('delivered without room (T3)')
    const keys = event.messages?.keys ?? []
    if (keys.some((key) => this.keptMessages.has(key))) throw new Error('one of the messages is known')
    this.left -= 1
    if (!this.hasRoom) this.tellRoom()
    const id = event.key === null ? `${this.ids.size}` : event.key.join('/')
    let outcome = event.key !== null && this.ids.has(id) ? 'deduplicated' : undefined
    try {
      outcome ??= await this.fate(event)
    } catch (error) {
      this.end()
      throw error
    }
    if (outcome !== 'started') this.end()
    this.ids.add(id)
    if (outcome !== 'deduplicated') this.events.push(event)
    if (event.advance !== undefined) this.kept.set(event.advance.part, { next: event.advance.next })
    for (const key of keys) this.keptMessages.add(key)
    return outcome === 'started' || outcome === 'deduplicated' ? { outcome, executionId: id } : { outcome: outcome as 'filtered' }
  }

  async deliverAll(events: readonly TriggerEvent[]): Promise<Deliveries> {
    const handled: Delivery[] = []
    for (const event of events) {
      if (!this.hasRoom) break
      try {
        handled.push(await this.deliver(event))
      } catch (error) {
        return { handled, failure: error as Error }
      }
    }
    return { handled }
  }

  async known(keys: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(keys.filter((key) => this.keptMessages.has(key)))
  }

  onRoom(changed: (hasRoom: boolean) => void): () => void {
    this.listeners.add(changed)
    return () => this.listeners.delete(changed)
  }

  onFreed(freed: () => void): () => void {
    this.freed.add(freed)
    return () => this.freed.delete(freed)
  }

  tell(state: SourceState, error?: string): void {
    this.states.push({ state, error })
  }

  count(what: string, events: number): void {
    this.counts[what] = (this.counts[what] ?? 0) + events
  }

  /** So many executions have ended. */
  end(executions = 1): void {
    const had = this.hasRoom
    this.left += executions
    if (!had && this.hasRoom) this.tellRoom()
    for (const listener of [...this.freed]) listener()
  }

  private tellRoom(): void {
    for (const listener of [...this.listeners]) listener(this.hasRoom)
  }
}
