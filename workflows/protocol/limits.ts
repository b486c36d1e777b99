/** What one workflow run may use of Temporal's limits (history 51,200 events and 50 MiB, 2,000 pending activities, 4 MiB a message). */

/** Activities, publications and children that one run has scheduled at one time; what is more waits in the workflow. */
export const OUTSTANDING_LIMIT = 1000

/** Timers at one time: of 100,000 iterations that each wait for another instant only the next ones have one. */
export const TIMERS_LIMIT = 500

/** A loop runs in its own workflow if its iterations make no more activities than this; else in lanes. */
export const LOOP_ACTIVITIES = 2000
/** As {@link LOOP_ACTIVITIES}, where fewer than 10 run at one time: each activity then costs 6 events, not 3 to 4. */
export const NARROW_LOOP_ACTIVITIES = 500

/** Iterations of one lane whose body is one function. Few wide lanes: the outcomes of many iterations then come with one workflow task. */
export const LANE_ITERATIONS = 1000
export const LANE_WIDTH = 250
export const LANES_AT_ONCE = 4

/** Iterations of one batch. */
export const BATCH_ITERATIONS = 200
export const BATCHES_AT_ONCE = 10
/** Bytes of a batch's results that stay in the history: there may be hundreds of batches. */
export const BATCH_INLINE = 2048
/** A function that may be called in batches ends within this, ms. */
export const SHORT_MS = 10_000

/**
 * A run continues as new when Temporal suggests it (4,096 events or 4 MiB by default), or from here on, if so little is under way that waiting
 * for its end costs nothing.
 */
export const EVENTS_SOFT = 4000
export const BYTES_SOFT = 4 * 1024 * 1024
export const UNDER_WAY_SOFT = 20
/** It starts nothing new where its history would come near 10,000 events, or 10 MiB, with what is under way; each takes some 3 more. */
export const EVENTS_HARD = 9000
export const EVENTS_EACH = 3
export const BYTES_HARD = 8 * 1024 * 1024

/** Journals up to this go to the record with the end of the execution; longer ones are read from the history. */
export const SINK_JOURNAL_BYTES = 256 * 1024

const INLINE_STEPS: readonly (readonly [used: number, inline: number])[] = [
  [1024 * 1024, 16 * 1024],
  [2 * 1024 * 1024, 2 * 1024],
  [Infinity, 512],
]

/** Bytes up to which a payload stays in the history, by what the run has put there before. The rest goes to the payload store. */
export function inlineLimit(used: number): number {
  return (INLINE_STEPS.find(([upTo]) => used < upTo) as readonly [number, number])[1]
}

/** Heartbeats: the server takes a worker for lost after this. */
export const HEARTBEAT_TIMEOUT_MS = 3000
/** Of invocations that hold no slot, each of whose heartbeats is a call of its own. */
export const ASYNC_HEARTBEAT_TIMEOUT_MS = 15_000
/** A worker that does not finish a workflow task in time is taken for lost. */
const WORKFLOW_TASK_TIMEOUT_MS = 3000
/** Of flows with loops: a task may have a thousand outcomes. A worker that is killed at one costs as much. */
const LOOP_WORKFLOW_TASK_TIMEOUT_MS = 5000
/** For starts that hand over large values: decoding tens of MiB takes its time. */
const LARGE_WORKFLOW_TASK_TIMEOUT_MS = 20_000
/** What is a large value, bytes. */
export const LARGE_BYTES = 1024 * 1024

/** How long a workflow's tasks may take, ms. */
export function workflowTaskTimeout({ hasLoop, isLarge }: { readonly hasLoop: boolean; readonly isLarge: boolean }): number {
  if (isLarge) return LARGE_WORKFLOW_TASK_TIMEOUT_MS
  return hasLoop ? LOOP_WORKFLOW_TASK_TIMEOUT_MS : WORKFLOW_TASK_TIMEOUT_MS
}
