import { WorkflowNotFoundError } from '@temporalio/client'
import { EngineError } from '../errors.ts'
import { RegistryError } from './registry/database-errors.ts'

/** Temporal has no such workflow, or none that runs. */
export function isNotFound(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || codeOf(error) === 5
}

/** Of Temporal: unavailable, deadline exceeded, exhausted, aborted, cancelled, unknown. Of the database: away, or full. Worth another try. */
export function isPassing(error: unknown): boolean {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    if (at instanceof RegistryError) return at.passing
    // of a folder with payloads
    if (at instanceof EngineError && at.code === 'store-failed') return true
  }
  return [1, 2, 4, 8, 10, 13, 14].includes(codeOf(error) ?? -1)
}

/** The gRPC code of an error of the SDK's, or of what is behind it. */
export function codeOf(error: unknown): number | undefined {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'number') return code
  }
  return undefined
}

/** The message of an error, and of what is behind it where that says more. */
export function messageOf(error: unknown): string {
  const { message = String(error), cause, details } = (error ?? {}) as { message?: string; cause?: unknown; details?: unknown }
  if (typeof details === 'string' && details !== '') return details
  const behind = cause === undefined || cause === null ? '' : messageOf(cause)
  return behind === '' || message.includes(behind) ? message : `${message}: ${behind}`
}
