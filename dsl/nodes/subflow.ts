import type { JsonObject } from '../json.ts'
import { common, flowRef, next, onError, params, type Z } from './fields.ts'
import { defineNode } from './node.ts'

export const subflow = defineNode({
  kind: 'subflow',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('subflow'),
      flow: flowRef(z),
      ...common(z),
      wait: z.boolean().meta({ description: 'Wait for the child; its output is then the output.', default: true }).optional(),
      params: params(z, "The child's input; the node's input by default.").optional(),
      ...next(z),
      ...onError(z),
    }),
  hasNext: true,
  mayFail: true,
  check(node, check) {
    if (typeof node['flow'] === 'string') check.usesFlow(node['flow'], ['flow'])
  },
  compile: (node, { base }) => ({
    ...base,
    type: 'subflow',
    flow: node.flow,
    wait: node.wait ?? true,
    ...(node.params === undefined ? {} : { params: node.params as JsonObject }),
  }),
})
