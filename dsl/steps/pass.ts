import { bodyOf } from '../core/body.ts'
import type { Step } from '../core/step-type.ts'

/** Shapes data: its output is its body. */
export const pass: Step = {
  start: (run, core) => core.complete(run, bodyOf(run).value),
}
