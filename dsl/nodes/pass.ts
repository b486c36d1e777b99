import type { JsonObject } from '../json.ts'
import { common, next, params, type Z } from './fields.ts'
import { defineNode } from './node.ts'

export const pass = defineNode({
  kind: 'pass',
  schema: (z: Z) => z.strictObject({ type: z.literal('pass'), ...common(z), params: params(z).optional(), ...next(z) }),
  hasNext: true,
  mayFail: false,
  compile: (node, { base }) => ({ ...base, type: 'pass', ...(node.params === undefined ? {} : { params: node.params as JsonObject }) }),
})
