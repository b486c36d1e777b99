/** Runs a plan on the engine's own driver, as a workflow does, and counts the events that Temporal would have of it. */
import { prepare } from '../../../dsl/core/machine.ts'
import type { Timer } from '../../../dsl/core/state.ts'
import type { Json } from '../../../dsl/json.ts'
import type { Plan } from '../../../dsl/plan.ts'
import { Driver, type Asked, type Port } from '../../../workflows/driver.ts'
import { callbackMarks } from '../../../workflows/protocol/outcomes.ts'

/** What happens at once, and so in one workflow task: chosen from all that may happen now. */
export type Choose = <T>(open: readonly T[]) => readonly T[]

export interface Counted {
  readonly events: number
  readonly invocations: number
  readonly status: string
}

/** Something outside that will end, in some steps: a child is looked up, started, and ends. */
interface Open {
  readonly asked: Asked
  steps: number
}

/** `result` is what every function, child and callback gives that `succeeds`. */
export function runOnDriver(plan: Plan, input: Json, result: Json, choose: Choose, succeeds = () => true): Counted {
  const world = new World(result, succeeds)
  const start = { id: 'x', input, startedAt: 0, version: 'latest', trigger: undefined, callbackAt: callbackMarks }
  const driver = new Driver(prepare(plan), start, world, { hints: { short: [], queues: {} }, depth: 0 })
  world.tasks = 1
  driver.begin({})
  for (let rounds = 0; !world.ended; rounds++) {
    if (rounds > 10_000) throw new Error('the flow does not end')
    world.happen(driver, choose)
  }
  return { events: 2 + world.own + 3 * world.tasks, invocations: world.invocations, status: driver.flow.status }
}

class World implements Port {
  own = 0
  tasks = 0
  invocations = 0
  ended = false
  private now = 0
  private readonly result: Json
  private readonly open = new Set<Open>()
  private readonly callbacks = new Set<string>()
  private readonly timers = new Map<number, string>()

  private readonly succeeds: () => boolean

  constructor(result: Json, succeeds: () => boolean) {
    this.result = result
    this.succeeds = succeeds
  }

  send(asked: Asked): void {
    if (asked.what.kind === 'invoke') this.invocations += 1
    this.own += 1
    this.open.add({ asked, steps: asked.what.kind === 'child' ? 3 : 1 })
  }

  cancel(asked: Asked): void {
    this.own += 1
    for (const open of this.open) if (open.asked === asked) this.open.delete(open)
  }

  setTimer(due: number, first: Timer): void {
    this.own += 1
    this.timers.set(due, first.purpose)
  }

  clearTimer(due: number): void {
    this.own += 1
    this.timers.delete(due)
  }

  end(): void {
    this.ended = true
  }

  drained(): void {
    throw new Error('nobody asked for that')
  }

  /** One workflow task. */
  happen(driver: Driver, choose: Choose): void {
    // a callback that is not there any more was given up
    for (const place of this.callbacks) if (!driver.awaits(place)) this.callbacks.delete(place)
    const open = [...this.open, ...this.callbacks]
    this.tasks += 1
    this.now += 1
    if (open.length === 0) return this.fire(driver)
    for (const one of choose(open)) {
      if (this.ended) return
      if (typeof one === 'string') this.call(driver, one)
      else if (this.open.has(one)) this.go(driver, one)
    }
  }

  private call(driver: Driver, place: string): void {
    this.own += 1
    this.callbacks.delete(place)
    driver.called(place, ...this.outcome(), this.now)
  }

  private go(driver: Driver, open: Open): void {
    open.steps -= 1
    const { asked } = open
    // looked up: started and completed; then initiated and started; then completed
    this.own += open.steps === 0 && asked.what.kind === 'child' ? 1 : 2
    if (open.steps > 0) return
    this.open.delete(open)
    if (asked.run.node.plan.type === 'callback') this.callbacks.add(asked.place)
    driver.ended(asked, ...this.outcome(), this.now)
  }

  private outcome(): [ok: boolean, value: Json] {
    return this.succeeds() ? [true, this.result] : [false, { status: 430, errorType: 'Error', errorMessage: 'failed' }]
  }

  private fire(driver: Driver): void {
    const [due] = [...this.timers.keys()].filter((at) => this.timers.get(at) !== 'timeout').sort((a, b) => a - b)
    if (due === undefined) throw new Error('nothing is outstanding and the flow has not ended')
    this.own += 1
    this.timers.delete(due)
    this.now = Math.max(this.now, due)
    driver.due(due, this.now)
  }
}
