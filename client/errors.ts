import type { Execution, ExecutionSummary, Problem } from './generated/types.ts'

/** Thrown when a server has refused a request, or could not do it: `problem` is its document (RFC 9457). */
export class ApiError extends Error {
  readonly problem: Problem
  /** For the server's log. */
  readonly requestId: string | undefined
  /** What was answered; its body is something else than `problem` where others have answered: a proxy, or a function that was invoked. */
  readonly answer: { readonly headers: Headers; readonly body: unknown }
  constructor(problem: Problem, answer: { readonly headers: Headers; readonly body: unknown }) {
    super(problem.detail)
    this.name = 'ApiError'
    this.problem = problem
    this.answer = answer
    this.requestId = answer.headers.get('x-request-id') ?? undefined
  }

  /** What is wrong, for programs: `flow-not-found`. */
  get code(): Problem['code'] {
    return this.problem.code
  }

  /** The HTTP status. */
  get status(): number {
    return this.problem.status
  }
}

/** Thrown when no server has answered: it does not listen, its name is not known, the connection broke; `cause` says what. */
export class ServerUnreachable extends Error {
  readonly server: string
  constructor(server: string, cause: unknown) {
    super(`no answer of ${server}: ${reasonOf(cause)}`, { cause })
    this.name = 'ServerUnreachable'
    this.server = server
  }
}

/** Thrown by `run` and `result` when an execution has not succeeded. */
export class ExecutionFailed extends Error {
  readonly execution: Execution | ExecutionSummary
  constructor(execution: Execution | ExecutionSummary) {
    const { status, error } = execution
    super(error === undefined ? `execution ${execution.id} is ${status}` : `${error.errorType}: ${error.errorMessage}`)
    this.name = 'ExecutionFailed'
    this.execution = execution
  }
}

/** fetch says nothing but "fetch failed"; what has happened is a cause of it, or one of several. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error) return reasonOf(error.cause)
  const { errors } = error as { readonly errors?: readonly unknown[] }
  if (error.message === '' && errors !== undefined && errors.length > 0) return reasonOf(errors[0])
  return error.message || error.name
}
