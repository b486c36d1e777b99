import type { Step } from '../core/step-type.ts'
import { parseDuration } from '../duration.ts'
import { normaliseFunctionRef } from '../function-ref.ts'
import type { JsonObject } from '../json.ts'
import { type Z, duration, invocation, next, onError } from './fields.ts'
import { type NodeCheck, type RawNode, defineNode } from './node.ts'

const SYNC_LIMIT_MS = 15 * 60_000

/** Invokes a function; the host resolves body and deadline when it dispatches. */
const step: Step = {
  start: (run, core) => core.effect(run, 'invoke'),
}

export const functionNode = defineNode({
  kind: 'function',
  step,
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('function'),
      ...invocation(z),
      timeout: duration(z, 'For one invocation; at most 15 minutes with invoke: sync.').optional(),
      ...next(z),
      ...onError(z),
    }),
  hasNext: true,
  mayFail: true,
  check(node, check) {
    checkFunction(node, check)
    const { timeout } = node
    if (node['invoke'] === 'async' || (typeof timeout !== 'string' && typeof timeout !== 'number')) return
    if ((parseDuration(timeout) ?? 0) > SYNC_LIMIT_MS) {
      check.report('schema', ['timeout'], 'a sync function may run 15 minutes at most; shorten the timeout, or set invoke: async')
    }
  },
  compile: (node, { base }) => ({
    ...base,
    type: 'function',
    function: normaliseFunctionRef(node.function),
    ...(node.params === undefined ? {} : { params: node.params as JsonObject }),
    invoke: node.invoke ?? 'sync',
    ...(node.timeout === undefined ? {} : { timeoutMs: parseDuration(node.timeout)! }),
  }),
})

/** The function must be in the registry at hand. */
export function checkFunction(node: RawNode, check: NodeCheck): void {
  if (typeof node['function'] === 'string') check.usesFunction(node['function'], ['function'])
}
