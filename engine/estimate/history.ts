/** What becomes of histories that grow long: the flow goes on in a new run, as workflows/flow.ts decides it. */
import type { PlanNode } from '../../dsl/plan.ts'
import {
  BYTES_HARD,
  BYTES_SOFT,
  EVENTS_HARD,
  EVENTS_SOFT,
  inlineLimit,
  OUTSTANDING_LIMIT,
  TIMERS_LIMIT,
  UNDER_WAY_SOFT,
} from '../../workflows/protocol/limits.ts'
import { REFERENCE_BYTES } from './budget.ts'
import { inGiB, inMiB } from './checks.ts'
import { added, bytesIn, eventsOf, step, type Cost } from './cost.ts'
import type { FlowCost } from './flow.ts'
import { bytesOf } from './guess.ts'
import { PLAN_BYTES } from './payloads.ts'
import { combine, sum, times, type Range } from './range.ts'
import type { Setting } from './scope.ts'

/** Temporal's own: it warns from here on (spec, temporal-notes.md, 5). */
const HISTORY_EVENTS = 10_000
const HISTORY_BYTES = 10 * 1024 * 1024
const PENDING = 2000
/** More than one execution should leave in the payload store. */
const STORE_BYTES = 1024 ** 3
/** Of an event, beside its payloads: measured, with ids and names of usual length. */
const EVENT_BYTES = 145
/** The end of a run and the start of the next. */
const NEW_RUN_EVENTS = 5
/** Of a history's payloads, what the journal takes that a run hands on half way. */
const JOURNAL_SHARE = 0.25

/** The cost with what continuing as new adds to it, and findings on what does not fit into one history. */
export function checkHistory(
  setting: Setting,
  frame: Cost,
  cost: Cost,
  infoBytes: number,
): Pick<FlowCost, 'frame' | 'cost' | 'runs' | 'historyBytes'> {
  const events = eventsOf(cost)
  const historyBytes = sum([bytesIn(cost), times(events, EVENT_BYTES)])
  const runs = runsOf(events, historyBytes, cost.width)
  const again = combine(runs, runs, (count) => Math.max(0, count - 1))
  // start and journal stand in both histories: where one ends, and where the next begins
  const start = infoBytes + PLAN_BYTES + smaller(bytesOf(setting.input)) + REFERENCE_BYTES
  const more = step({
    own: times(again, NEW_RUN_EVENTS - 3),
    wakes: again,
    tasks: again,
    bytes: times(again, 2 * start),
    // of the journal so far, which is some part of the bytes
    stored: times(
      combine(again, bytesIn(cost), (count, bytes) => count * bytes),
      JOURNAL_SHARE,
    ),
  })
  findings(setting, cost, events, historyBytes, runs)
  return { frame: { ...frame, ...added(frame, more) }, cost: { ...cost, ...added(cost, more) }, runs, historyBytes }
}

function smaller(bytes: number): number {
  return bytes > inlineLimit(0) ? REFERENCE_BYTES : bytes
}

/** It goes on in a new run as soon as little is under way, and before the limits in any case. */
function runsOf(events: Range, bytes: Range, width: number): Range {
  const early = (count: number, size: number): number => 1 + Math.floor(Math.max(count / EVENTS_SOFT, size / BYTES_SOFT))
  const late = (count: number, size: number): number => 1 + Math.floor(Math.max(count / EVENTS_HARD, size / BYTES_HARD))
  return {
    least: late(events.least, bytes.least),
    expected: (width > UNDER_WAY_SOFT ? late : early)(events.expected, bytes.expected),
    most: early(events.most, bytes.most),
    withRetries: early(events.withRetries, bytes.withRetries),
  }
}

function findings(setting: Setting, { pending, stored }: Cost, events: Range, bytes: Range, runs: Range): void {
  const count = (many: number): string => Math.round(many).toLocaleString('en')
  const continues = `it goes on in a new run (continue-as-new) from ${count(EVENTS_SOFT)} events or ${inMiB(BYTES_SOFT)} on, some ${count(runs.expected)} in all`
  if (events.expected > EVENTS_SOFT) {
    const over = events.expected > HISTORY_EVENTS
    setting.find({
      rule: 'history-events',
      severity: over ? 'warning' : 'note',
      message: `some ${count(events.expected)} events${over ? `, over the ${count(HISTORY_EVENTS)} that one history should have` : ''}: ${continues}`,
      remedy: 'each run reads all outcomes so far: put parts of the flow into subflows, whose histories are their own',
    })
  }
  if (bytes.expected > BYTES_SOFT) {
    const over = bytes.expected > HISTORY_BYTES
    setting.find({
      rule: 'history-bytes',
      severity: over ? 'warning' : 'note',
      message: `some ${inMiB(bytes.expected)} of history${over ? `, over the ${inMiB(HISTORY_BYTES)} that one should have` : ''}: ${continues}`,
      remedy: 'hand on less: params and output filters, references instead of documents',
    })
  }
  if (stored.expected > STORE_BYTES) {
    setting.find({
      rule: 'payload-store',
      severity: 'warning',
      message: `some ${inGiB(stored.expected)} of payloads would be written to the payload store for one execution`,
      remedy: 'give the functions of loops params: without them each iteration is handed the whole input of its loop, list and all',
    })
  }
  const effects = pending.activities + pending.children
  if (effects > OUTSTANDING_LIMIT) {
    const over = effects > PENDING
    setting.find({
      rule: 'pending',
      severity: over ? 'warning' : 'note',
      message: `${count(effects)} activities and children could be under way at one time${over ? `, and Temporal takes ${count(PENDING)}` : ''}: the engine schedules ${count(OUTSTANDING_LIMIT)}, the others wait in the workflow`,
      remedy: 'set a concurrency on loops if what they call should not get that many at once',
    })
  }
  if (pending.timers > TIMERS_LIMIT) {
    setting.find({
      rule: 'pending',
      severity: 'note',
      message: `${count(pending.timers)} timers could be set at one time: the engine sets the ${count(TIMERS_LIMIT)} that are due next`,
      remedy: 'nothing to do; those that are put off cost two events more',
    })
  }
  const holding = Object.values(setting.plan.nodes).find(holds)
  if (holding !== undefined && events.expected > EVENTS_SOFT && pending.activities + pending.children > 1) {
    setting.find(
      {
        rule: 'held-by-node',
        severity: 'note',
        message: `while it lasts the flow does not go on in a new run; from ${count(EVENTS_HARD)} events on it then starts nothing more until this has ended`,
        remedy: 'put what runs beside it into a subflow of its own',
      },
      holding,
      holding.id,
    )
  }
}

/** What may last as long as it likes: workflows/driver.ts waits for it before it cuts the history. */
function holds(node: PlanNode): boolean {
  return node.type === 'subflow' ? node.wait : 'invoke' in node && node.invoke === 'async'
}
