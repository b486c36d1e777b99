import { OUTSTANDING_LIMIT, TIMERS_LIMIT } from '../../workflows/protocol/limits.ts'
import { bytesIn, eventsOf, type Measures, type Pending } from './cost.ts'
import type { FlowEstimate } from './estimate.ts'
import { sum, times, type Range } from './range.ts'

/** What is counted of a node or a flow, in all histories that it has. */
export interface Totals {
  readonly invocations: Range
  readonly events: Range
  /** Of payloads, in histories. */
  readonly bytes: Range
  /** Of payloads that are too large for one. */
  readonly stored: Range
}

export function totalsOf(cost: Measures): Totals {
  const { invocations, laneEvents, laneBytes, stored } = cost
  return { invocations, events: sum([eventsOf(cost), laneEvents]), bytes: sum([bytesIn(cost), laneBytes]), stored }
}

/** Children of one flow share an estimate, and may have children that do. */
const known = new WeakMap<FlowEstimate, Totals>()

/** With all that it starts, and what that starts. */
export function totalsWithChildren(flow: FlowEstimate): Totals {
  let totals = known.get(flow)
  if (totals === undefined) {
    totals = flow.children.reduce(
      (all, { runs, estimate }) => (estimate === undefined ? all : plus(all, totalsWithChildren(estimate), runs)),
      totalsOf(flow.cost),
    )
    known.set(flow, totals)
  }
  return totals
}

function plus(all: Totals, child: Totals, runs: Range): Totals {
  const both = (of: keyof Totals): Range => sum([all[of], times(child[of], runs)])
  return { invocations: both('invocations'), events: both('events'), bytes: both('bytes'), stored: both('stored') }
}

/** What is scheduled of it at one time: of more the engine lets the rest wait. */
export function scheduled({ activities, children, timers }: Pending): Pending {
  const most = Math.min(1, OUTSTANDING_LIMIT / Math.max(1, activities + children))
  return { activities: Math.floor(activities * most), children: Math.ceil(children * most), timers: Math.min(timers, TIMERS_LIMIT) }
}
