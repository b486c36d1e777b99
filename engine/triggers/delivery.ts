import type { Delivery, TriggerEvent } from '../../connectors/triggers/contract.ts'
import type { Json, JsonObject } from '../../dsl/json.ts'
import type { PlanTrigger } from '../../dsl/plan.ts'
import type { Admission, PlannedStart } from '../admission.ts'
import type { Execution, StartOptions } from '../api.ts'
import { EngineError } from '../errors.ts'
import { derivedId, derivedIdAt } from '../ids.ts'
import { InFlight } from './in-flight.ts'
import type { News } from './news.ts'
import { inputOf, isPoison, takes, type PreparedTrigger } from './prepared.ts'
import type { Along } from './progress.ts'
import { keyOf, type TriggerStore } from './store.ts'
import type { TriggerEntry } from './table.ts'

/** An event that could not start its flow. */
export interface DeadLetter {
  /** The same whenever it comes again. */
  readonly id: string
  readonly source: string
  /** What is known of it. */
  readonly data: JsonObject
  /** As it came; where the channel does not take so many, their length and SHA-256. */
  readonly bytes: Uint8Array
  /** The only flows that it may start; absent: any. */
  readonly sees?: readonly string[]
}

/** What deliveries need of the engine. */
export interface DeliveryServices {
  store(): Promise<TriggerStore>
  /** As the engine's; writes before it has returned to the event loop, so that several in one turn are one transaction. */
  start(ref: string, options: StartOptions, along?: Along): Promise<Execution>
  /** Lets in all of these starts, or none. Rejects with EngineError `too-many-executions`. */
  reserve(starts: readonly PlannedStart[]): Promise<Admission>
  /** The execution of this id, if there is one. */
  find(id: string): Promise<Execution | undefined>
  /** Resolves when the execution has ended, however it has. */
  ended(id: string): Promise<void>
  /** Sends a dead letter to an event channel; rejects while that is away. */
  deadLetter(channel: string, letter: DeadLetter): Promise<void>
  log(text: string): void
}

export interface EventToStart {
  readonly event: Json
  /** Of the execution. */
  readonly id?: string
  /** Whether the id follows from the event: an execution that has it is the same event's. */
  readonly derived?: boolean
  readonly traceparent?: string
  /** Tells people where the event stood. */
  readonly place: string
  /** As it came; absent: the event as JSON. */
  readonly original?: TriggerEvent['original']
}

export type StartDelivery =
  { readonly outcome: 'started' | 'deduplicated'; readonly execution: Execution } | Exclude<Delivery, { readonly executionId: string }>

/** The common rules of all triggers (triggers.md, 1): from an event to its start, or to what becomes of it instead. */
export class Deliveries {
  private readonly services: DeliveryServices
  private readonly news: News
  private readonly inFlights = new Map<string, Promise<InFlight>>()

  constructor(services: DeliveryServices, news: News) {
    this.services = services
    this.news = news
  }

  /** The running executions of a trigger; what earlier processes have started on this store is among them. */
  async inFlight(prepared: PreparedTrigger): Promise<InFlight> {
    const found = await this.inFlightOfAny(prepared)
    found.most = prepared.trigger.maxInFlight
    return found
  }

  /** The same for what an earlier definition has begun: `maxInFlight` stays that of the one at work. */
  inFlightOfAny({ flow, trigger }: PreparedTrigger): Promise<InFlight> {
    const key = keyOf(flow, trigger.name)
    let made = this.inFlights.get(key)
    if (made === undefined) {
      this.inFlights.set(key, (made = this.counted(flow, trigger)))
      made.catch(() => this.inFlights.delete(key))
    }
    return made
  }

  /** How many of them run, as far as it is known without asking for what is dear. */
  async runningNow(prepared: PreparedTrigger): Promise<number> {
    const isKnown = this.inFlights.has(keyOf(prepared.flow, prepared.trigger.name))
    if (!isKnown && (await this.services.store()).isRunningDear === true) return 0
    return (await this.inFlight(prepared)).count
  }

  /** Throws EngineError `bad-input` for an event that cannot start the flow. */
  isTaken(prepared: PreparedTrigger, event: Json): boolean {
    if (takes(prepared, event)) return true
    this.filtered(prepared)
    return false
  }

  /** Counts an event that the filter does not let through. */
  filtered({ flow, trigger }: PreparedTrigger): void {
    this.news.count(flow, trigger.name, 'filtered')
  }

  /** The execution that an event has started before, if it has. */
  find(id: string): Promise<Execution | undefined> {
    return this.services.find(id)
  }

