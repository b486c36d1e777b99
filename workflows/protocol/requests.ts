import type { PlanCallbackNode, PlanFunctionNode } from '../../dsl/plan.ts'
import { shortId } from './ids.ts'
import { inlineLimit } from './limits.ts'
import type { InvokeRequest } from './shapes.ts'

/** Where and when an invocation is asked for. */
export interface InvokeSetting {
  readonly place: string
  readonly flow: string
  readonly scope: string
  /** Bytes of the result that may stay in the history. */
  readonly inline: number
  /** When a callback node stops waiting, epoch ms. */
  readonly until: number
  readonly traceparent?: string | undefined
}

/** First argument of the activity `invoke`. */
export function invokeRequest(
  { type, function: ref, invoke, timeoutMs }: PlanFunctionNode | PlanCallbackNode,
  { place, flow, scope, inline, until, traceparent }: InvokeSetting,
): InvokeRequest {
  return {
    function: ref,
    ...(shortId(place) === place ? {} : { place }),
    ...(invoke === 'async' ? { invoke } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(type === 'callback' ? { callback: { until, flow } } : {}),
    ...(scope === '' ? {} : { scope }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(inline === inlineLimit(0) ? {} : { inline }),
  }
}
