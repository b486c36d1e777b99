import type { NodeKind } from '../../dsl/plan.ts'
import { alternatively, atOnce, FREE, inSequence, measured, repeated, SHARED, type Cost, type Measures } from './cost.ts'
import type { Guess } from './guess.ts'
import { inProportion, sum, times, type Alternative, type Range } from './range.ts'

/** One node, for one run of the part of the flow that it is in. */
export interface Row {
  /** Ids of the containers around it, and its own: `each/fetch`. */
  readonly node: string
  readonly type: NodeKind
  readonly label: string
  readonly runs: Range
  readonly cost: Cost
  /** How a loop is dealt out. */
  readonly note?: string
}

/** A part of a flow: what it costs, by node and in all, and what comes out of it. */
export interface Part {
  readonly cost: Cost
  readonly rows: readonly Row[]
  readonly output: Guess
}

/** The rows of all parts, which run at once. */
export function partsAtOnce(parts: readonly Part[]): Pick<Part, 'cost' | 'rows'> {
  const costs = parts.map(({ cost }) => cost)
  const cost = atOnce(costs)
  const apart = costs.reduce(inSequence, FREE)
  return { cost, rows: parts.flatMap(({ rows }) => rows).map((row) => fitted(row, apart, cost)) }
}

/** A part that runs several times. */
export function partRepeated({ cost: each, rows }: Pick<Part, 'cost' | 'rows'>, count: number, width: number): Pick<Part, 'cost' | 'rows'> {
  const cost = repeated(each, count, width)
  const apart = repeated(each, count, 1)
  return {
    cost,
    rows: rows.map((row) => {
      const counted = {
        ...row,
        runs: times(row.runs, count),
        cost: { ...repeated(row.cost, count, 1), pending: repeated(row.cost, count, width).pending },
      }
      return fitted(counted, apart, cost)
    }),
  }
}

/** The row with its part of what all share. */
function fitted(row: Row, apart: Measures, together: Measures): Row {
  const shared = SHARED.map((measure) => [measure, inProportion(row.cost[measure], apart[measure], together[measure])])
  return { ...row, cost: { ...row.cost, ...Object.fromEntries(shared) } }
}

/** Rows of a part that is reached so often. */
export function rowsReached(rows: readonly Row[], reached: Range): Row[] {
  return rows.map((row) => ({
    ...row,
    runs: times(row.runs, reached),
    cost: { ...row.cost, ...measured((measure) => times(row.cost[measure], reached)) },
  }))
}

/** Rows of what is inside of a node that may be tried again `max` times. */
export function rowsRetried(rows: readonly Row[], max: number): Row[] {
  return rowsReached(rows, { least: 1, expected: 1, most: 1, withRetries: 1 + max })
}

/** The same rows of several samples, as one list of the mean. */
export function mean(parts: readonly Part[]): Pick<Part, 'cost' | 'rows'> {
  const [first] = parts as readonly [Part, ...Part[]]
  if (parts.length === 1) return first
  return {
    cost: meanCost(parts.map(({ cost }) => cost)),
    rows: first.rows.map((row, at) => ({ ...row, cost: meanCost(parts.map(({ rows }) => (rows[at] as Row).cost)) })),
  }
}

function meanCost(costs: readonly Cost[]): Cost {
  const ways: Alternative<Cost>[] = costs.map((value) => ({ value, share: 1 / costs.length, failing: false }))
  const [first] = costs as readonly [Cost, ...Cost[]]
  const { opening } = first
  return {
    ...alternatively(ways),
    ...measured((measure) => times(sum(costs.map((cost) => cost[measure])), 1 / costs.length)),
    opening: costs.every((cost) => cost.opening === opening) ? opening : null,
  }
}
