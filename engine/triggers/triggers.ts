import { httpEvent, type TriggerRequest } from '../../connectors/http/event.ts'
import type { TopicMessage } from '../../connectors/topic/event.ts'
import { isPushed, type SeekTarget } from '../../connectors/triggers/contract.ts'
import type { Json, JsonObject } from '../../dsl/json.ts'
import type { PlanHttpTrigger, PlanTrigger } from '../../dsl/plan.ts'
import type { Execution } from '../api.ts'
import { EngineError } from '../errors.ts'
import { takeInput } from '../intake.ts'
import type { HttpDeliverOptions, HttpDelivery, HttpTarget, PublishOptions, TracedStart, TriggerRecord, Triggers } from './api.ts'
import type { TriggerHealth } from '../observer.ts'
import { Deliveries, type DeliveryServices } from './delivery.ts'
import { News } from './news.ts'
import { nextFiresOf } from './next-fires.ts'
import { inputOf } from './prepared.ts'
import { checkPaths, TriggerTable, type TableSource, type TriggerEntry } from './table.ts'
import type { ConnectorKinds } from './kinds.ts'
import { Runner } from './runner.ts'
import { placesOf, Seeking } from './seeking.ts'
import { tooMany, Topics } from './topics.ts'
import { Upkeep } from './upkeep.ts'

const TOPIC = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/

/** What the triggers need of the engine around them. */
export interface TriggerServices extends DeliveryServices, TableSource {
  /** Throws EngineError `engine-closed`. */
  mustBeOpen(): void
  readonly kinds: ConnectorKinds
  /** Of timers that name none. */
  readonly timezone: string
  /** Verifies a token, by keys that the trigger names. */
  claims(trigger: PlanHttpTrigger, token: string): Promise<JsonObject | undefined>
}

/** The triggers of an engine. */
export class LocalTriggers implements Triggers {
  private readonly services: TriggerServices
  private readonly table: TriggerTable
  private readonly news: News
  private readonly deliveries: Deliveries
  private readonly topics: Topics
  private readonly runner: Runner
  private readonly seeking: Seeking
  private readonly upkeep: Upkeep
  private readonly began = Date.now()

  constructor(services: TriggerServices) {
    this.services = services
    const store = (): ReturnType<TriggerServices['store']> => services.store()
    this.table = new TriggerTable(services)
    this.news = new News(store)
    this.deliveries = new Deliveries(services, this.news)
    this.topics = new Topics(this.table, this.deliveries, store)
    this.runner = new Runner(services.kinds, this.table, this.deliveries, this.news, store)
    this.seeking = new Seeking(this.runner, this.table, store)
    this.upkeep = new Upkeep(this.deliveries, store, () => services.shared || this.runner.isAtWork, services.log)
  }

  /** Triggers begin to work, and what others have left of messages is finished. */
  begin(): void {
    if (this.services.shared) this.topics.begin()
    this.runner.begin()
    this.upkeep.begin()
  }

  async close(): Promise<void> {
    await this.runner.close()
    await this.upkeep.close()
    await this.topics.close()
    await this.news.close()
  }

  /** Of those for which events are brought here. */
  health(): TriggerHealth[] {
    return this.runner.health()
  }

  /** Something was deployed or deleted here. */
  changed(): void {
    this.table.forget()
    this.runner.lookSoon()
  }

  /** As a crash would. */
  abandon(): void {
    this.runner.abandon()
  }

  /** @internal For tests of what was left. */
  async sweep(): Promise<void> {
    await this.topics.sweep()
    await this.upkeep.work(0)
  }

  async list(): Promise<TriggerRecord[]> {
    const { entries } = await this.fresh()
    return Promise.all([...entries.values()].map((entry) => this.record(entry)))
  }

  async get(flow: string, name: string): Promise<TriggerRecord> {
    return this.record((await this.fresh()).get(flow, name))
  }

  enable(flow: string, name: string): Promise<TriggerRecord> {
    return this.set(flow, name, true)
  }

  disable(flow: string, name: string): Promise<TriggerRecord> {
    return this.set(flow, name, false)
  }

  async seek(flow: string, name: string, to: SeekTarget): Promise<TriggerRecord> {
    this.services.mustBeOpen()
    const entry = (await this.fresh()).get(flow, name)
    const { trigger } = entry.prepared
    const source = isPushed(trigger) || !this.services.kinds.has(trigger) ? undefined : await this.runner.idle(entry)
    try {
      const resolve = source?.resolve?.bind(source)
      if (resolve === undefined) throw new EngineError('bad-input', `triggers of kind ${trigger.type} have no places to go back to`)
      await this.seeking.seek(entry, () => placesOf(entry, () => resolve(to)))
    } finally {
      await source?.stop()
    }
    return this.get(flow, name)
  }

