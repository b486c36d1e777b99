import type { Step } from '../core/step-type.ts'

/** Invokes a function; the host resolves body and deadline when it dispatches. */
export const functionNode: Step = {
  start: (run, core) => core.effect(run, 'invoke'),
}
