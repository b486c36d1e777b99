/** The worker half: what polls Temporal's task queues in this process. */
import { existsSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import type { NativeConnection, Worker, WorkerOptions } from '@temporalio/worker'
import type { EndedExecution, EndedLane } from '../../workflows/protocol/shapes.ts'
import { EngineError } from '../errors.ts'
import type { Activities } from './activities.ts'
import type { Cluster } from './cluster.ts'
import { messageOf } from './temporal-errors.ts'
import type { WorkerOptions as OurOptions } from './options.ts'
import { WORKFLOW_BUNDLE } from './paths.ts'
import type { Observers } from '../observer.ts'
import type { Recorder } from './recorder.ts'
import { workerSdk } from './sdk.ts'

/** How long functions that run may take to end when the worker is asked to stop; what has not ended is delivered again elsewhere. */
const GRACE_MS = 10_000
const FORCE_MS = 15_000
const COMPILE_CACHE = 'NODE_COMPILE_CACHE'
/**
 * How many activities a worker may take along with a workflow task's answer, without their way through a task queue. Servers do that only
 * where `system.enableActivityEagerExecution` is on: a large loop then takes half the time. With 50 and more it takes longer again.
 */
const EAGER_ACTIVITIES = 30

export interface WorkerServices {
  readonly cluster: Cluster
  readonly activities: Activities
  readonly recorder: Recorder
  readonly observers: Observers
  /** Told when a worker has died of itself. */
  failed(error: EngineError): void
}

/** The workers of this process: one for the main queue, and one for each other queue. */
export class Workers {
  private readonly workers: Worker[]
  private readonly running: Promise<unknown>
  private stopping = false

  private constructor(workers: Worker[], failed: (error: EngineError) => void) {
    this.workers = workers
    this.running = Promise.all(
      workers.map((worker) =>
        worker.run().catch((error: unknown) => {
          if (!this.stopping)
            failed(new EngineError('temporal-unavailable', `the worker has stopped: ${messageOf(error)}`, { cause: error }))
        }),
      ),
    )
  }

  /** Starts polling. Rejects with EngineError `temporal-unavailable`. */
  static async start({ cluster, activities, recorder, observers, failed }: WorkerServices, options: OurOptions): Promise<Workers> {
    if (!existsSync(WORKFLOW_BUNDLE))
      throw new EngineError('bad-option', `the workflow bundle is not built (${WORKFLOW_BUNDLE}): run npm run build`)
    const { Worker } = await workerSdk()
    const { taskQueue, namespace } = cluster.options
    const common: Omit<WorkerOptions, 'taskQueue'> = {
      connection: cluster.connection as NativeConnection,
      namespace,
      dataConverter: cluster.dataConverter,
      activities: activities.table(),
      shutdownGraceTime: GRACE_MS,
      shutdownForceTime: FORCE_MS,
      // as soon as a heartbeat is due, whatever the timeout
      maxHeartbeatThrottleInterval: 1000,
      defaultHeartbeatThrottleInterval: 1000,
    }
    const main: WorkerOptions = {
      ...common,
      taskQueue,
      workflowBundle: { codePath: WORKFLOW_BUNDLE },
      sinks: {
        records: {
          ended: {
            fn: (_info: unknown, ended: EndedExecution) => {
              observers.current?.executionEnded(ended.info.flow, ended.status)
              recorder.ended(ended)
            },
          },
          lane: { fn: (_info: unknown, ended: EndedLane) => recorder.lane(ended) },
        },
      } as unknown as NonNullable<WorkerOptions['sinks']>,
      maxConcurrentActivityTaskExecutions: options.slots,
      maxEagerActivityReservationsPerWorkflowTask: EAGER_ACTIVITIES,
      // a worker that is gone is not waited for longer
      stickyQueueScheduleToStartTimeout: 1000,
      ...(options.maxCachedWorkflows === null ? {} : { maxCachedWorkflows: options.maxCachedWorkflows }),
      ...(options.deployment === null
        ? {}
        : {
            workerDeploymentOptions: {
              useWorkerVersioning: true,
              version: { deploymentName: options.deployment.name, buildId: options.deployment.buildId },
              defaultVersioningBehavior: 'PINNED',
            },
          }),
    }
    const workers: Worker[] = []
    try {
      if (!options.only) workers.push(await withCompileCache(() => Worker.create(main)))
      for (const { name, slots } of options.queues) {
        const own = { ...common, taskQueue: `${taskQueue}.${name}`, maxConcurrentActivityTaskExecutions: slots }
        workers.push(await Worker.create(own))
      }
    } catch (error) {
      // a worker that was made ends only if it has run
      await Promise.all(workers.map((worker) => worker.runUntil(Promise.resolve()).catch(() => undefined)))
      throw new EngineError('temporal-unavailable', `no worker can be started: ${messageOf(error)}`, { cause: error })
    }
    return new Workers(workers, failed)
  }

  /** Takes nothing new, lets what runs end (10 s at most), and resolves when all have stopped. */
  async close(): Promise<void> {
    this.stopping = true
    for (const worker of this.workers) if (worker.getState() === 'RUNNING') worker.shutdown()
    await this.running
  }
}

/** Threads use the compile cache of this process, if it has one, only where their environment names it: they then start in half the time. */
async function withCompileCache<T>(start: () => Promise<T>): Promise<T> {
  const folder = getCompileCacheDir()
  if (folder === undefined || process.env[COMPILE_CACHE] !== undefined) return start()
  process.env[COMPILE_CACHE] = folder
  try {
    return await start()
  } finally {
    delete process.env[COMPILE_CACHE]
  }
}
