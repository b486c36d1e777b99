import type { Json } from '../../dsl/json.ts'
import type { EndedExecution } from '../../workflows/protocol/shapes.ts'
import type { HistoryFold } from './history.ts'
import { recordOf } from './recorder.ts'
import type { EndedRecord } from './registry/types.ts'

/** The record of an execution that has ended, from its folded history: also of one that was terminated from outside. */
export function recordOfEnd(fold: HistoryFold): EndedRecord {
  const { info, input, driver, runId, endedAt = 0 } = fold
  const { flow } = driver
  const { status, error } =
    flow.status === 'running' ? terminated(fold) : { status: flow.status as EndedExecution['status'], error: flow.error }
  const ended: EndedExecution = {
    info,
    runId,
    status,
    startedAt: flow.start.startedAt,
    // the core's own time where it has ended the flow, as the sink has it
    endedAt: flow.status === 'running' ? endedAt : flow.now,
    input,
    output: (flow.output ?? null) as Json,
    error,
    journal: driver.journal,
  }
  return recordOf(ended)
}

/** Ended by Temporal and not by the flow. */
function terminated({ end }: HistoryFold): Pick<EndedExecution, 'status' | 'error'> {
  if (end === 'timedOut') {
    const error = { status: 433, errorType: 'FlowTimeout', errorMessage: 'Temporal ended the workflow: it ran longer than its own timeout' }
    return { status: 'timedOut', error }
  }
  const errorMessage = end === 'terminated' ? 'the workflow was terminated' : 'the workflow ended before the flow had'
  return { status: 'cancelled', error: { status: 499, errorType: 'Cancelled', errorMessage } }
}
