import type { Step } from '../core/step-type.ts'

/** Never entered: the core evaluates it where the node that refers to it has its result (flow-language.md, 5). */
export const errorNode: Step = {
  start: (run) => {
    throw new Error(`error node ${run.node.id} was entered`)
  },
}
