/** What keeps a running execution from going on: nobody polls its queues. Named in its record, so that nobody waits without knowing. */
import type { WorkflowExecutionDescription } from '@temporalio/client'
import type { Cluster } from './cluster.ts'
import { ms } from './history.ts'

/** A task that waits for so long is worth a look. */
const LONG_MS = 5000
const WORKFLOW_QUEUE = 1
const ACTIVITY_QUEUE = 2
const SCHEDULED = 1
const VERSIONED = 2
/** A worker whose slots are free asks at least once in this time. */
const POLL_MS = 70_000

/** Of a worker deployment; null: workers without versions. */
type Version = { readonly deploymentName?: string | null; readonly buildId?: string | null } | null

/** In words, with the remedy; empty where all is well. */
export async function problemsOf(cluster: Cluster, { raw, taskQueue }: WorkflowExecutionDescription): Promise<string[]> {
  const problems: string[] = []
  const { pendingActivities, pendingWorkflowTask } = raw
  const waitingSince = ms(pendingWorkflowTask?.scheduledTime)
  const pinned = raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion ?? null
  if (pendingWorkflowTask != null && pendingWorkflowTask.state === SCHEDULED && isLong(waitingSince)) {
    const missing = await missingAt(cluster, { queue: taskQueue, type: WORKFLOW_QUEUE, pinned, since: waitingSince })
    if (missing !== null) problems.push(`${missing.who} polls the task queue ${taskQueue} for workflows; ${missing.remedy(taskQueue)}`)
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
    const missing = await missingAt(cluster, {
      queue,
      type: ACTIVITY_QUEUE,
      pinned: queue === taskQueue ? pinned : null,
      since: Date.now() - POLL_MS,
    })
    if (missing === null) continue
    const what = waiting.length === 1 ? waiting[0] : `${waiting[0]} and ${waiting.length - 1} more`
    const main = cluster.options.taskQueue
    const asked = queue.startsWith(`${main}.`) ? `${main} --queues ${queue.slice(main.length + 1)}` : queue
    problems.push(`${missing.who} polls the task queue ${queue} for functions (${what} waits there); ${missing.remedy(asked)}`)
  }
  return problems
}

function isLong(since: number): boolean {
  return since > 0 && Date.now() - since > LONG_MS
}

interface Wanted {
  readonly queue: string
  readonly type: number
  /** The version that alone may. */
  readonly pinned: Version
  /**
   * Who has not asked since then is gone. Of a workflow's task the time at which it was given out: who was waiting for one at that time and
   * is still there has it. (Workers with no slot left for functions do not ask at all.)
   */
  readonly since: number
}

/** Who would have to ask the queue for tasks and does not; null where somebody does. */
async function missingAt(
  { client, options: { namespace } }: Cluster,
  { queue, type, pinned, since }: Wanted,
): Promise<{ readonly who: string; remedy(queue: string): string } | null> {
  const request = { namespace, taskQueue: { name: queue }, taskQueueType: type }
  const { pollers, versioningInfo } = await client.workflowService.describeTaskQueue(request)
  const active = (pollers ?? []).filter(({ lastAccessTime }) => ms(lastAccessTime) > since)
  const versions = active.map(({ deploymentOptions: of }) => (of?.workerVersioningMode === VERSIONED ? of : null))
  const wanted = pinned ?? versioningInfo?.currentDeploymentVersion ?? null
  if (versions.some((version) => version?.deploymentName === wanted?.deploymentName && version?.buildId === wanted?.buildId)) return null
  if (wanted !== null) {
    const written = `${wanted.deploymentName}@${wanted.buildId}`
    const who = `no worker of version ${written}, ${pinned === null ? 'the current one' : 'to which it is pinned,'}`
    return { who, remedy: (queue) => `start one: fnflow worker --task-queue ${queue} --deployment ${written}` }
  }
  const [some] = versions
  if (some == null) return { who: 'no worker', remedy: (queue) => `start one: fnflow worker --task-queue ${queue}` }
  return {
    who: 'no worker without a version',
    remedy: () =>
      `make the version of those that do the current one: temporal worker deployment set-current-version --deployment-name ${some.deploymentName} --build-id ${some.buildId}`,
  }
}
