import type { Step } from '../core/step-type.ts'

/** Ends the path with its input. */
export const end: Step = {
  start: (run, core) => core.completeTo(run, run.input, null),
}
