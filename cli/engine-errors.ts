import type { ErrorDocument } from '../dsl/errors.ts'
import { CommandError } from './command-error.ts'
import { EXIT } from './exit-codes.ts'

/**
 * The error document of what an execution failed with. What the engine refuses is thrown as CommandError, with an exit code of its own: 3 where a store or
 * server is missing, else 2. Anything else is thrown as it is.
 */
export async function documentOf(thrown: unknown): Promise<ErrorDocument> {
  const { EngineError, ExecutionFailed } = await import('../engine/errors.ts')
  if (thrown instanceof ExecutionFailed) return thrown.error
  if (thrown instanceof EngineError) {
    const document = { status: thrown.status, errorType: thrown.code, errorMessage: thrown.message }
    throw new CommandError(document, thrown.status === 503 ? EXIT.unreachable : EXIT.usage)
  }
  throw thrown
}
