import type { temporal } from '@temporalio/proto'
import type { ErrorDocument } from '../../dsl/errors.ts'
import type { Json } from '../../dsl/json.ts'
import { documentOf, type SeenFailure } from '../../workflows/protocol/outcomes.ts'
import type { ExecutionStatus } from '../api.ts'
import type { Outcome } from '../embedded/contract.ts'
import type { Cluster } from './cluster.ts'
import { seenFailure, type HistoryEvent } from './history.ts'
import { abortable } from './long-poll.ts'
import type { PayloadReader } from './payloads.ts'

const CLOSE_EVENT = 2

/** Waits for the end of a workflow, whatever it is continued as. Rejects where Temporal has none of that id, and when the signal is aborted. */
export async function waitForOutcome(cluster: Cluster, id: string, signal: AbortSignal): Promise<Outcome> {
  const { client, payloads, options } = cluster
  let runId: string | null | undefined
  let nextPageToken: Uint8Array | null | undefined
  for (;;) {
    const request: temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryRequest = {
      namespace: options.namespace,
      execution: { workflowId: id, ...(runId == null ? {} : { runId }) },
      waitNewEvent: true,
      historyEventFilterType: CLOSE_EVENT,
      skipArchival: true,
      ...(nextPageToken == null ? {} : { nextPageToken }),
    }
    const response = await abortable(cluster, signal, () => client.workflowService.getWorkflowExecutionHistory(request))
    const event = response.history?.events?.[0]
    const continued = event?.workflowExecutionContinuedAsNewEventAttributes
    if (event != null && continued == null) return outcomeOf(id, event, payloads)
    // no news for so long that the server answers, or of a run that has handed over to the next
    runId = continued?.newExecutionRunId ?? runId
    nextPageToken = continued == null ? response.nextPageToken : null
  }
}

async function outcomeOf(id: string, event: HistoryEvent, payloads: PayloadReader): Promise<Outcome> {
  const completed = event.workflowExecutionCompletedEventAttributes
  if (completed) return { id, status: 'succeeded', output: ((await payloads.first(completed.result)) ?? null) as Json, error: null }
  return { id, output: null, ...(await failureOf(event, payloads)) }
}

async function failureOf(event: HistoryEvent, payloads: PayloadReader): Promise<Pick<Outcome, 'status' | 'error'>> {
  const failed = event.workflowExecutionFailedEventAttributes
  if (failed) {
    const failure = await seenFailure(failed.failure, payloads)
    const [, status] = await payloads.all(failed.failure?.applicationFailureInfo?.details)
    return statusOf(failure, status)
  }
  if (event.workflowExecutionTimedOutEventAttributes) return statusOf({ kind: 'timeout', message: '' }, undefined)
  return statusOf({ kind: event.workflowExecutionTerminatedEventAttributes ? 'terminated' : 'cancelled', message: '' }, undefined)
}

/** State and error of an execution, from how its workflow failed. @param status What the workflow itself says. */
function statusOf(failure: SeenFailure, status: unknown): { readonly status: ExecutionStatus; readonly error: ErrorDocument } {
  const error = documentOf(failure)
  if (failure.kind === 'cancelled' || failure.kind === 'terminated') return { status: 'cancelled', error }
  if (failure.kind === 'timeout' || status === 'timedOut') return { status: 'timedOut', error }
  return { status: 'failed', error }
}
