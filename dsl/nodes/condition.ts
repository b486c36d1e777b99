import type { PreparedNode } from '../core/prepare.ts'
import type { Step } from '../core/step-type.ts'
import type { CompiledExpression } from '../expressions.ts'
import type { PlanConditionNode } from '../plan.ts'
import { type Z, common, expression, nodeRef } from './fields.ts'
import { defineNode } from './node.ts'
import { branchesMissing, listOf, member, nextOfEach } from './raw.ts'

interface ConditionDetail {
  readonly branches: readonly { readonly when: CompiledExpression; readonly next: PreparedNode }[]
  readonly otherwise: PreparedNode
}

/** Takes the first branch whose expression is true, else the default. */
const step: Step = {
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

export const condition = defineNode({
  kind: 'condition',
  step,
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('condition'),
      branches: z
        .array(
          z.union([
            z.strictObject({ when: expression(z, 'Taken if this is true.'), next: nodeRef(z, 'Where the branch leads.') }),
            z.strictObject({
              default: z.literal(true).meta({ description: 'Taken if no other branch is.' }),
              next: nodeRef(z, 'Where the branch leads.'),
            }),
          ]),
        )
        .min(2)
        .max(20)
        .meta({
          description: 'Tried in order; exactly one is the default.',
          expected: 'a list of 2 to 20 branches { when, next }, one of them { default: true, next }',
        }),
      ...common(z),
    }),
  hasNext: false,
  mayFail: false,
  references: (node) => nextOfEach(node, 'branches', 'branch'),
  claims(node, check) {
    const what = branchesMissing(node)
    if (what === undefined) return []
    check.report(
      'dead-end',
      what === 'key' ? [] : ['branches'],
      'no branches; list 2 to 20 of { when, next }, one of them { default: true, next }',
      what,
    )
    return ['branches']
  },
  check(node, check) {
    const branches = listOf(node, 'branches')
    // A branch that is neither kind is the schema's business: what was meant cannot be known.
    if (branches.length === 0 || !branches.every((branch) => isWhen(branch) || isDefault(branch))) return
    const defaults = branches.flatMap((branch, index) => (isDefault(branch) ? [index] : []))
    if (defaults.length === 0) {
      check.report('condition-default', ['branches'], 'no default branch; add { default: true, next: ... }')
    } else if (defaults.length > 1) {
      check.report('condition-default', ['branches', defaults[1]!], `${defaults.length} default branches; keep one`)
    }
  },
  compile: (node, { base }) => ({
    ...base,
    type: 'condition',
    branches: node.branches.flatMap((branch) => ('when' in branch ? [{ when: branch.when, next: branch.next }] : [])),
    otherwise: node.branches.find((branch) => 'default' in branch)!.next,
  }),
})

const isWhen = (branch: unknown): boolean => member(branch, 'when') !== undefined && member(branch, 'default') === undefined
const isDefault = (branch: unknown): boolean => member(branch, 'default') === true && member(branch, 'when') === undefined
