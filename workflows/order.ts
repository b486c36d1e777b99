/**
 * In which order things happened: that of the jobs of an activation, which is the history's. The order in which promises settle is not: it
 * hangs on how many promises the SDK has put in between. The history fold (engine/temporal) knows the same order, and needs no SDK.
 *
 * State of one workflow run: not among the preloaded modules.
 */
import type { WorkflowInterceptors } from '@temporalio/workflow'

/** A command's number, as the SDK counts them per kind. */
export type Sequence = `${'activity' | 'timer' | 'started' | 'child'} ${number}`

/** The number of the command that was issued last, per kind. */
const last = { activity: 0, timer: 0, child: 0 }
/** Position of what was told in this activation. */
const positions = new Map<string, number>()
let next = 0

/** Of the command that was issued right before. */
export function lastActivity(): Sequence {
  return `activity ${last.activity}`
}

export function lastTimer(): Sequence {
  return `timer ${last.timer}`
}

/** Of a child's start and of its end. */
export function lastChild(): { readonly started: Sequence; readonly ended: Sequence } {
  return { started: `started ${last.child}`, ended: `child ${last.child}` }
}

/** Where in this activation it stood. */
export function positionOf(what: Sequence | 'stop'): number {
  return positions.get(what) ?? Number.MAX_SAFE_INTEGER
}

export function interceptors(): WorkflowInterceptors {
  return {
    outbound: [
      {
        scheduleActivity(input, pass) {
          last.activity = input.seq
          return pass(input)
        },
        startTimer(input, pass) {
          last.timer = input.seq
          return pass(input)
        },
        startChildWorkflowExecution(input, pass) {
          last.child = input.seq
          return pass(input)
        },
      },
    ],
    internals: [
      {
        activate(input, pass) {
          if (input.batchIndex === 0) {
            positions.clear()
            next = 0
          }
          for (const job of input.activation.jobs ?? []) {
            const at = next++
            if (job.resolveActivity) positions.set(`activity ${job.resolveActivity.seq}`, at)
            else if (job.fireTimer) positions.set(`timer ${job.fireTimer.seq}`, at)
            else if (job.resolveChildWorkflowExecutionStart) positions.set(`started ${job.resolveChildWorkflowExecutionStart.seq}`, at)
            else if (job.resolveChildWorkflowExecution) positions.set(`child ${job.resolveChildWorkflowExecution.seq}`, at)
            else if (job.cancelWorkflow) positions.set('stop', at)
          }
          pass(input)
        },
      },
    ],
  }
}
