import type { Step } from '../core/step-type.ts'
import { ENGINE_ERRORS, type ErrorDocument } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import type { PlanSubflowNode } from '../plan.ts'
import { type Z, common, flowRef, next, onError, params } from './fields.ts'
import { defineNode } from './node.ts'

/** Errors of starting the child, which are the node's own; all others are the child's and become the cause. */
const OWN_ERRORS: ReadonlySet<string> = new Set([
  'FlowNotFound',
  'SubflowDepthExceeded',
  'PayloadTooLarge',
  'PayloadTooDeep',
  'PathTooCostly',
  'InternalError',
])

/** Starts another flow. The host marks errors of the start itself with {@link startError}. */
const step: Step = {
  start(run, core) {
    core.effect(run, 'child')
    if ((run.node.plan as PlanSubflowNode).wait) core.waiting(run)
  },
  failed(run, core, error) {
    core.fail(run, isStartError(error) ? error.cause : failedChild(run.node.plan as PlanSubflowNode, error))
  },
}

/** Wraps an error of starting a child, so that it is told from an error of the child. */
export function startError(error: ErrorDocument): ErrorDocument {
  return { status: error.status, errorType: START_ERROR, errorMessage: error.errorMessage, cause: error }
}

const START_ERROR = '#start'

function isStartError(error: ErrorDocument): error is ErrorDocument & { cause: ErrorDocument } {
  return error.errorType === START_ERROR && error.cause !== undefined && OWN_ERRORS.has(error.cause.errorType)
}

function failedChild(plan: PlanSubflowNode, cause: ErrorDocument): ErrorDocument {
  return {
    status: ENGINE_ERRORS.SubflowFailed,
    errorType: 'SubflowFailed',
    errorMessage: `subflow ${plan.flow} failed: ${cause.errorType}: ${cause.errorMessage}`,
    cause,
  }
}

export const subflow = defineNode({
  kind: 'subflow',
  step,
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
