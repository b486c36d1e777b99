import { WorkflowNotFoundError } from '@temporalio/client'
import { codeOf } from './connect.ts'

/** Temporal has no such workflow, or none that runs. */
export function isNotFound(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || codeOf(error) === 5
}

/** Unavailable, deadline exceeded, exhausted, aborted, cancelled, unknown: worth another try. */
export function isPassing(error: unknown): boolean {
  return [1, 2, 4, 8, 10, 13, 14].includes(codeOf(error) ?? -1)
}
