/** What loops cost whose iterations are dealt out: in lanes (child workflows) or in batches (one activity for many iterations). */
import type { RangeChoice } from '../../dsl/core/state.ts'
import type { PlanFunctionNode } from '../../dsl/plan.ts'
import { BATCH_INLINE, OUTSTANDING_LIMIT } from '../../workflows/protocol/limits.ts'
import { Budget, REFERENCE_BYTES } from './budget.ts'
import { foundRanges } from './checks.ts'
import { added, bytesIn, eventsOf, FREE, NO_PENDING, shared, sharedByLong, step, type Cost, type Measures } from './cost.ts'
import { bytesOf, lengthOf, Unknown, type Guess, type Several } from './guess.ts'
import { iteration, type LoopRun } from './iterations.ts'
import type { LoopDone } from './loop.ts'
import { partRepeated, type Row } from './part.ts'
import { PLAN_BYTES, RANGE_RESULT_BYTES, rangeBytes, startInfoBytes } from './payloads.ts'
import { exactly, sum, times } from './range.ts'

/** Events of a lane's workflow beside its iterations', and of its child workflow in the parent. */
const LANE_EVENTS = 5
const CHILD_EVENTS = 9

interface Dealt {
  /** Iterations, in all and of one range. */
  readonly count: number
  readonly size: number
  /** Ranges, in all and at one time. */
  readonly ranges: number
  readonly width: number
  /** Ranges one behind the other. */
  readonly rounds: number
}

function dealt(items: Guess[] | Several, choice: RangeChoice): Dealt {
  const count = lengthOf(items) as number
  const size = Math.min(choice.size, count)
  const ranges = Math.ceil(count / size)
  const width = Math.min(choice.width, ranges)
  return { count, size, ranges, width, rounds: Math.ceil(ranges / width) }
}

export function inLanes(run: LoopRun, items: Guess[] | Several, choice: RangeChoice): LoopDone {
  const { node, scope, times: runs } = run
  const how = dealt(items, choice)
  const { count, size, ranges, width, rounds } = how
  const { output: list, ...each } = iteration(run, items, new Budget(), size)
  const full = partRepeated(each, size, choice.concurrency || size)
  const last = partRepeated(each, count - (ranges - 1) * size, choice.concurrency || size)
  const payloads = payloadsOf(run, items, list, how)
  const inParent = scope.budget.take(payloads, runs * ranges)
  const inLane = new Budget().take(payloads, 1)
  const own = step({
    own: 3 * ranges,
    wakes: 2 * ranges,
    tasks: { least: rounds + 1, expected: sharedByLong(2 * ranges, width), most: 2 * ranges, withRetries: 2 * ranges },
    bytes: ranges * (inParent.bytes + bytesOf(`${node.id} ${size}-${2 * size - 1}`)),
    stored: ranges * (inParent.stored + inLane.stored),
    laneEvents: LANE_EVENTS * ranges,
    laneBytes: ranges * inLane.bytes,
    pending: { ...NO_PENDING, children: width },
    width,
  })
  const rows = full.rows.map((row, at) => behind(row, last.rows[at] as Row, ranges))
  const inside = rows.map(({ cost }) => cost).reduce<Measures>(added, FREE)
  const { longest, atOnce } = full.cost
  foundRanges(run, 'loop-lanes', how)
  return {
    cost: {
      ...own,
      ...added(own, inside),
      atOnce: atOnce * width,
      longest: {
        activities: longest.activities * rounds,
        events: CHILD_EVENTS * rounds,
        waitMs: longest.waitMs * rounds,
        nodes: longest.nodes.map((one) => ({ ...one, times: one.times * rounds })),
      },
    },
    own,
    inside: rows,
    list,
    note: `${ranges} lanes of ${size}, ${width} at a time`,
  }
}

/** A row of all lanes but the last, and of that one: its events are in the lanes' histories. */
function behind(full: Row, last: Row, lanes: number): Row {
  const all = (of: (cost: Cost) => Measures['own']) => sum([times(of(full.cost), lanes - 1), of(last.cost)])
  const cost = step({
    invocations: all(({ invocations }) => invocations),
    laneEvents: all(eventsOf),
    laneBytes: all(bytesIn),
    stored: all(({ stored }) => stored),
    pending: { ...full.cost.pending, activities: Math.min(full.cost.pending.activities, OUTSTANDING_LIMIT) },
  })
  return { ...full, runs: sum([times(full.runs, lanes - 1), last.runs]), cost }
}

/** The body is one function, whose failures fail the loop or are tolerated: nothing is tried again. */
export function inBatches(run: LoopRun, items: Guess[] | Several, choice: RangeChoice): LoopDone {
  const { node, lineage, scope, times: runs } = run
  const how = dealt(items, choice)
  const { count, size, ranges, width, rounds } = how
  const { output: list } = iteration(run, items, new Budget(), 1)
  const [result, ...payloads] = payloadsOf(run, items, list, how)
  const { bytes, stored } = scope.budget.take(payloads, runs * ranges)
  const stays = result <= BATCH_INLINE
  const own = step({
    own: 3 * ranges,
    wakes: ranges,
    tasks: { least: rounds, expected: shared(ranges, width), most: ranges, withRetries: ranges },
    bytes: ranges * (bytes + (stays ? result : REFERENCE_BYTES) + bytesOf('$range')),
    stored: ranges * (stored + (stays ? 0 : result)),
    pending: { ...NO_PENDING, activities: width },
    width,
    longest: { activities: rounds, events: 6 * rounds, waitMs: 0, nodes: [{ place: lineage, times: rounds }] },
  })
  const invocations = exactly(count)
  const [body] = Object.values(node.nodes) as [PlanFunctionNode]
  const row: Row = { node: `${lineage}/${body.id}`, type: body.type, label: body.label, runs: invocations, cost: { ...FREE, invocations } }
  foundRanges(run, 'loop-batches', how)
  return {
    cost: { ...own, invocations, atOnce: Math.min(count, width * (choice.concurrency || size)) },
    own,
    inside: [row],
    list,
    note: `${ranges} batches of ${size}, ${width} at a time`,
  }
}

/** Result and arguments of a lane's workflow, or of a batch's activity: the mean of all. */
function payloadsOf(run: LoopRun, items: Guess[] | Several, list: Guess, { count, ranges }: Dealt): [number, ...number[]] {
  const { node, scope, input } = run
  const { plan, depth, hints, input: executionInput } = scope.setting
  const some = new Unknown(Math.round(bytesOf(items) / ranges))
  return [
    RANGE_RESULT_BYTES + Math.round(bytesOf(list) / ranges),
    startInfoBytes({ flow: plan.flow, depth, hints, behind: true }),
    PLAN_BYTES,
    ...rangeBytes({ loop: node, input, items: some, count, executionInput }),
  ]
}