  async fire(flow: string, name: string, event: Json, options: TracedStart = {}): Promise<Execution> {
    this.services.mustBeOpen()
    const { prepared } = await this.table.entry(flow, name)
    const { type } = prepared.trigger
    const taken = takeInput(event, 'event')
    const input = inputOf(prepared, taken)
    const execution = await this.services.start(prepared.ref, { input, trigger: { type, name, event: taken }, ...options })
    this.news.count(flow, name, execution.existed === true ? 'deduplicated' : 'started')
    return execution
  }

  async publish(
    topic: string,
    message: TopicMessage,
    options: PublishOptions = {},
  ): Promise<{ readonly messageId: string; readonly executions: number }> {
    this.services.mustBeOpen()
    if (!TOPIC.test(topic))
      throw new EngineError('bad-option', 'a topic is called by 1 to 255 of A-Z a-z 0-9 _ . -, and begins with a letter or digit')
    return this.topics.publish(topic, takeInput(message, 'message') as unknown as TopicMessage, options)
  }

  /** The flows with triggers of these topics, disabled ones too: they may be enabled. */
  async subscribed(topics: ReadonlySet<string>): Promise<readonly string[]> {
    if (topics.size === 0) return []
    const { entries } = await this.fresh()
    return [...entries.values()].flatMap(({ prepared: { flow, trigger } }) =>
      trigger.type === 'topic' && topics.has(trigger.topic) ? [flow] : [],
    )
  }

  async route(method: string, path: string): Promise<HttpTarget | { readonly allowed: readonly string[] }> {
    this.services.mustBeOpen()
    const snapshot = await this.table.snapshot()
    try {
      const found = snapshot.route(method, path)
      if (found === undefined) return { allowed: snapshot.methodsOf(path) }
      const { flow, trigger } = found.entry.prepared
      return { flow, trigger: trigger as PlanHttpTrigger, params: found.params }
    } catch (error) {
      if (error instanceof URIError) throw new EngineError('bad-input', 'the path has % without two hexadecimal digits of UTF-8 behind it')
      throw error
    }
  }

  claims(trigger: PlanHttpTrigger, token: string): Promise<JsonObject | undefined> {
    return this.services.claims(trigger, token)
  }

  async deliver(
    { flow, trigger }: HttpTarget,
    request: TriggerRequest,
    { id, key, ...traced }: HttpDeliverOptions = {},
  ): Promise<HttpDelivery> {
    this.services.mustBeOpen()
    const entry = (await this.table.snapshot()).get(flow, trigger.name)
    const { prepared } = entry
    const event = takeInput(httpEvent(flow, trigger, request), 'event')
    if (!this.deliveries.isTaken(prepared, event)) return { outcome: 'filtered' }
    const inFlight = await this.deliveries.inFlight(prepared)
    const made = id ?? (key === undefined ? undefined : this.deliveries.idOf(entry, ['http', ...key]))
    if (!inFlight.reserve()) {
      // one that is there needs no room
      const execution = made === undefined ? undefined : await this.deliveries.find(made)
      if (execution === undefined) throw tooMany(flow, trigger.name, prepared.trigger.maxInFlight)
      return this.deliveries.repeated(prepared, execution)
    }
    const identity = made === undefined ? {} : { id: made, derived: true }
    return this.deliveries.start(prepared, inFlight, { event, place: request.path, ...traced, ...identity })
  }

  /**
   * Throws EngineError `path-taken` where another flow takes the requests of one of these triggers. Where others deploy, too, the store decides, in the
   * transaction that stores the flow.
   */
  admit(flow: string, triggers: readonly PlanTrigger[]): void {
    if (this.services.shared || !triggers.some(({ type }) => type === 'http')) return
    checkPaths(this.services.local().definitions, flow, triggers)
  }

  /** With what was counted up to now. */
  private async fresh() {
    this.services.mustBeOpen()
    await this.news.flush()
    this.table.forget()
    return this.table.snapshot()
  }

  private async set(flow: string, name: string, enabled: boolean): Promise<TriggerRecord> {
    this.services.mustBeOpen()
    ;(await this.fresh()).get(flow, name)
    await (await this.services.store()).setEnabled(flow, name, enabled)
    this.table.forget()
    await this.runner.look()
    return this.get(flow, name)
  }

  private async record({ prepared, state }: TriggerEntry): Promise<TriggerRecord> {
    const { flow, trigger } = prepared
    const { name, type } = trigger
    const { enabled, lastEventAt, counts } = state
    const inFlight = await this.deliveries.runningNow(prepared)
    const next = nextFiresOf(trigger, state, this.services.timezone)
    const shown = { flow, name, type, enabled, lag: 0, inFlight, lastEventAt, ...next, counts }
    if (!enabled) return { ...shown, state: 'disabled' }
    if (isPushed(trigger)) return { ...shown, state: 'running' }
    if (this.services.kinds.has(trigger)) return { ...shown, ...this.runner.stateOf(flow, name) }
    const message =
      trigger.type === 'custom'
        ? `no connector ${trigger.kind} is registered; register it with registerConnector`
        : `triggers of kind ${type} are not there yet: nothing is read for it`
    return { ...shown, state: 'failed', error: { message, since: this.began } }
  }
}
