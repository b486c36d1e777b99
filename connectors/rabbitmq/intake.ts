import type { PlanRabbitmqTrigger } from '../../dsl/plan.ts'
import type { Backoff } from '../triggers/backoff.ts'
import type { TriggerHost } from '../triggers/contract.ts'
import type { Acks } from './acks.ts'
import { Arrival } from './arrival.ts'
import type { BrokerMessage } from './port.ts'
import { dueOf, eventOf } from './unit.ts'

/** Events that are begun at one time. */
const MOST_AT_ONCE = 512

/** Messages whose delivery is under way, by their ledger key: shared by the channels of a trigger, which come one after another. */
export type UnderWay = Map<string, Promise<boolean>>

/** What the intake tells its session. */
export interface IntakeListener {
  /** It comes to a stop, or goes on behind one. */
  changed(): void
  /** Something has become of a message. */
  moved(): void
}

/**
 * From messages to events: what one channel has brought, and is not settled yet.
 *
 * - I1. A message is acknowledged when something has become of it, and put back into the queue when it is given up before.
 * - I2. One that became something before, or is about to in another delivery, is not delivered again: it is acknowledged with that.
 * - I3. What could not be delivered waits at the front, in the order in which it came.
 */
export class Intake {
  private readonly trigger: PlanRabbitmqTrigger
  private readonly host: TriggerHost
  private readonly acks: Acks
  private readonly underWay: UnderWay
  private readonly backoff: Backoff
  private readonly listener: IntakeListener
  private readonly closed = new AbortController()
  /** By tag. */
  private waiting: Arrival[] = []
  private readonly active = new Set<Promise<void>>()
  private pumping = false
  private backingOff = false
  private inHand = 0
  private windowTimer: NodeJS.Timeout | null = null

  constructor(
    acks: Acks,
    { trigger, host, underWay, backoff }: { trigger: PlanRabbitmqTrigger; host: TriggerHost; underWay: UnderWay; backoff: Backoff },
    listener: IntakeListener,
  ) {
    this.acks = acks
    this.trigger = trigger
    this.host = host
    this.underWay = underWay
    this.backoff = backoff
    this.listener = listener
  }

  /** Messages in hand that were not delivered: each may need room. */
  get unstarted(): number {
    return this.inHand
  }

  /** When the oldest that waits came, by `performance.now()`. */
  get oldest(): number {
    return this.waiting[0]?.at ?? Infinity
  }

  /** Nothing can be delivered: there is no room, or it has failed and is tried again after a pause. */
  get isHeld(): boolean {
    return this.backingOff || !this.host.hasRoom
  }

  received(message: BrokerMessage): void {
    this.acks.came(message.tag)
    this.inHand += 1
    this.waiting.push(new Arrival(message, this.trigger.queue, this.trigger.format))
    this.pump()
  }

  /** Goes on, where it can. */
  pump(): void {
    if (this.pumping || this.closed.signal.aborted) return
    this.pumping = true
    // what comes in one read of the socket is asked about, and started, together
    queueMicrotask(() => void this.run())
  }

  /** Puts all that has not begun back into the queue. */
  requeue(): void {
    const { waiting } = this
    this.waiting = []
    this.inHand -= waiting.length
    for (const { message } of waiting) this.acks.requeue(message.tag)
  }

  /** Resolves when everything that has begun is settled; what has not goes back. */
  async close(): Promise<void> {
    this.closed.abort()
    if (this.windowTimer !== null) clearTimeout(this.windowTimer)
    this.requeue()
    while (this.active.size > 0) await Promise.all(this.active)
    this.requeue()
    this.acks.flush()
  }

  private async run(): Promise<void> {
    try {
      while (!this.isHeld && !this.closed.signal.aborted) {
        const units = this.takeUnits()
        if (units.length === 0) break
        await this.begin(units)
      }
    } finally {
      this.pumping = false
    }
    if (this.waiting.length > 0 && this.isHeld) this.listener.changed()
  }

  private takeUnits(): [Arrival, ...Arrival[]][] {
    const units: [Arrival, ...Arrival[]][] = []
    const most = Math.min(this.host.room, MOST_AT_ONCE)
    let taken = 0
    for (let count = 1; count > 0 && units.length < most; taken += count) {
      const left = taken === 0 ? this.waiting : this.waiting.slice(taken, this.trigger.batch === undefined ? taken + 1 : undefined)
      count = dueOf(left, this.trigger, performance.now())
      if (count > 0) units.push(left.slice(0, count) as [Arrival, ...Arrival[]])
    }
    this.waiting.splice(0, taken)
    this.setWindow()
    return units
  }

