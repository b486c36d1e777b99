import type { Json } from '../json.ts'
import type { PreparedNode } from '../core/prepare.ts'
import type { Step } from '../core/step-type.ts'
import type { PlanParallelNode } from '../plan.ts'

interface ParallelDetail {
  readonly branches: readonly PreparedNode[]
  readonly join: PreparedNode | null
}

interface ParallelMemory {
  readonly outputs: Map<number, Json>
  failures: number
}

/** Runs its branches at once, up to the join. */
export const parallel: Step = {
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
