import type { PreparedNode } from '../core/prepare.ts'
import type { Step } from '../core/step-type.ts'
import type { Json } from '../json.ts'
import type { PlanParallelNode } from '../plan.ts'
import { type Z, common, nodeRef, onError, resultName } from './fields.ts'
import { defineNode } from './node.ts'
import { branchesMissing, listOf } from './raw.ts'

interface ParallelDetail {
  readonly branches: readonly PreparedNode[]
  readonly join: PreparedNode | null
}

interface ParallelMemory {
  readonly outputs: Map<number, Json>
  failures: number
}

/** Runs its branches at once, up to the join. */
const step: Step = {
  builds: true,
  prepare: (plan: PlanParallelNode, context): ParallelDetail => ({
    branches: plan.branches.map(context.node),
    join: plan.join === undefined ? null : context.node(plan.join),
  }),
  start(run, core) {
    const { branches, join } = run.node.detail as ParallelDetail
    const attempt = run.attempt
    run.memory = { outputs: new Map(), failures: 0 } satisfies ParallelMemory
    for (let index = 0; index < branches.length; index++) {
      core.spawn(run, index, branches[index] as PreparedNode, run.input, join)
      // a branch without any wait may have decided it already
      if (!run.active || run.attempt !== attempt || run.status === 'retrying') return
    }
  },
  childEnded(run, core, index, ok, value) {
    const plan = run.node.plan as PlanParallelNode
    const memory = run.memory as ParallelMemory
    if (!ok) {
      memory.failures += 1
      if (memory.failures > plan.branches.length - plan.complete) core.fail(run, value as never)
      return
    }
    memory.outputs.set(index, value)
    if (memory.outputs.size < plan.complete) return
    core.cancelChildren(run)
    const outputs = [...memory.outputs].sort(([a], [b]) => a - b).map(([, output]) => output)
    core.completeTo(run, { [plan.resultPath]: outputs }, (run.node.detail as ParallelDetail).join)
  },
}

export const parallel = defineNode({
  kind: 'parallel',
  step,
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('parallel'),
      branches: z
        .array(nodeRef(z, 'The first node of a branch.'))
        .min(1)
        .max(20)
        .meta({ description: 'The first nodes of the branches.', expected: 'a list of 1 to 20 node ids' }),
      ...common(z),
      complete: z
        .union([z.enum(['all', 'any']), z.int().min(1).meta({ rule: 'complete-count' })])
        .meta({ description: 'How many branches must succeed.', default: 'all', expected: '"all", "any" or a whole number' })
        .optional(),
      resultPath: resultName(z, "The output's member that holds the list of the branches' outputs.", 'result').optional(),
      ...onError(z),
    }),
  hasNext: false,
  mayFail: true,
  references: (node) =>
    listOf(node, 'branches').flatMap((to, index) => (typeof to === 'string' ? [{ to, role: 'branch', path: ['branches', index] }] : [])),
  claims(node, check) {
    const what = branchesMissing(node)
    if (what === undefined) return []
    check.report('dead-end', what === 'key' ? [] : ['branches'], 'no branches; list the first node of 1 to 20 branches', what)
    // How many must succeed of none is no question of its own.
    return Number.isInteger(node['complete']) ? ['branches', 'complete'] : ['branches']
  },
  check(node, check) {
    const { complete } = node
    const count = listOf(node, 'branches').length
    if (typeof complete === 'number' && Number.isInteger(complete) && complete > count && count > 0) {
      check.report(
        'complete-count',
        ['complete'],
        `${complete} branches cannot succeed where there are ${count}; give 1 to ${count}, "all" or "any"`,
      )
    }
  },
  compile: (node, { base, join }) => ({
    ...base,
    type: 'parallel',
    branches: [...node.branches],
    complete: typeof node.complete === 'number' ? node.complete : node.complete === 'any' ? 1 : node.branches.length,
    resultPath: node.resultPath ?? 'result',
    ...(join === undefined ? {} : { join }),
  }),
})
