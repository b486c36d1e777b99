import type { PlanEventNode } from '../plan.ts'
import type { CompiledTemplate } from '../params.ts'
import type { Step } from '../core/step-type.ts'

/** Closures of an `event` node: the template of its data, or null for its input. */
export interface EventDetail {
  readonly data: CompiledTemplate | null
}

/** Publishes one CloudEvent; the host makes and sends it. */
export const event: Step = {
  prepare: (plan: PlanEventNode, context): EventDetail => ({ data: plan.data === undefined ? null : context.template(plan.data) }),
  start: (run, core) => core.effect(run, 'publish'),
}
