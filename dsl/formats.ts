import type { DocumentPath, Rule } from './diagnostics.ts'
import { compileExpression } from './expressions.ts'
import type { Json } from './json.ts'
import { compilePath } from './jsonpath/index.ts'
import { templateErrors } from './params.ts'
import { parseTime } from './time.ts'

/** What a format finds wrong with a value; `path` is from the value on. */
export interface FormatError {
  readonly rule: Rule
  readonly message: string
  readonly path?: DocumentPath
}

/** The checks behind `format` in the schemas. A value of another type is the schema's business. */
export const FORMATS: Readonly<Record<string, (value: unknown) => readonly FormatError[]>> = {
  jsonpath: (value) => (typeof value === 'string' ? jsonPathErrors(value) : []),
  expression(value) {
    if (typeof value !== 'string') return []
    try {
      compileExpression(value)
      return []
    } catch (error) {
      return [{ rule: 'expression-syntax', message: `not an expression: ${messageOf(error)}` }]
    }
  },
  params: (value) => templateProblems(value, 'params'),
  template: (value) => templateProblems(value, 'template'),
  'time-or-jsonpath'(value) {
    if (typeof value !== 'string' || parseTime(value) !== undefined) return []
    if (value.startsWith('$')) return jsonPathErrors(value)
    return [{ rule: 'schema', message: 'neither an ISO 8601 time such as "2030-01-31T12:00:00Z" nor a JSONPath' }]
  },
}

function jsonPathErrors(text: string): readonly FormatError[] {
  try {
    compilePath(text, { context: true })
    return []
  } catch (error) {
    return [{ rule: 'jsonpath-syntax', message: `not a JSONPath: ${messageOf(error)}` }]
  }
}

function templateProblems(value: unknown, kind: 'params' | 'template'): readonly FormatError[] {
  return templateErrors(value as Json, kind).map(({ path, error }) => ({
    rule: 'jsonpath-syntax',
    message: `not a JSONPath: ${messageOf(error)}`,
    path: path as DocumentPath,
  }))
}

/** The syntax errors say themselves where in the text they are. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.length > 400 ? `${message.slice(0, 400)}...` : message
}
