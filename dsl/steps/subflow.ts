import { ENGINE_ERRORS, type ErrorDocument } from '../errors.ts'
import type { Step } from '../core/step-type.ts'
import type { PlanSubflowNode } from '../plan.ts'

/** Errors of starting the child, which are the node's own; all others are the child's and become the cause. */
const OWN_ERRORS: ReadonlySet<string> = new Set(['FlowNotFound', 'SubflowDepthExceeded', 'PayloadTooLarge', 'PayloadTooDeep'])

/** Starts another flow. The host marks errors of the start itself with {@link startError}. */
export const subflow: Step = {
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
