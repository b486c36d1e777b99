/** What failures of Temporal's mean to a node, and errors of the engine that both the workflow and the history fold make. */
import { ENGINE_ERRORS, ERROR_TYPE_OF_STATUS, STATUS, type ErrorDocument } from '../../dsl/errors.ts'
import { startError } from '../../dsl/nodes/subflow.ts'

/** A failure of Temporal's, whether it comes as the SDK's error or as the history has it. */
export interface SeenFailure {
  readonly kind: 'application' | 'cancelled' | 'timeout' | 'terminated' | 'other'
  readonly message: string
  /** Of an application failure: its first detail, which is the error document if the failure is ours. */
  readonly detail?: unknown
}

/** The error document of a failure. */
export function documentOf({ kind, message, detail }: SeenFailure): ErrorDocument {
  if (kind === 'application' && isDocument(detail)) return detail
  if (kind === 'cancelled') return STOPPED
  if (kind === 'terminated') return { ...STOPPED, errorMessage: 'the execution was terminated' }
  if (kind === 'timeout')
    return {
      status: STATUS.timeout,
      errorType: ERROR_TYPE_OF_STATUS[STATUS.timeout] as string,
      errorMessage: `no answer in time: ${message}`,
    }
  return { status: STATUS.internal, errorType: 'InternalError', errorMessage: message }
}

const STOPPED: ErrorDocument = { status: 499, errorType: 'Cancelled', errorMessage: 'the execution was stopped' }

function isDocument(value: unknown): value is ErrorDocument {
  const { status, errorType } = (value ?? {}) as { status?: unknown; errorType?: unknown }
  return typeof status === 'number' && typeof errorType === 'string'
}

/** A subflow's flow is not deployed. */
export function flowNotFound(flow: string): ErrorDocument {
  return startError({ status: ENGINE_ERRORS.FlowNotFound, errorType: 'FlowNotFound', errorMessage: `no flow ${flow} is deployed` })
}

/** Whatever else keeps a child from being started. */
export function childNotStarted(message: string): ErrorDocument {
  return startError({ status: 500, errorType: 'InternalError', errorMessage: message })
}

/** A child's id is taken: why it was not started. */
export function existsAlready(id: string): string {
  return `execution ${id} exists already`
}

/** Of a callback node: what stands for its token and URL in the history. The activity puts the real ones in their place. */
export function callbackMarks(place: string): { readonly token: string; readonly url: string } {
  return { token: `fnflow:callback-token:${place}`, url: `fnflow:callback-url:${place}` }
}
