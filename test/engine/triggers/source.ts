import type { SeekTarget, TriggerEvent, TriggerHost, TriggerSource } from '../../../connectors/triggers/contract.ts'
import type { Json } from '../../../dsl/json.ts'
import type { PlanKafkaTrigger } from '../../../dsl/plan.ts'

/** A source whose records the test hands out. */
export class Source implements TriggerSource {
  readonly trigger: PlanKafkaTrigger
  readonly host: TriggerHost
  started = false
  stopped = false
  lag = 0

  constructor(trigger: PlanKafkaTrigger, host: TriggerHost) {
    this.trigger = trigger
    this.host = host
  }

  async start(): Promise<void> {
    this.started = true
    this.host.tell('running')
  }

  async pause(): Promise<void> {
    this.host.tell('paused')
  }

  async stop(): Promise<void> {
    this.stopped = true
  }
}

/** Those that were made and started, in order. */
export class Sources {
  readonly all: Source[] = []
  /** What seeking finds. */
  resolve: (to: SeekTarget) => ReadonlyMap<string, Json> | Promise<ReadonlyMap<string, Json>> = () => new Map()
  readonly connectors = {
    kafka: (trigger: PlanKafkaTrigger, host: TriggerHost): TriggerSource => {
      const source = new Source(trigger, host)
      this.all.push(source)
      return Object.assign(source, { resolve: async (to: SeekTarget) => this.resolve(to) })
    },
  }

  /** The one that is at work now. */
  get current(): Source | undefined {
    return this.all.findLast(({ started, stopped }) => started && !stopped)
  }
}

/** Of a partition: offset `n`. */
export const record = (n: number, event: Json = { n }): TriggerEvent => ({
  key: ['main', 'orders', '0', String(n)],
  event,
  place: `orders/0/${n}`,
  advance: { part: 'main/orders/0', next: n + 1 },
})

/** Offsets `from` to `to` as one event. */
export const batchOf = (from: number, to: number): TriggerEvent => ({
  key: ['main', 'orders', '0', `${from}-${to}`],
  event: { from, to },
  place: `orders/0/${from}-${to}`,
  advance: { part: 'main/orders/0', next: to + 1, bounds: [from, to] },
})

/** Messages of a queue as one event. */
export const messages = (...keys: string[]): TriggerEvent => ({
  key: ['q', ...keys],
  event: { keys },
  place: `q/${keys.join()}`,
  messages: { keys, keepMs: 3_600_000 },
})
