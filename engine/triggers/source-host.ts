import type { Deliveries as Handled, Delivery, SourceState, TriggerEvent, TriggerHost } from '../../connectors/triggers/contract.ts'
import type { PlanTrigger } from '../../dsl/plan.ts'
import { EngineError } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Deliveries, EventToStart, StartDelivery } from './delivery.ts'
import type { InFlight } from './in-flight.ts'
import type { News } from './news.ts'
import { PlaceMoved, type Along, type Fate, type PendingStart, type ProgressStore, type Step } from './progress.ts'
import { SourcePlaces } from './source-places.ts'
import type { TriggerEntry } from './table.ts'

/** What a source's host stands on. */
export interface SourceHostParts {
  readonly entry: TriggerEntry
  readonly inFlight: InFlight
  readonly deliveries: Deliveries
  readonly news: News
  readonly progress: ProgressStore
  /** The place is not where this source believes it to be: it must begin anew. */
  moved(): void
}

/** An event on its way. */
interface Turn {
  readonly done: Promise<Delivery>
  /** It is written already, in the transaction of this turn of the event loop: what is behind it may follow in the same one. */
  readonly isWritten: boolean
}

/** The engine as one source sees it (engine/triggers/progress.ts has the rules). */
export class SourceHost implements TriggerHost {
  state: SourceState = 'connecting'
  readonly flow: string
  readonly generation: number
  readonly store: string
  readonly firstEnabledAt: number
  readonly enabledAt: number
  readonly places: SourcePlaces
  private readonly parts: SourceHostParts
  private told: { readonly message: string; readonly since: number } | undefined
  /** Why the last event could not be handled; until one is. */
  private refusal: { readonly message: string; readonly since: number } | undefined

  constructor(parts: SourceHostParts) {
    const { entry, progress } = parts
    const { flow, name, generation, firstEnabledAt, enabledAt } = entry.state
    this.parts = parts
    this.flow = flow
    this.generation = generation
    this.store = progress.id
    this.firstEnabledAt = firstEnabledAt ?? Date.now()
    this.enabledAt = enabledAt ?? this.firstEnabledAt
    this.places = new SourcePlaces(progress, { flow, name, generation })
  }

  get error(): { readonly message: string; readonly since: number } | undefined {
    return this.told ?? this.refusal
  }

  get hasRoom(): boolean {
    return this.parts.inFlight.hasRoom
  }

  onRoom(changed: (hasRoom: boolean) => void): () => void {
    return this.parts.inFlight.onRoom(changed)
  }

  get room(): number {
    return this.parts.inFlight.room
  }

  onFreed(freed: () => void): () => void {
    return this.parts.inFlight.onFreed(freed)
  }

  async deliver(event: TriggerEvent): Promise<Delivery> {
    return this.take(event).done
  }

  async deliverAll(events: readonly TriggerEvent[]): Promise<Handled> {
    const turns: Promise<Delivery>[] = []
    for (const event of events) {
      if (!this.hasRoom) break
      const { done, isWritten } = this.take(event)
      turns.push(done)
      // what is behind it may only be handled if it is
      if (!isWritten && !(await isFulfilled(done))) break
    }
    const handled: Delivery[] = []
    for (const turn of await Promise.allSettled(turns)) {
      if (turn.status === 'rejected') {
        // those before it may have had their answers later
        this.refuse(turn.reason)
        return { handled, failure: turn.reason as Error }
      }
      handled.push(turn.value)
    }
    return { handled }
  }

  known(keys: readonly string[]): Promise<ReadonlySet<string>> {
    return this.parts.progress.known(this.parts.entry.state, keys)
  }

  tell(state: SourceState, error?: string): void {
    this.state = state
    this.told = error === undefined ? undefined : since(this.told, error)
  }

  count(what: 'skipped' | 'lost' | 'deduplicated' | 'withoutId', events: number): void {
    const { flow, trigger } = this.parts.entry.prepared
    // ticks that nobody saw, and what the broker no longer has
    const isEvent = what !== 'skipped' && what !== 'lost'
    this.parts.news.count(flow, trigger.name, what, events, isEvent)
  }

  /** Begins with an event within this turn of the event loop. */
  private take(event: TriggerEvent): Turn {
    const turn = this.begin(event)
    const done = turn.done.then(
      (delivery) => {
        this.refusal = undefined
        if (event.advance !== undefined) this.places.moved(event.advance.part, event.advance.next)
        return delivery
      },
      (error: unknown) => {
        this.refuse(error)
        if (error instanceof PlaceMoved) this.parts.moved()
        throw error
      },
    )
    done.catch(() => undefined)
    return { done, isWritten: turn.isWritten }
  }

  private refuse(error: unknown): void {
    this.refusal = since(this.refusal, error instanceof Error ? error.message : String(error))
  }

