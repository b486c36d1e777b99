import { bodyOf } from '../core/body.ts'
import type { Step } from '../core/step-type.ts'
import type { JsonObject } from '../json.ts'
import { type Z, common, next, params } from './fields.ts'
import { defineNode } from './node.ts'

/** Shapes data: its output is its body. */
const step: Step = {
  builds: true,
  start: (run, core) => core.complete(run, bodyOf(run).value),
}

export const pass = defineNode({
  kind: 'pass',
  step,
  schema: (z: Z) => z.strictObject({ type: z.literal('pass'), ...common(z), params: params(z).optional(), ...next(z) }),
  hasNext: true,
  mayFail: false,
  compile: (node, { base }) => ({ ...base, type: 'pass', ...(node.params === undefined ? {} : { params: node.params as JsonObject }) }),
})
