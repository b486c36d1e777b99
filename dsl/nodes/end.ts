import { inputFilter, label, type Z } from './fields.ts'
import { defineNode } from './node.ts'

export const end = defineNode({
  kind: 'end',
  schema: (z: Z) => z.strictObject({ type: z.literal('end'), ...label(z), ...inputFilter(z) }),
  hasNext: false,
  mayFail: false,
  claims(node, check) {
    if (!Object.hasOwn(node, 'next')) return []
    check.report('dead-end', ['next'], 'an end node ends the path; remove its "next", or make it a pass node')
    return ['next']
  },
  compile: (_node, { base }) => ({ ...base, type: 'end' }),
})
