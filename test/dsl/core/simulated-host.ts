import { begin, createFlow, find, outstanding, prepare, step, type CoreEvent } from '../../../dsl/core/machine.ts'
import { lineageOf, placeOf } from '../../../dsl/core/place.ts'
import { NodeRun, type Command, type Flow, type FlowStart, type Recorder, type RunStatus, type Timer } from '../../../dsl/core/state.ts'
import type { ErrorDocument } from '../../../dsl/errors.ts'
import type { Json } from '../../../dsl/json.ts'
import type { Plan } from '../../../dsl/plan.ts'

/** Counts what starts and ends. */
export class Ledger implements Recorder {
  readonly open = new Map<string, RunStatus>()
  readonly ends: [string, RunStatus][] = []
  started(run: NodeRun): void {
    const lineage = lineageOf(run)
    if (this.open.has(lineage)) throw new Error(`${lineage} started twice`)
    this.open.set(lineage, run.status)
  }
  changed(run: NodeRun): void {
    if (!this.open.has(lineageOf(run))) throw new Error(`${lineageOf(run)} changed and does not run`)
  }
  ended(run: NodeRun, status: RunStatus): void {
    const lineage = lineageOf(run)
    if (!this.open.delete(lineage)) throw new Error(`${lineage} ended and had not started`)
    this.ends.push([lineage, status])
  }
  iterationEnded(): void {
    // the nodes tell
  }
}

/** A host in virtual time, driven by hand: what is outstanding lies open, and events are recorded as a journal. */
export class SimulatedHost {
  readonly flow: Flow
  readonly ledger = new Ledger()
  readonly effects = new Map<string, NodeRun>()
  readonly timers = new Map<string, Timer>()
  readonly journal: CoreEvent[] = []
  readonly plan: Plan
  readonly start: FlowStart
  ends = 0
  now = 1_000_000

  constructor(plan: Plan, input: Json) {
    this.plan = plan
    this.start = startOf(input, this.now)
    this.flow = createFlow(prepare(plan), this.start, this.ledger)
    this.obey(begin(this.flow))
  }

  /** Takes an event that is outstanding, as a host would: by place. */
  send(event: CoreEvent): void {
    this.journal.push(event)
    this.obey(step(this.flow, event))
  }

  succeed(place: string, data: Json): void {
    this.effects.delete(place)
    this.send({ kind: 'ok', place, data, time: this.now })
  }

  fail(place: string, error: Partial<ErrorDocument> = {}): void {
    this.effects.delete(place)
    this.send({ kind: 'error', place, data: { status: 430, errorType: 'Error', errorMessage: 'failed', ...error }, time: this.now })
  }

  /** Lets time pass up to the earliest timer and fires it. */
  fireNext(): boolean {
    const [first] = [...this.timers].sort(([, a], [, b]) => a.due - b.due)
    if (first === undefined) return false
    const [key, timer] = first
    this.now = Math.max(this.now, timer.due)
    this.timers.delete(key)
    const place = timer.run === null ? '' : placeOf(timer.run)
    this.send({ kind: 'timer', place, purpose: timer.purpose, time: this.now })
    return true
  }

  /** The state as a fold of the journal, without this host. */
  folded(): Flow {
    const flow = createFlow(prepare(this.plan), this.start)
    begin(flow)
    for (const event of this.journal) step(flow, event)
    return flow
  }

  /** The run at a place. */
  at(place: string): NodeRun | null {
    return find(this.flow, place)
  }

  private obey(commands: Command[]): void {
    for (const command of commands) {
      if (command instanceof NodeRun) {
        if (command.kind !== null) this.effects.set(placeOf(command), command)
      } else if (command.kind === 'timer') this.timers.set(timerKey(command), command)
      else if (command.kind === 'clear') this.timers.delete(timerKey(command.timer))
      else if (command.kind === 'cancel') {
        for (const [place, run] of this.effects) if (run === command.run) this.effects.delete(place)
      } else this.ends += 1
    }
  }
}

function timerKey(timer: Timer): string {
  return `${timer.run === null ? '' : placeOf(timer.run)} ${timer.purpose}`
}

function startOf(input: Json, startedAt: number): FlowStart {
  return {
    id: 'simulated',
    input,
    startedAt,
    version: 'latest',
    trigger: undefined,
    callbackAt: (place) => ({ token: `token of ${place}`, url: `http://localhost/${place}` }),
  }
}

/** What is outstanding, as text: two states with the same are the same to a host. */
export function signature(flow: Flow): string {
  const lines = outstanding(flow).map((command) => {
    if (command instanceof NodeRun) return `${command.kind} ${placeOf(command)} ${JSON.stringify(command.input)}`
    if (command.kind === 'timer') return `${timerKey(command)} ${command.due}`
    return command.kind
  })
  return JSON.stringify([flow.status, flow.output, flow.error, lines.sort()])
}
