import type { Diagnostic, DocumentPath, Rule } from '../dsl/diagnostics.ts'

/** Takes what is wrong with a definition; the path begins with the function's name. */
export type Report = (rule: Rule, message: string, path: DocumentPath, at?: 'value' | 'key') => void

/** An error, without a position. */
export function finding(rule: Rule, message: string, path: DocumentPath): Diagnostic {
  return { rule, severity: 'error', message, path }
}
