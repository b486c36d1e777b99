/** What a loop costs: in its own workflow, in lanes or in batches, as workflows/protocol/ranges.ts chooses. */
import { VALUE_LIMIT } from '../../dsl/json-bounds.ts'
import { chooseRanges } from '../../workflows/protocol/ranges.ts'
import { checkList } from './checks.ts'
import { added, FREE, NO_PENDING, step, type Cost } from './cost.ts'
import type { Done } from './done.ts'
import { lengthOf, objectOf, type Guess, type Several } from './guess.ts'
import { iteration, itemsOf, type LoopRun } from './iterations.ts'
import { partRepeated } from './part.ts'
import { timerSummaryBytes } from './payloads.ts'
import { exactly, times } from './range.ts'
import { inBatches, inLanes } from './ranges.ts'

export function loopStep(run: LoopRun): Done {
  const { node, scope } = run
  const items = itemsOf(run)
  const count = lengthOf(items) as number
  const ranges = chooseRanges(node, count, scope.setting.hints)
  const { list, ...done } =
    count === 0
      ? { cost: FREE, list: [] }
      : ranges === null
        ? inItsWorkflow(run, items, count)
        : ranges.kind === 'lane'
          ? inLanes(run, items, ranges)
          : inBatches(run, items, ranges)
  checkList(run, list, VALUE_LIMIT)
  return { ...done, output: objectOf([[node.resultPath, list]]) }
}

/** A loop's cost, and the list of its iterations' outputs. */
export type LoopDone = Omit<Done, 'output'> & { readonly list: Guess }

function inItsWorkflow(run: LoopRun, items: Guess[] | Several, count: number): LoopDone {
  const { node, scope, times: runs } = run
  const { output: list, ...each } = iteration(run, items, scope.budget, runs * count)
  const width = node.concurrency || count
  if (node.intervalMs === 0) {
    const { cost, rows } = partRepeated(each, count, width)
    return { cost, own: FREE, inside: rows, list }
  }
  // what is started one by one mostly ends so
  const spaced = partRepeated({ ...each, cost: { ...each.cost, apart: true } }, count, width)
  const between = intervals(run, count - 1)
  return { cost: { ...spaced.cost, ...added(spaced.cost, between) }, own: between, inside: spaced.rows, list }
}

/** The timers between starts: one for each but the first, and fewer where iterations take longer than the interval. */
function intervals({ node }: LoopRun, timers: number): Cost {
  const some = { ...exactly(timers), least: 0 }
  const timerBytes = times(some, timerSummaryBytes(node.label, 'interval'))
  return step({ timers: some, timerBytes, wakes: some, tasks: some, pending: { ...NO_PENDING, timers: 1 } })
}
