import type { Diagnostic } from '../dsl/diagnostics.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import type { ExecutionStatus } from './api.ts'

/** What the engine's API throws: code, and the HTTP status that the REST API will answer with. */
export const ENGINE_ERROR_CODES = {
  'flow-invalid': 422,
  'flow-not-found': 404,
  'function-not-found': 404,
  'function-invalid': 422,
  'version-not-found': 404,
  'alias-not-found': 404,
  'flow-running': 409,
  'precondition-failed': 412,
  'name-mismatch': 422,
  'trigger-not-found': 404,
  'execution-not-found': 404,
  'execution-not-running': 409,
  'execution-running': 409,
  'execution-not-failed': 409,
  'retry-running': 409,
  'node-not-reached': 422,
  'node-not-found': 404,
  'batch-not-found': 404,
  'node-not-waiting': 409,
  'not-express': 409,
  'not-durable': 409,
  'callback-not-found': 404,
  'callback-already-used': 409,
  'callback-expired': 410,
  'payload-too-large': 413,
  'payload-too-deep': 400,
  'bad-input': 400,
  'bad-option': 400,
  conflict: 409,
  /** Another flow takes the same requests. */
  'path-taken': 409,
  'too-many-executions': 429,
  'store-locked': 503,
  'store-unusable': 503,
  'store-failed': 503,
  /** An event channel takes nothing at present. */
  'channel-unavailable': 503,
  /** A broker cannot be reached, or refuses this client. */
  'connection-unavailable': 503,
  'engine-closed': 503,
  /** Temporal cannot be reached, or refuses this client. */
  'temporal-unavailable': 503,
  aborted: 499,
} as const

export type EngineErrorCode = keyof typeof ENGINE_ERROR_CODES

/** Thrown when a call of the engine's API is refused. */
export class EngineError extends Error {
  readonly code: EngineErrorCode
  readonly status: number
  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EngineError'
    this.code = code
    this.status = ENGINE_ERROR_CODES[code]
  }
}

/** Thrown when a definition breaks rules; `diagnostics` has every finding. */
export class FlowInvalid extends EngineError {
  readonly diagnostics: readonly Diagnostic[]
  constructor(flow: string, diagnostics: readonly Diagnostic[]) {
    const errors = diagnostics.filter((d) => d.severity === 'error')
    const first = errors[0]
    super(
      'flow-invalid',
      `flow ${flow} is invalid: ${first ? `${first.rule}: ${first.message}` : 'unknown reason'}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}`,
    )
    this.name = 'FlowInvalid'
    this.diagnostics = diagnostics
  }
}

/** Thrown when the definition of a function breaks rules, or its code is no zip that may be unpacked; `diagnostics` has every finding. */
export class FunctionInvalid extends EngineError {
  readonly diagnostics: readonly Diagnostic[]
  constructor(name: string, diagnostics: readonly Diagnostic[]) {
    const more = diagnostics.length > 1 ? ` (and ${diagnostics.length - 1} more)` : ''
    super('function-invalid', `function ${name} is invalid: ${diagnostics[0]?.message ?? 'unknown reason'}${more}`)
    this.name = 'FunctionInvalid'
    this.diagnostics = diagnostics
  }
}

/** Thrown by `run` and `result` when an execution did not succeed. */
export class ExecutionFailed extends Error {
  readonly error: ErrorDocument
  readonly executionStatus: ExecutionStatus
  constructor(error: ErrorDocument, executionStatus: ExecutionStatus) {
    super(`${error.errorType}: ${error.errorMessage}`)
    this.name = 'ExecutionFailed'
    this.error = error
    this.executionStatus = executionStatus
  }
}

/** What a call that waits rejects with when its signal is aborted. */
export function waitAborted(signal: AbortSignal | undefined): EngineError {
  return new EngineError('aborted', 'the wait was aborted; the execution goes on', { cause: signal?.reason })
}

export function notRunning(id: string, status: string): EngineError {
  return new EngineError('execution-not-running', `execution ${id} is not running: it has ended as ${status}`)
}
