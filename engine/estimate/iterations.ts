import type { PlanLoopNode } from '../../dsl/plan.ts'
import type { Budget } from './budget.ts'
import { unusedCount, wouldFail } from './checks.ts'
import { bytesOf, either, isGuessedObject, isKnown, itemOf, lengthOf, objectOf, Several, Unknown, type Guess } from './guess.ts'
import { look } from './look.ts'
import { mean, type Part } from './part.ts'
import { innerScope, type NodeRun } from './scope.ts'

export type LoopRun = NodeRun<PlanLoopNode>

/** Iterations that are looked at one by one; of larger loops so many. */
const SAMPLES = 200
const GOLDEN = (Math.sqrt(5) - 1) / 2
/** Bytes of an element of a list of which nothing is known, at least. */
const LEAST_ITEM = 16

/** The items, or as many as are assumed. */
export function itemsOf(run: LoopRun): Guess[] | Several {
  const { node, scope, view, lineage } = run
  const { setting } = scope
  const { items: byDefault, itemsOf: given, result } = setting.assumed
  const found = look(node.items, view)
  const length = found === undefined ? undefined : lengthOf(found)
  if (length !== undefined) {
    setting.counted(lineage, length, 'input')
    unusedCount(run, given.get(node.id) ?? length, length)
    return found as Guess[] | Several
  }
  if (found === undefined) wouldFail(run, { errorType: 'PathNotFound', errorMessage: `items ${node.items} finds nothing` })
  else if (isKnown(found)) wouldFail(run, { errorType: 'NotAnArray', errorMessage: `${node.items} is not an array` })
  const count = given.get(node.id) ?? byDefault
  setting.counted(lineage, count, given.has(node.id) ? 'option' : 'default')
  const bytes = bytesOf(found ?? result)
  return new Several(count, new Unknown(Math.max(LEAST_ITEM, Math.round(bytes / Math.max(1, count)) - 1)))
}

/** One iteration: the mean of all, or of some. Its output is the list of all outputs. `expected`: how many the budget is to hold. */
export function iteration(run: LoopRun, items: Guess[] | Several, budget: Budget, expected: number): Part {
  const { node, scope, input } = run
  const { setting } = scope
  const count = lengthOf(items) as number
  const samples = Array.isArray(items) ? Math.min(count, SAMPLES) : 1
  const parts: Part[] = []
  for (let sample = 0; sample < samples; sample++) {
    // not quite evenly: what repeats itself must not be met always at the same point
    const index = samples === count ? sample : Math.floor(((sample + ((sample * GOLDEN) % 1)) * count) / samples)
    const item = Array.isArray(items) ? (items[index] as Guess) : itemOf(items)
    const inner = innerScope(scope, node, index, { budget, loop: { index, count }, times: expected / samples })
    const arrived = objectOf([...(isGuessedObject(input) ? Object.entries(input) : []), [node.as, item]])
    parts.push(setting.walk({ nodes: node.nodes, start: node.start, arrived, scope: inner }))
  }
  const outputs = parts.map(({ output }) => output)
  const [first] = outputs as [Guess, ...Guess[]]
  const isSame = outputs.every((output) => output === first)
  const list = !isSame && samples === count ? outputs : new Several(count, isSame ? first : outputs.reduce(either))
  return { ...mean(parts), output: list }
}
