/** Views of executions, from histories and from journals: the same fold, whichever it is. */
import type { temporal } from '@temporalio/proto'
import type { RangeSpec } from '../../dsl/core/range.ts'
import { begin, beginRange, createFlow, step } from '../../dsl/core/machine.ts'
import type { Flow, FlowStart, Recorder } from '../../dsl/core/state.ts'
import type { Json } from '../../dsl/json.ts'
import { callbackMarks } from '../../workflows/protocol/outcomes.ts'
import { eventOf, isPrelude } from '../../workflows/protocol/journal.ts'
import { rangePolicy } from '../../workflows/protocol/ranges.ts'
import type { FlowHints, JournalRow } from '../../workflows/protocol/shapes.ts'
import type { PreparedPlan } from '../../dsl/core/prepare.ts'
import type { Cluster } from './cluster.ts'
import { abortable } from './long-poll.ts'
import { HistoryFold, type FoldServices, type HistoryEvent } from './history.ts'

const PAGE = 1000

/** The pages of a run's history; of the newest run where none is named. `wait`: up to its end. */
export async function* historyOf(
  cluster: Cluster,
  workflowId: string,
  { runId, wait, signal }: { readonly runId?: string; readonly wait?: boolean; readonly signal?: AbortSignal } = {},
): AsyncGenerator<HistoryEvent[], void, undefined> {
  const {
    client,
    options: { namespace },
  } = cluster
  let nextPageToken: Uint8Array | undefined
  do {
    const request: temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryRequest = {
      namespace,
      execution: { workflowId, ...(runId === undefined ? {} : { runId }) },
      maximumPageSize: PAGE,
      waitNewEvent: wait === true,
      ...(nextPageToken === undefined ? {} : { nextPageToken }),
    }
    const call = () => client.workflowService.getWorkflowExecutionHistory(request)
    const response = await (signal === undefined ? call() : abortable(cluster, signal, call))
    yield response.history?.events ?? []
    nextPageToken = response.nextPageToken && response.nextPageToken.length > 0 ? response.nextPageToken : undefined
  } while (nextPageToken !== undefined)
}

/** Folds a run's history as it is now. */
export async function foldHistory(
  cluster: Cluster,
  services: FoldServices,
  workflowId: string,
  recorder?: Recorder,
  runId?: string,
): Promise<HistoryFold> {
  const fold = new HistoryFold(services, recorder)
  for await (const events of historyOf(cluster, workflowId, runId === undefined ? {} : { runId })) {
    for (const event of events) await fold.take(event)
  }
  fold.begin()
  return fold
}

/** Folds the journal of a lane. */
export function foldLane(prepared: PreparedPlan, start: FlowStart, spec: RangeSpec, rows: readonly JournalRow[], recorder: Recorder): Flow {
  const flow = createFlow(prepared, start, recorder)
  let begun = false
  for (const row of rows) {
    if (!begun && !isPrelude(row)) {
      begun = true
      beginRange(flow, spec)
    }
    step(flow, eventOf(row))
  }
  if (!begun) beginRange(flow, spec)
  return flow
}

/** What a journal's execution was started with. */
export interface JournalStart {
  readonly id: string
  readonly input: Json
  readonly startedAt: number
  readonly version: string
  readonly trigger: FlowStart['trigger']
}

/** Folds a journal. @param taking Told of each event before it is taken. */
export function foldJournal(
  prepared: PreparedPlan,
  start: JournalStart,
  hints: FlowHints,
  rows: readonly JournalRow[],
  recorder: Recorder | null,
  taking?: () => void,
): Flow {
  const flow = createFlow(prepared, { ...start, callbackAt: callbackMarks }, recorder)
  flow.ranges = rangePolicy(hints)
  let begun = false
  for (const row of rows) {
    if (!begun && !isPrelude(row)) {
      begun = true
      begin(flow)
    }
    taking?.()
    step(flow, eventOf(row))
  }
  if (!begun) begin(flow)
  return flow
}
