import { parseDuration } from '../duration.ts'
import { normaliseFunctionRef } from '../function-ref.ts'
import type { JsonObject } from '../json.ts'
import { checkExpress, EXPRESS_LIMIT_MS } from './express.ts'
import { common, duration, functionRef, invoke, next, onError, params, type Z } from './fields.ts'
import { checkFunction } from './function.ts'
import { defineNode } from './node.ts'

const DEFAULT_TIMEOUT_MS = 60 * 60_000

export const callback = defineNode({
  kind: 'callback',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('callback'),
      function: functionRef(z),
      ...common(z),
      params: params(z).optional(),
      invoke: invoke(z).optional(),
      timeout: duration(z, 'How long to wait for the callback; 1h by default, 5m in an express flow.').optional(),
      ...next(z),
      ...onError(z),
    }),
  hasNext: true,
  mayFail: true,
  check(node, check) {
    checkFunction(node, check)
    checkExpress(node['timeout'], ['timeout'], check)
  },
  compile: (node, { base, mode }) => ({
    ...base,
    type: 'callback',
    function: normaliseFunctionRef(node.function),
    ...(node.params === undefined ? {} : { params: node.params as JsonObject }),
    invoke: node.invoke ?? 'sync',
    timeoutMs: node.timeout === undefined ? (mode === 'express' ? EXPRESS_LIMIT_MS : DEFAULT_TIMEOUT_MS) : parseDuration(node.timeout)!,
  }),
})
