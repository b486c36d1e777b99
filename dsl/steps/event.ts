import { contextOf } from '../core/context.ts'
import type { NodeRun } from '../core/state.ts'
import type { Step } from '../core/step-type.ts'
import type { Json } from '../json.ts'
import type { CompiledTemplate } from '../params.ts'
import type { PlanEventNode } from '../plan.ts'

/** Closures of an `event` node: the template of its data, or null for its input. */
interface EventDetail {
  readonly data: CompiledTemplate | null
}

/** Publishes one CloudEvent; the host makes and sends it. */
export const event: Step = {
  prepare: (plan: PlanEventNode, context): EventDetail => ({ data: plan.data === undefined ? null : context.template(plan.data) }),
  start: (run, core) => core.effect(run, 'publish'),
}

/** The data of a run's event, and the paths in it that found nothing. */
export function eventData(run: NodeRun): { readonly value: Json; readonly unresolved: readonly string[] | undefined } {
  const { data } = run.node.detail as EventDetail
  return data === null ? { value: run.input, unresolved: undefined } : data.resolve(run.input, contextOf(run))
}
