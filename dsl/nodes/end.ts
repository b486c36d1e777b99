import type { Step } from '../core/step-type.ts'
import { type Z, inputFilter, label } from './fields.ts'
import { defineNode } from './node.ts'

/** Ends the path with its input. */
const step: Step = {
  start: (run, core) => core.completeTo(run, run.input, null),
}

export const end = defineNode({
  kind: 'end',
  step,
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