  /** A batch that is not full yet starts after its window. */
  private setWindow(): void {
    const { batch } = this.trigger
    const [first] = this.waiting
    if (batch === undefined || first === undefined || this.windowTimer !== null) return
    const ms = Math.max(0, first.at + batch.windowMs - performance.now())
    this.windowTimer = setTimeout(() => {
      this.windowTimer = null
      this.pump()
    }, ms)
    this.windowTimer.unref()
  }

  private async begin(units: readonly (readonly Arrival[])[]): Promise<void> {
    const asked = units.flatMap((unit) => unit.flatMap(({ ledgerKey }) => ledgerKey ?? []))
    let known: ReadonlySet<string>
    try {
      known = asked.length === 0 ? new Set() : await this.host.known(asked)
    } catch {
      return this.failed(units.flat())
    }
    for (const [at, unit] of units.entries()) {
      if (this.isHeld || this.closed.signal.aborted) return this.putBack(units.slice(at).flat())
      const [first, ...rest] = unit.filter((arrival) => this.isNew(arrival, known))
      if (first !== undefined) this.deliver([first, ...rest])
    }
  }

  /** I2. */
  private isNew(arrival: Arrival, known: ReadonlySet<string>): boolean {
    const { ledgerKey } = arrival
    if (ledgerKey === undefined) return true
    if (known.has(ledgerKey)) {
      this.leftOut(arrival)
      return false
    }
    const other = this.underWay.get(ledgerKey)
    if (other === undefined) return true
    this.follow(other.then((isHandled) => (isHandled ? this.leftOut(arrival) : this.putBack([arrival]))))
    return false
  }

  private leftOut(arrival: Arrival): void {
    this.inHand -= 1
    this.repeated(arrival)
  }

  private repeated({ message }: Arrival): void {
    this.host.count('deduplicated', 1)
    this.acks.done(message.tag)
  }

  private deliver(unit: readonly [Arrival, ...Arrival[]]): void {
    const keys = new Set(unit.flatMap(({ ledgerKey }) => ledgerKey ?? []))
    // the same message twice in one batch
    const own = unit.filter(({ ledgerKey }) => ledgerKey === undefined || keys.delete(ledgerKey)) as [Arrival, ...Arrival[]]
    const twice = unit.filter((arrival) => !own.includes(arrival))
    const delivered = this.hand(own)
    this.inHand -= unit.length
    for (const { ledgerKey } of own) if (ledgerKey !== undefined) this.underWay.set(ledgerKey, delivered)
    this.follow(
      delivered.then((isHandled) => {
        for (const { ledgerKey } of own) if (ledgerKey !== undefined) this.underWay.delete(ledgerKey)
        if (!isHandled) {
          this.inHand += unit.length
          return this.failed(unit)
        }
        this.backoff.reset()
        this.listener.moved()
        for (const { message } of own) this.acks.done(message.tag)
        for (const arrival of twice) this.repeated(arrival)
        const withoutId = own.filter(({ key }) => key === undefined).length
        if (withoutId > 0) this.host.count('withoutId', withoutId)
      }),
    )
  }

  private async hand(unit: readonly [Arrival, ...Arrival[]]): Promise<boolean> {
    try {
      await this.host.deliver(eventOf(unit, this.trigger, Date.now()))
      return true
    } catch {
      // the engine shows why; it may mend itself (T1)
      return false
    }
  }

  private follow(work: Promise<void>): void {
    const done = work.finally(() => {
      this.active.delete(done)
      this.pump()
    })
    this.active.add(done)
  }

  /** Tried again after a pause. */
  private failed(arrivals: readonly Arrival[]): void {
    this.putBack(arrivals)
    if (this.backingOff || this.closed.signal.aborted) return
    this.backingOff = true
    this.listener.changed()
    void this.backoff.wait(this.closed.signal).then(() => {
      this.backingOff = false
      this.listener.changed()
      this.pump()
    })
  }

  /** I3. */
  private putBack(arrivals: readonly Arrival[]): void {
    this.waiting.push(...arrivals)
    this.waiting.sort((one, other) => one.message.tag - other.message.tag)
  }
}
