/** The rules of flow-language.md, section 3, plus what only this implementation reports. */
export const RULES = [
  'syntax',
  'schema',
  'duplicate-key',
  'unknown-node',
  'unreachable-node',
  'cycle',
  'start-target',
  'next-target',
  'error-source',
  'error-target',
  'branch-target',
  'condition-default',
  'branch-overlap',
  'complete-count',
  'dead-end',
  'loop-body',
  'service-body',
  'callback-in-service',
  'too-many-nodes',
  'retry-range',
  'loop-concurrency',
  'expression-syntax',
  'jsonpath-syntax',
  'unknown-function',
  'unknown-flow',
  'unknown-channel',
  'express-duration',
  'cron-syntax',
  'unknown-connection',
  'path-taken',
  'group-taken',
] as const

export type Rule = (typeof RULES)[number]

/** Where in the definition: keys and indexes from the root, e.g. `['nodes', 'a', 'branches', 0, 'when']`. */
export type DocumentPath = readonly (string | number)[]

/** One finding about a definition. `line` and `column` count from 1 and are absent when the definition was an object. */
export interface Diagnostic {
  readonly rule: Rule
  readonly severity: 'error' | 'warning'
  /** What is wrong and how to mend it. */
  readonly message: string
  readonly path: DocumentPath
  readonly line?: number
  readonly column?: number
}
