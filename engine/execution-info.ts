import type { Diagnostic } from '../dsl/diagnostics.ts'
import type { PreparedPlan } from '../dsl/core/prepare.ts'
import type { Plan } from '../dsl/plan.ts'

/** A deployed flow, as an execution is started with it. */
export interface DeployedFlow {
  readonly name: string
  readonly version: string
  readonly hash: string
  readonly plan: Plan
  readonly prepared: PreparedPlan
  readonly warnings: readonly Diagnostic[]
}

/** How deep subflows may call: the first flow is at depth 0 (flow-language.md, 2). */
export const MAX_DEPTH = 10
