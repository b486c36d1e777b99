import type { Diagnostic } from '../dsl/diagnostics.ts'
import type { PreparedPlan } from '../dsl/core/prepare.ts'
import type { Plan } from '../dsl/plan.ts'
import { EngineError } from './errors.ts'

/** A deployed flow, as an execution is started with it. */
export interface DeployedFlow {
  readonly name: string
  readonly version: string
  readonly hash: string
  readonly plan: Plan
  readonly prepared: PreparedPlan
  readonly warnings: readonly Diagnostic[]
  /** Where it is about to be stored. */
  readonly source?: FlowSource
}

/** A definition as it was written. */
export interface FlowSource {
  readonly text: string
  readonly format: 'json' | 'yaml'
  readonly etag: string
  /** The definition as JSON: `text` itself where it was written so. */
  readonly json: string
}

/** The limit of a list. Throws EngineError `bad-option`. */
export function checkLimit(limit: number | undefined): number {
  if (limit === undefined) return 50
  if (!Number.isInteger(limit) || limit < 1 || limit > 200)
    throw new EngineError('bad-option', `limit must be a whole number from 1 to 200, not ${String(limit)}`)
  return limit
}

/** How deep subflows may call: the first flow is at depth 0 (flow-language.md, 2). */
export const MAX_DEPTH = 10
