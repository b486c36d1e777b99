/** Whom the events of a flow may start: what a key with a list of flows has put starts nothing outside of it, whoever subscribes later. */
import type { Plan } from '../dsl/plan.ts'
import { EngineError } from './errors.ts'

/** The plan as a key puts it that sees these flows only. The list goes with what sends events, and so with every execution and version of the plan. */
export function seeing(plan: Plan, flows: readonly string[]): Plan {
  const { nodes, triggers } = plan
  // sorted: the plan's hash must not hang on how somebody has listed them
  const sees = [...new Set(flows)].sort()
  return {
    ...plan,
    // no other graph holds one
    nodes: Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, node.type === 'event' ? { ...node, sees } : node])),
    ...(triggers === undefined
      ? {}
      : { triggers: triggers.map((trigger) => (trigger.deadLetter === undefined ? trigger : { ...trigger, sees })) }),
  }
}

/** Throws EngineError `bad-input` for a flow that is not seen; its name is not for whoever reads this. */
export function mustSee(sees: readonly string[] | undefined): (flow: string) => void {
  return (flow) => {
    if (sees === undefined || sees.includes(flow)) return
    throw new EngineError('bad-input', 'the event would start a flow outside of the flow list of the key that has put this flow')
  }
}
