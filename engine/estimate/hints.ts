import type { Plan } from '../../dsl/plan.ts'
import type { FunctionSpec } from '../../executors/contract.ts'
import type { FlowHints } from '../../workflows/protocol/shapes.ts'
import { hintsOf } from '../temporal/flows.ts'

const MAIN_QUEUE = 'fnflow'

/** What flows are told of these functions when they start, by workers that have them. */
export function hintsFor(functions: Iterable<FunctionSpec>): (plan: Plan) => FlowHints {
  const routes = new Map(
    [...functions].map(({ app, name, timeoutMs, pool, gpu }) => {
      const queue = gpu === undefined ? (pool ?? '') : `gpu.${gpu.type}`
      return [`${app}/${name}`, timeoutMs === undefined ? { queue } : { queue, timeoutMs }]
    }),
  )
  return (plan) => hintsOf(plan, routes, MAIN_QUEUE)
}
