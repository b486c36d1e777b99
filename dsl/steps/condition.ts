import type { CompiledExpression } from '../expressions.ts'
import type { PreparedNode } from '../core/prepare.ts'
import type { Step } from '../core/step-type.ts'
import type { PlanConditionNode } from '../plan.ts'

interface ConditionDetail {
  readonly branches: readonly { readonly when: CompiledExpression; readonly next: PreparedNode }[]
  readonly otherwise: PreparedNode
}

/** Takes the first branch whose expression is true, else the default. */
export const condition: Step = {
  prepare: (plan: PlanConditionNode, context): ConditionDetail => ({
    branches: plan.branches.map(({ when, next }) => ({ when: context.expression(when), next: context.node(next) })),
    otherwise: context.node(plan.otherwise),
  }),
  start(run, core) {
    const { branches, otherwise } = run.node.detail as ConditionDetail
    for (const { when, next } of branches) {
      if (core.isTrue(run, when, run.input)) return core.completeTo(run, run.input, next)
    }
    core.completeTo(run, run.input, otherwise)
  },
}
