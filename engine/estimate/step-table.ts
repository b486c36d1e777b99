import type { NodeKind, PlanNode, PlanNodeOf } from '../../dsl/plan.ts'
import { parallelStep, serviceStep } from './containers.ts'
import { FREE } from './cost.ts'
import type { Done } from './done.ts'
import { loopStep } from './loop.ts'
import type { NodeRun } from './scope.ts'
import { callbackStep, conditionStep, eventStep, functionStep, passStep, subflowStep, waitStep } from './steps.ts'

const STEPS: { readonly [K in NodeKind]: (run: NodeRun<PlanNodeOf<K>>) => Done } = {
  function: functionStep,
  event: eventStep,
  callback: callbackStep,
  subflow: subflowStep,
  parallel: parallelStep,
  condition: conditionStep,
  loop: loopStep,
  service: serviceStep,
  wait: waitStep,
  // never entered: it works on the result of the nodes that name it
  error: ({ input }) => ({ cost: FREE, output: input }),
  pass: passStep,
  end: ({ input }) => ({ cost: FREE, output: input, ways: [null] }),
}

/** One run of a node. */
export function stepOf(run: NodeRun): Done {
  return (STEPS[run.node.type] as (run: NodeRun<PlanNode>) => Done)(run)
}
