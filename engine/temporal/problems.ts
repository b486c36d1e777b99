/** What keeps a running execution from going on: nobody polls its queues. Named in its record, so that nobody waits without knowing. */
import type { WorkflowExecutionDescription } from '@temporalio/client'
import type { Cluster } from './cluster.ts'
import { ms } from './history.ts'

/** A task that waits for so long is worth a look. */
const LONG_MS = 5000
const WORKFLOW_QUEUE = 1
const ACTIVITY_QUEUE = 2
const SCHEDULED = 1

/** In words, with the remedy; empty where all is well. */
export async function problemsOf(cluster: Cluster, { raw, taskQueue }: WorkflowExecutionDescription): Promise<string[]> {
  const problems: string[] = []
  const { pendingActivities, pendingWorkflowTask } = raw
  const waitingSince = ms(pendingWorkflowTask?.scheduledTime)
  if (pendingWorkflowTask != null && pendingWorkflowTask.state === SCHEDULED && isLong(waitingSince)) {
    if (!(await isPolled(cluster, taskQueue, WORKFLOW_QUEUE)))
      problems.push(`no worker polls the task queue ${taskQueue} for workflows; start one: fnflow worker --task-queue ${taskQueue}`)
  }
  if (pendingWorkflowTask != null && (pendingWorkflowTask.attempt ?? 1) > 3)
    problems.push(
      `the workflow's task has failed or timed out ${pendingWorkflowTask.attempt} times; see the workers' warnings and Temporal's UI`,
    )
  const queues = new Map<string, string[]>()
  for (const activity of pendingActivities ?? []) {
    const { activityId, state, scheduledTime, lastStartedTime, lastFailure, attempt } = activity
    if ((attempt ?? 1) > 1 && lastFailure?.message)
      problems.push(`${activityId}: attempt ${attempt} to deliver it, after: ${lastFailure.message}`)
    if (state !== SCHEDULED || lastStartedTime != null || !isLong(ms(scheduledTime))) continue
    const queue = activity.activityOptions?.taskQueue?.name ?? taskQueue
    queues.set(queue, [...(queues.get(queue) ?? []), activityId ?? ''])
  }
  for (const [queue, waiting] of queues) {
    if (await isPolled(cluster, queue, ACTIVITY_QUEUE)) continue
    const what = waiting.length === 1 ? waiting[0] : `${waiting[0]} and ${waiting.length - 1} more`
    const main = cluster.options.taskQueue
    const remedy = queue.startsWith(`${main}.`)
      ? `fnflow worker --task-queue ${main} --queues ${queue.slice(main.length + 1)}`
      : `fnflow worker --task-queue ${queue}`
    problems.push(`no worker polls the task queue ${queue} for functions (${what} waits there); start one: ${remedy}`)
  }
  return problems
}

function isLong(since: number): boolean {
  return since > 0 && Date.now() - since > LONG_MS
}

/** True if some worker has asked the queue for tasks of late. */
async function isPolled({ client, options: { namespace } }: Cluster, name: string, taskQueueType: number): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType })
  return (pollers ?? []).some(({ lastAccessTime }) => Date.now() - ms(lastAccessTime) < 70_000)
}