  private begin({ key, at, event, place, traceparent, original, poison, ...moves }: TriggerEvent): Turn {
    const { entry, deliveries, inFlight, progress } = this.parts
    const { prepared } = entry
    const step = this.stepOf(moves)
    const toStart: EventToStart = {
      event,
      id: key === null ? newId() : deliveries.idOf(entry, [prepared.trigger.type, ...key], at),
      derived: key !== null,
      place,
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(original === undefined ? {} : { original }),
    }
    try {
      if (poison !== undefined) throw new EngineError('bad-input', poison.message, { cause: poison })
      if (!deliveries.isTaken(prepared, event)) return this.filtered(step)
    } catch (error) {
      return { done: this.refused(toStart, step, error), isWritten: false }
    }
    if (!inFlight.reserve())
      return { done: Promise.reject(new Error('there is no room, and an event was delivered (T3)')), isWritten: false }
    if (progress.begin !== undefined && isBatch(prepared.trigger, step)) return { done: this.startBatch(toStart, step), isWritten: false }
    const along = progress.along?.(step, toStart.id!)
    const started = deliveries.start(prepared, inFlight, toStart, undefined, along)
    return { done: this.finish(started, toStart, step, along), isWritten: along?.written === true }
  }

  private filtered(step: Step): Turn {
    const written = this.parts.progress.write(step, { outcome: 'filtered' })
    // what must only be noted soon is not waited for, nor is what comes behind it in the same transaction
    return { done: written.then(() => ({ outcome: 'filtered' })), isWritten: this.parts.progress.along !== undefined }
  }

  private async finish(started: Promise<StartDelivery>, toStart: EventToStart, step: Step, along: Along | undefined): Promise<Delivery> {
    let delivery: StartDelivery
    try {
      delivery = await started
    } catch (error) {
      return this.refused(toStart, step, error)
    }
    const told = toldOf(delivery)
    if (along?.written !== true) await this.parts.progress.write(step, fateOf(told))
    return told
  }

  /** L3. */
  private async startBatch(toStart: EventToStart, step: Step): Promise<Delivery> {
    const { entry, deliveries, inFlight, progress } = this.parts
    const { prepared } = entry
    const { id = '' } = toStart
    const { move } = step
    try {
      const start = pendingOf(this.flow, prepared.trigger, toStart)
      await progress.begin?.(step, move === undefined ? undefined : this.places.expected(move.part), start)
    } catch (error) {
      inFlight.release()
      throw error
    }
    let told: Delivery
    try {
      told = toldOf(await deliveries.start(prepared, inFlight, toStart))
    } catch (error) {
      told = await deliveries.refusedForNow(prepared, toStart, error)
    }
    await progress.write(move === undefined ? step : { ...step, move: { ...move, isBegun: true } }, fateOf(told))
    if (step.messages !== undefined) await progress.finish?.(id)
    return told
  }

  private async refused(toStart: EventToStart, step: Step, error: unknown): Promise<Delivery> {
    const { entry, deliveries } = this.parts
    const delivery = await deliveries.refusedForNow(entry.prepared, toStart, error)
    await this.parts.progress.write(step, fateOf(delivery))
    return delivery
  }

  private stepOf({ advance, messages }: Pick<TriggerEvent, 'advance' | 'messages'>): Step {
    const { flow, name, generation } = this.parts.entry.state
    return {
      trigger: { flow, name, generation },
      ...(advance === undefined ? {} : { move: advance }),
      ...(messages === undefined ? {} : { messages: { keys: messages.keys, until: Date.now() + messages.keepMs } }),
    }
  }
}

/** What a redelivery may cut elsewhere, also where it holds one message: its start must not hang on where. */
function isBatch(trigger: PlanTrigger, { move, messages }: Step): boolean {
  if (move?.bounds !== undefined) return true
  if (messages === undefined) return false
  // a connector of one's own may make batches, too
  return messages.keys.length > 1 || trigger.type === 'custom' || ('batch' in trigger && trigger.batch !== undefined)
}

function pendingOf(flow: string, trigger: PlanTrigger, { id = '', event, place, traceparent, original }: EventToStart): PendingStart {
  const { bytes, ...rest } = original ?? {}
  return {
    ...{ id, flow, trigger, event, place },
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(bytes === undefined ? {} : { original: { base64: Buffer.from(bytes).toString('base64'), ...rest } }),
  }
}

function toldOf(delivery: StartDelivery): Delivery {
  return 'execution' in delivery ? { outcome: delivery.outcome, executionId: delivery.execution.id } : delivery
}

function fateOf(delivery: Delivery): Fate {
  return 'executionId' in delivery ? { outcome: 'started', executionId: delivery.executionId } : delivery
}

function since(before: { readonly message: string; readonly since: number } | undefined, message: string) {
  return before?.message === message ? before : { message, since: Date.now() }
}

function isFulfilled(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  )
}
