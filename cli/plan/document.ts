import type { Estimate, FlowEstimate } from '../../engine/estimate/estimate.ts'
import type { Range } from '../../engine/estimate/range.ts'
import { scheduled, totalsOf, totalsWithChildren, type Totals } from '../../engine/estimate/totals.ts'
import type { LocatedFinding } from './findings.ts'

export interface Assumed {
  readonly input: boolean
  readonly items: number
  readonly bytes: number
}

/** The estimate as one JSON document. */
export function planDocument(estimate: Estimate, assumed: Assumed, findings: readonly LocatedFinding[]): object {
  return {
    flow: estimate.plan.flow,
    mode: estimate.plan.mode,
    assumed: { ...assumed, loops: estimate.loops },
    ...costs(estimate),
    withSubflows: rounded(totalsWithChildren(estimate)),
    subflows: estimate.children.map(({ node, flow, waited, runs, estimate: child }) => ({
      node,
      flow,
      waited,
      runs: roundedRange(runs),
      ...(child === undefined ? {} : { mode: child.plan.mode, ...costs(child), withSubflows: rounded(totalsWithChildren(child)) }),
    })),
    warnings: findings,
  }
}

function costs({ rows, frame, cost, runs, historyBytes }: FlowEstimate): object {
  const { nodes, ...longest } = cost.longest
  return {
    nodes: rows.map(({ node, type, label, runs: times, cost: own, note }) => ({
      node,
      type,
      label,
      runs: roundedRange(times),
      ...rounded(totalsOf(own)),
      pending: scheduled(own.pending),
      ...(note === undefined ? {} : { note }),
    })),
    startAndEnd: rounded(totalsOf(frame)),
    total: {
      ...rounded(totalsOf(cost)),
      pending: scheduled(cost.pending),
      invocationsAtOnce: cost.atOnce,
      workflowRuns: roundedRange(runs),
      historyBytes: roundedRange(historyBytes),
      laneEvents: roundedRange(cost.laneEvents),
    },
    longestPath: { ...longest, nodes },
  }
}

function rounded({ invocations, events, bytes, stored }: Totals): object {
  return {
    invocations: roundedRange(invocations),
    events: roundedRange(events),
    bytes: roundedRange(bytes),
    stored: roundedRange(stored),
  }
}

/** Estimates have no digits behind the point, but for what is less than ten. */
function roundedRange({ least, expected, most, withRetries }: Range): Range {
  return {
    least: Math.floor(least + SLACK),
    expected: figure(expected),
    most: Math.ceil(most - SLACK),
    withRetries: Math.ceil(withRetries - SLACK),
  }
}

/** What sums of fractions may be off. */
const SLACK = 1e-6

function figure(value: number): number {
  return value < 10 ? Math.round(value * 100) / 100 : Math.round(value)
}
