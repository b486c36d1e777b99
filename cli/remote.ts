/** What the commands that talk to a server have in common. */
import { Client, ApiError, ExecutionFailed, ServerUnreachable } from '../client/index.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import { CommandError, usageError } from './command-error.ts'
import { EXIT } from './exit-codes.ts'
import { watchInterrupts } from './interrupt.ts'

export interface RemoteFlags {
  readonly server?: string
  readonly key?: string
  readonly json?: boolean
}

const DEFAULT_SERVER = 'http://127.0.0.1:8900'

/**
 * Does what is to be done at the server of `--server` (FNFLOW_SERVER), under the key of `--key` (FNFLOW_KEY). Throws CommandError: refused (2), not
 * reached or not able (3), an execution that failed (1), interrupted (130; what runs on the server goes on).
 */
export async function remotely(flags: RemoteFlags, work: (client: Client, signal: AbortSignal) => Promise<number>): Promise<number> {
  const client = clientOf(flags)
  const interrupts = watchInterrupts(() => undefined)
  try {
    return await work(client, interrupts.signal)
  } catch (error) {
    if (interrupts.interrupted && !(error instanceof CommandError)) {
      const errorMessage = 'interrupted; what runs on the server goes on'
      throw new CommandError({ status: 499, errorType: 'Cancelled', errorMessage }, EXIT.interrupted)
    }
    throw commandErrorOf(error)
  } finally {
    interrupts.release()
  }
}

function clientOf(flags: RemoteFlags): Client {
  const server = flags.server ?? process.env['FNFLOW_SERVER'] ?? DEFAULT_SERVER
  const key = flags.key ?? process.env['FNFLOW_KEY']
  try {
    return new Client({ server, ...(key === undefined ? {} : { key }) })
  } catch {
    throw usageError(`--server ${server}: it is an address such as http://127.0.0.1:8900 (or FNFLOW_SERVER)`)
  }
}

/** What a failed request means for a command; errors of other kinds as they are. */
function commandErrorOf(error: unknown): unknown {
  if (error instanceof ServerUnreachable) {
    const errorMessage = `${error.message}; fnflow serve starts a server, --server or FNFLOW_SERVER names another`
    return new CommandError({ status: 503, errorType: 'ServerUnreachable', errorMessage }, EXIT.unreachable)
  }
  if (error instanceof ExecutionFailed) return executionFailed(error.execution)
  if (!(error instanceof ApiError)) return error
  const { code, status, problem } = error
  if ((code === 'execution-failed' || code === 'execution-timed-out') && problem.error !== undefined)
    return new CommandError(problem.error as ErrorDocument, EXIT.failed)
  const { diagnostics } = problem
  const document = { status, errorType: code, errorMessage: problem.detail + remedyOf(error) }
  const findings = diagnostics === undefined ? {} : { diagnostics: diagnostics.map((one) => ({ ...one, file: '' })) }
  return new CommandError({ ...document, ...(findings as object) }, status >= 500 ? EXIT.unreachable : EXIT.usage)
}

function remedyOf({ code, status, requestId }: ApiError): string {
  if (code === 'unauthorized') return '; --key or FNFLOW_KEY gives one, and fnflow keys add makes one'
  if (status >= 500 && requestId !== undefined) return ` (request ${requestId})`
  return ''
}

/** Thrown by commands that wait for an execution which has not succeeded. */
export function executionFailed(execution: ExecutionFailed['execution']): CommandError {
  const { id, status, error } = execution
  const none = { status: 499, errorType: 'Cancelled', errorMessage: `execution ${id} is ${status}` }
  return new CommandError((error ?? none) as ErrorDocument, EXIT.failed)
}
