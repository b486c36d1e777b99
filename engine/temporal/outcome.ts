import type { WorkflowFailedError } from '@temporalio/client'
import { ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } from '@temporalio/client'
import type { ErrorDocument } from '../../dsl/errors.ts'
import { documentOf, type SeenFailure } from '../../workflows/protocol/outcomes.ts'
import type { ExecutionStatus } from '../api.ts'
import type { Outcome } from '../embedded/contract.ts'

/** What a workflow that did not succeed has come to, from the SDK's error. */
export function outcomeOf(id: string, error: WorkflowFailedError): Outcome {
  const { cause } = error
  return { id, output: null, ...failureOf(seen(cause), cause instanceof ApplicationFailure ? cause.details?.[1] : undefined) }
}

/** State and error of an execution, from how its workflow failed. @param status What the workflow itself says. */
export function failureOf(failure: SeenFailure, status: unknown): { readonly status: ExecutionStatus; readonly error: ErrorDocument } {
  const error = documentOf(failure)
  if (failure.kind === 'cancelled' || failure.kind === 'terminated') return { status: 'cancelled', error }
  if (failure.kind === 'timeout' || status === 'timedOut') return { status: 'timedOut', error }
  return { status: 'failed', error }
}

function seen(cause: unknown): SeenFailure {
  const message = cause instanceof Error ? cause.message : String(cause)
  if (cause instanceof ApplicationFailure) return { kind: 'application', message, detail: cause.details?.[0] }
  if (cause instanceof CancelledFailure) return { kind: 'cancelled', message }
  if (cause instanceof TerminatedFailure) return { kind: 'terminated', message }
  if (cause instanceof TimeoutFailure) return { kind: 'timeout', message }
  return { kind: 'other', message }
}
