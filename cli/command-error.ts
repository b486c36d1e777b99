import type { Diagnostic } from '../dsl/diagnostics.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import { EXIT } from './exit-codes.ts'

/** What a failed command reports: an error document, with what else machines may want to know. */
export interface CommandErrorDocument extends ErrorDocument {
  diagnostics?: readonly (Diagnostic & { readonly file: string })[]
}

/** Thrown when a command cannot be carried out; `main` prints it and ends with `exitCode`. */
export class CommandError extends Error {
  readonly document: CommandErrorDocument
  readonly exitCode: number
  /** True: people have been told already; only `--json` gets the document. */
  readonly told: boolean
  constructor(document: CommandErrorDocument, exitCode: number, told = false) {
    super(document.errorMessage)
    this.name = 'CommandError'
    this.document = document
    this.exitCode = exitCode
    this.told = told
  }
}

/** A mistake in how the program was called: exit code 2. */
export function usageError(message: string): CommandError {
  return new CommandError({ status: 400, errorType: 'UsageError', errorMessage: message }, EXIT.usage)
}
