import { common, nodeRef, onError, resultName, type Z } from './fields.ts'
import { defineNode } from './node.ts'
import { branchesMissing, listOf } from './raw.ts'

export const parallel = defineNode({
  kind: 'parallel',
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
    return ['branches']
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
