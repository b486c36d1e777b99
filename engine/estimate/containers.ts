/** What nodes that hold others cost: `parallel` and `service`. */
import type { PlanNode, PlanParallelNode, PlanServiceNode } from '../../dsl/plan.ts'
import { FREE, measured, type Cost, type Measures } from './cost.ts'
import type { Done } from './done.ts'
import { bytesOf, either, isKnown, objectOf, Several, Unknown, isGuessedObject, type Guess } from './guess.ts'
import { partsAtOnce, type Part } from './part.ts'
import { between } from './range.ts'
import { innerScope, type NodeRun } from './scope.ts'

export function parallelStep(run: NodeRun<PlanParallelNode>): Done {
  const { node, scope, input } = run
  const { nodes } = scope.setting.plan
  const parts = node.branches.map((start, index) =>
    scope.setting.walk({ nodes, start, join: node.join, arrived: input, scope: innerScope(scope, node, index, { times: run.times }) }),
  )
  const all = partsAtOnce(parts)
  const outputs = parts.map(({ output }) => output)
  const ways = [node.join ?? null]
  if (node.complete === node.branches.length) {
    return { cost: all.cost, own: FREE, inside: all.rows, output: objectOf([[node.resultPath, outputs]]), ways }
  }
  const cost = raced(all.cost, parts, { complete: node.complete, opening: node.branches.filter((id) => isEffect(nodes[id])).length })
  const first = new Set(node.branches.map((id) => `${run.lineage}/${id}`))
  const rows = all.rows.map((row) => (first.has(row.node) ? row : { ...row, runs: { ...row.runs, least: 0 } }))
  const list = new Several(node.complete, outputs.reduce(either))
  return { cost, own: FREE, inside: rows, output: objectOf([[node.resultPath, list]]), ways }
}

/** Begins with what is scheduled at once, and told of the cancellation if its branch loses. */
function isEffect(first: PlanNode | undefined): boolean {
  return first?.type === 'function' || first?.type === 'event' || first?.type === 'subflow' || first?.type === 'callback'
}

/**
 * Only `complete` of the branches end; the others are given up on the way, which is told to what they had scheduled. Surely so much is known
 * of the `opening` ones alone: whatever else a branch does may come behind a wait.
 */
function raced(all: Cost, parts: readonly Part[], { complete, opening }: { readonly complete: number; readonly opening: number }): Cost {
  const losers = parts.length - complete
  const won = complete / parts.length
  const least = (of: (part: Part) => number): number =>
    parts
      .map(of)
      .sort((a, b) => a - b)
      .slice(0, complete)
      .reduce((sum, each) => sum + each, 0)
  const tasks = Math.max(
    ...parts
      .map(({ cost }) => cost.tasks.least)
      .sort((a, b) => a - b)
      .slice(0, complete),
  )
  // whatever the losers have under way is cancelled
  const cancelled = parts
    .map(({ cost }) => cost.pending.activities + 3 * cost.pending.children)
    .sort((a, b) => b - a)
    .slice(0, losers)
    .reduce((sum, each) => sum + each, 0)
  const measures: Partial<Measures> = {
    invocations: {
      ...all.invocations,
      least: least(({ cost }) => cost.invocations.least),
      expected: all.invocations.expected * won + losers / 2,
    },
    own: {
      // of a loser at least what it had scheduled, unless the race was over before
      least: least(({ cost }) => cost.own.least) + (tasks === 0 ? 0 : Math.min(losers, Math.max(0, opening - complete))),
      expected: all.own.expected * won + losers * 3,
      most: all.own.most + cancelled,
      withRetries: all.own.withRetries + cancelled,
    },
    wakes: { ...all.wakes, least: least(({ cost }) => cost.wakes.least), expected: all.wakes.expected * won },
    tasks: { ...all.tasks, least: tasks, expected: all.tasks.expected * won },
    bytes: { ...all.bytes, least: least(({ cost }) => cost.bytes.least), expected: all.bytes.expected * ((1 + won) / 2) },
    stored: { ...all.stored, least: least(({ cost }) => cost.stored.least) },
    timers: { ...all.timers, least: Math.min(...parts.map(({ cost }) => cost.timers.least)) },
    timerBytes: { ...all.timerBytes, least: Math.min(...parts.map(({ cost }) => cost.timerBytes.least)) },
  }
  return { ...all, ...measured((measure) => between(measures[measure] ?? all[measure])) }
}

export function serviceStep(run: NodeRun<PlanServiceNode>): Done {
  const { node, scope, input } = run
  const { nodes } = node
  const starts = node.execution === 'serial' && node.start !== undefined ? [node.start] : Object.keys(nodes)
  const parts = starts.map((start, index) =>
    scope.setting.walk({ nodes, start, arrived: input, scope: innerScope(scope, node, index, { times: run.times }) }),
  )
  const { cost, rows } = partsAtOnce(parts)
  const outputs = parts.map(({ output }) => output)
  return { cost, own: FREE, inside: rows, output: node.execution === 'serial' ? (outputs[0] as Guess) : mergedOf(outputs) }
}

function mergedOf(outputs: readonly Guess[]): Guess {
  if (outputs.every((output) => isKnown(output) && isGuessedObject(output)))
    return objectOf(outputs.flatMap((output) => Object.entries(output as { [key: string]: Guess })))
  return new Unknown(outputs.reduce<number>((bytes, output) => bytes + bytesOf(output), 0))
}