  /** Counts an event that has come again. */
  repeated({ flow, trigger }: PreparedTrigger, execution: Execution): StartDelivery {
    this.news.count(flow, trigger.name, 'deduplicated')
    return { outcome: 'deduplicated', execution }
  }

  /** As {@link DeliveryServices.reserve}. */
  reserve(starts: readonly PlannedStart[]): Promise<Admission> {
    return this.services.reserve(starts)
  }

  /**
   * Starts for an event that the filter lets through; a place in `inFlight` is reserved. Rejects as `start` does, with the place given back.
   *
   * @param admission Of several starts that were let in together, this one among them.
   * @param along Written with the start.
   */
  async start(
    prepared: PreparedTrigger,
    inFlight: InFlight,
    { event, id, traceparent, derived = false }: EventToStart,
    admission: Pick<DeliveryServices, 'start'> = this.services,
    along?: Along,
  ): Promise<StartDelivery> {
    const { flow, ref, trigger } = prepared
    const { type, name } = trigger
    let execution: Execution
    try {
      const input = inputOf(prepared, event)
      execution = await admission.start(
        ref,
        {
          input,
          trigger: { type, name, event },
          ...(id === undefined ? {} : { id }),
          ...(traceparent === undefined ? {} : { traceparent }),
        },
        along,
      )
    } catch (error) {
      inFlight.release()
      throw error
    }
    const outcome = derived && execution.existed === true ? 'deduplicated' : 'started'
    // one that was there has ended, or is counted already, or was started before this process
    inFlight.hold(execution.id)
    this.news.count(flow, name, outcome)
    return { outcome, execution }
  }

  /**
   * What becomes of an event that has failed to start its flow: a dead letter, or nothing. Rejects with the failure where a repetition may help, and
   * with EngineError `channel-unavailable` while the dead letter's channel is away.
   */
  async refused(
    { flow, trigger }: PreparedTrigger,
    { event, place, id = '', original, derived = false }: EventToStart,
    error: unknown,
  ): Promise<Delivery> {
    if (!isPoison(error)) throw error
    const { name, type, deadLetter, sees } = trigger
    // the execution was deleted, and its id is still known; or the same event was written down otherwise
    if (derived && error instanceof EngineError && error.code === 'conflict') {
      this.news.count(flow, name, 'deduplicated')
      return { outcome: 'deduplicated', executionId: id }
    }
    const reason = (error as Error).message
    if (deadLetter === undefined) {
      this.services.log(`trigger ${flow}/${name}: the event at ${place} is skipped: ${reason}`)
      this.news.count(flow, name, 'skipped')
      return { outcome: 'skipped' }
    }
    const { bytes, contentType } = original ?? { bytes: Buffer.from(JSON.stringify(event)) }
    const data = { flow, trigger: { type, name }, place, reason, ...(contentType === undefined ? {} : { contentType }) }
    try {
      const letter = {
        id: derivedId('dead-letter', flow, name, place, id),
        source: `/flows/${flow}`,
        data,
        bytes,
        ...(sees === undefined ? {} : { sees }),
      }
      await this.services.deadLetter(deadLetter, letter)
    } catch (cause) {
      throw new EngineError('channel-unavailable', `the dead-letter channel ${deadLetter} of trigger ${flow}/${name} is away`, { cause })
    }
    this.news.count(flow, name, 'deadLettered')
    return { outcome: 'deadLettered' }
  }

  /** The same of what can wait until somebody has mended it: rejects while the flow, or the version that is started, is not there. */
  async refusedForNow(prepared: PreparedTrigger, toStart: EventToStart, error: unknown): Promise<Delivery> {
    if (error instanceof EngineError && (error.code === 'flow-not-found' || error.code === 'version-not-found')) throw error
    return this.refused(prepared, toStart, error)
  }

  /** The id that an execution has by its event. @param at See TriggerEvent. */
  idOf({ prepared: { flow, trigger }, state: { generation } }: TriggerEntry, key: readonly string[], at?: number): string {
    return triggeredId(flow, trigger.name, generation, key, at)
  }

  private async counted(flow: string, { type, name, maxInFlight: most }: PlanTrigger): Promise<InFlight> {
    const inFlight = new InFlight(most, (id) => this.services.ended(id))
    const store = await this.services.store()
    for (const id of (await store.running?.(flow, { type, name }, most)) ?? []) inFlight.adopt(id)
    return inFlight
  }
}

/** Follows from the event, so that its second delivery finds the execution of the first. */
export function triggeredId(flow: string, name: string, generation: number, key: readonly string[], at = NaN): string {
  return derivedIdAt(at, 'trigger', flow, name, String(generation), ...key)
}
