/** One flow: its nodes, its start and end, and the runs that its history is cut into. */
import { bytesOf, type Guess } from './guess.ts'
import { Budget } from './budget.ts'
import { checkHistory } from './history.ts'
import { FREE, inSequence, step, type Cost } from './cost.ts'
import type { Row } from './part.ts'
import { attributeBytes, PLAN_BYTES, startInfoBytes, timerSummaryBytes } from './payloads.ts'
import type { Setting } from './scope.ts'
import { combine, exactly, NONE, sum, times, type Range } from './range.ts'

export interface FlowCost {
  readonly rows: readonly Row[]
  /** Of the flow itself: its start, its end, its own timeout. */
  readonly frame: Cost
  readonly cost: Cost
  readonly output: Guess
  /** Workflow runs, one behind the other (continue-as-new). */
  readonly runs: Range
  /** Bytes of the flow's own history, with all that is not payload. */
  readonly historyBytes: Range
}

/** A standard flow on Temporal. */
export function costOfFlow(setting: Setting, parent: { readonly node: string; readonly place: string } | undefined): FlowCost {
  const { plan, hints, depth, input } = setting
  const budget = new Budget()
  const info = startInfoBytes({ flow: plan.flow, depth, hints, ...(parent === undefined ? {} : { parent }) })
  const started = budget.take([info, PLAN_BYTES, bytesOf(input)], 1)
  const scope = { setting, budget, prefix: '', lineage: '', around: null, outputs: new Map<string, Guess>(), loop: null, times: 1 }
  const part = setting.walk({ nodes: plan.nodes, start: plan.start, arrived: input, scope })
  const ended = budget.take([bytesOf(part.output)], 1)
  // a timeout's timer goes with the workflow; of one that ends at once none is set
  const timers = plan.timeoutMs === undefined ? NONE : combine(part.cost.wakes, NONE, (wakes) => Math.min(1, wakes))
  const frame = step({
    own: sum([exactly(2), timers]),
    wakes: 1,
    tasks: 1,
    timerBytes: times(timers, timerSummaryBytes('flow', 'flow')),
    bytes: started.bytes + ended.bytes + attributeBytes(parent !== undefined),
    stored: started.stored + ended.stored,
    longest: { activities: 0, events: 5, waitMs: 0, nodes: [] },
  })
  const whole = inSequence(frame, part.cost)
  return { rows: part.rows, output: part.output, ...checkHistory(setting, frame, whole, info) }
}

/** An express flow, which has no history: what it calls, and when. */
export function costOfExpress(setting: Setting): FlowCost {
  const { plan, input } = setting
  const scope = {
    setting,
    budget: new Budget(),
    prefix: '',
    lineage: '',
    around: null,
    outputs: new Map<string, Guess>(),
    loop: null,
    times: 1,
  }
  const { rows, cost, output } = setting.walk({ nodes: plan.nodes, start: plan.start, arrived: input, scope })
  const nothing = step({})
  return {
    rows: rows.map((row) => ({ ...row, cost: inMemory(row.cost) })),
    frame: FREE,
    cost: inMemory(cost),
    output,
    runs: nothing.own,
    historyBytes: nothing.own,
  }
}

/** Without what only histories have. */
function inMemory(cost: Cost): Cost {
  const { invocations, pending, atOnce, longest } = cost
  return { ...FREE, invocations, pending, atOnce, longest: { ...longest, events: 0 } }
}
