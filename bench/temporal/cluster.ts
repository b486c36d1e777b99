import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Client } from '@temporalio/client'
import type { Engine } from '../../engine/index.ts'
import type { Json } from '../../dsl/json.ts'
import { guardProcess, unguardProcess } from '../../scripts/services/guardian.ts'
import { startServices, type RunningServices } from '../../scripts/services/start.ts'
import { builtEngine } from '../built.ts'
import type { BenchSettings } from '../result.ts'
import { cpuOf, cpuOfTree } from './cpu.ts'

export type Side = 'ours' | 'reference'

export const SIDES: readonly Side[] = ['ours', 'reference']

const NAMESPACE = 'default'
const PROGRAMS = new URL('programs/', import.meta.url)
const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url))
const READY_MS = 60_000
/** The hand-written client asks for the same as ours. */
const WORKFLOW_TASK_TIMEOUT_MS = 3000

/** A folder for the workers' CPU profiles, one file per thread; for whoever looks for what can be made faster. */
const PROFILES = process.env['FNFLOW_BENCH_PROFILES']

/** The servers of a run of the bench with a client of each side; the workers come and go. */
export class Cluster {
  readonly engine: Engine
  readonly client: Client
  private readonly services: RunningServices<'temporal' | 'postgres'>
  private readonly bundle: string
  private readonly workers = new Set<WorkerProcess>()
  private both: Readonly<Record<Side, WorkerProcess>> | null = null

  private constructor(services: RunningServices<'temporal' | 'postgres'>, bundle: string, engine: Engine, client: Client) {
    this.services = services
    this.bundle = bundle
    this.engine = engine
    this.client = client
  }

  /** @param dynamicConfig What the server is told beside what all are. */
  static async start({ note }: BenchSettings, dynamicConfig: Readonly<Record<string, boolean>> = {}): Promise<Cluster> {
    const bundle = await referenceBundle()
    const services = await startServices(['temporal', 'postgres'], { own: true, log: note, options: { temporal: { dynamicConfig } } })
    try {
      const { temporal: address, postgres: store } = services.addresses
      const { createEngine } = await builtEngine()
      const engine = await createEngine({
        engine: 'temporal',
        store,
        temporal: { address, namespace: NAMESPACE, taskQueue: queueOf('ours'), worker: false },
      })
      const { Client, Connection } = await import('@temporalio/client')
      const client = new Client({ connection: await Connection.connect({ address }), namespace: NAMESPACE })
      return new Cluster(services, bundle, engine, client)
    } catch (error) {
      await services.stop()
      throw error
    }
  }

  /** A worker of each side, polling; the same ones until {@link stopWorkers}. */
  async pair(): Promise<Readonly<Record<Side, WorkerProcess>>> {
    const both = (this.both ??= { ours: this.spawn('ours'), reference: this.spawn('reference') })
    await Promise.all([both.ours.ready, both.reference.ready])
    return both
  }

  /** A further worker process, which may not be ready yet. */
  spawn(side: Side): WorkerProcess {
    const worker = new WorkerProcess(side, this.given(side))
    this.workers.add(worker)
    return worker
  }

  /** All of them, so that who measures workers knows which there are. */
  async stopWorkers(): Promise<void> {
    this.both = null
    await Promise.all([...this.workers].map((worker) => worker.stop()))
    this.workers.clear()
  }

  /** Starts a flow with an id of its own, and waits for its output. */
  async run(side: Side, flow: string, input: Json): Promise<unknown> {
    const execution = await this.begin(side, flow, input)
    return execution.result()
  }

  async begin(side: Side, flow: string, input: Json): Promise<{ readonly id: string; result(): Promise<unknown> }> {
    if (side === 'ours') return this.engine.start(flow, { input })
    const workflowId = crypto.randomUUID()
    const handle = await this.client.workflow.start(flow, {
      workflowId,
      taskQueue: queueOf(side),
      args: [input],
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
    })
    return { id: workflowId, result: () => handle.result() }
  }

  async history(id: string): Promise<{ readonly events: number; readonly bytes: number }> {
    const handle = this.client.workflow.getHandle(id)
    const { historyLength, historySize } = await handle.describe()
    const { events } = await handle.fetchHistory()
    assert.equal(events?.length, historyLength)
    return { events: historyLength, bytes: historySize ?? 0 }
  }

  /** What a program is given to find the servers. */
  given(side: Side): object {
    const { temporal: address, postgres: store } = this.services.addresses
    return { side, address, namespace: NAMESPACE, taskQueue: queueOf(side), store, bundle: this.bundle }
  }

  /** Milliseconds of CPU that the servers have taken. */
  cpu(): { readonly server: number; readonly database: number } {
    const { temporal, postgres } = this.services.services
    return { server: cpuOf(temporal.pid as number), database: cpuOfTree(postgres.pid as number) }
  }

  async close(): Promise<void> {
    await this.stopWorkers()
    await this.engine.close()
    await this.client.connection.close()
    await this.services.stop()
  }
}

const clusters = new WeakMap<BenchSettings, Promise<Cluster>>()

/** The one of this run of the bench: all its names are measured on the same servers. */
export function clusterOf(settings: BenchSettings): Promise<Cluster> {
  let cluster = clusters.get(settings)
  if (cluster === undefined) {
    cluster = Cluster.start(settings)
    clusters.set(settings, cluster)
    settings.atEnd(async () => (await clusters.get(settings))?.close())
  }
  return cluster
}

function queueOf(side: Side): string {
  return `bench-${side}`
}

/** The worker of one side, in a process of its own. */
export class WorkerProcess {
  readonly ready: Promise<void>
  private readonly child: ChildProcess
  private readonly ended: Promise<void>

  constructor(side: Side, given: object) {
    this.child = program(side, given)
    const { pid } = this
    // one that is paused would not notice that this process has died
    guardProcess(pid, 'SIGKILL')
    this.ended = new Promise((resolve) =>
      this.child.once('exit', () => {
        unguardProcess(pid)
        resolve()
      }),
    )
    const early = this.ended.then(() => Promise.reject(new Error(`the worker ${side} ended before it was ready`)))
    this.ready = Promise.race([
      new Promise<void>((resolve) => this.child.once('message', () => resolve())),
      early,
      sleep(READY_MS, undefined, { ref: false }).then(() => Promise.reject(new Error(`the worker ${side} is not ready after a minute`))),
    ])
    early.catch(() => undefined)
    this.ready.catch(() => undefined)
  }

  get pid(): number {
    return this.child.pid as number
  }

  cpu(): number {
    return cpuOf(this.pid)
  }

  pause(): void {
    this.child.kill('SIGSTOP')
  }

  resume(): void {
    this.child.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }

  /** In good order. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.resume()
    if (this.child.connected) this.child.send('end')
    const given = sleep(20_000, undefined, { ref: false }).then(() => void this.child.kill('SIGKILL'))
    await Promise.race([this.ended, given])
    await this.ended
  }
}

/** Starts one of the programs; it ends when this process does. */
export function program(name: string, given: object): ChildProcess {
  const profiled = PROFILES === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(PROFILES, name)}`]
  return fork(new URL(`${name}.mjs`, PROGRAMS), [JSON.stringify(given)], {
    execArgv: profiled,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}

/** The hand-written workflows, bundled by the SDK as it does by default; made once, since that takes seconds. */
async function referenceBundle(): Promise<string> {
  const workflowsPath = fileURLToPath(new URL('reference-workflows.mjs', PROGRAMS))
  const sdk = createRequire(import.meta.url).resolve('@temporalio/worker/package.json')
  const hash = createHash('sha256')
  for (const file of [workflowsPath, sdk]) hash.update(readFileSync(file))
  const path = join(CACHE, `reference-workflows-${hash.digest('hex').slice(0, 16)}.js`)
  if (existsSync(path)) return path
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker')
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') })
  mkdirSync(CACHE, { recursive: true })
  // whole, or not there
  writeFileSync(`${path}.${process.pid}`, code)
  renameSync(`${path}.${process.pid}`, path)
  return path
}

/** Both sides must give what the workload says. */
export async function checkOutputs(cluster: Cluster, flow: string, input: Json, expected: Json): Promise<void> {
  for (const side of SIDES) assert.deepEqual(await cluster.run(side, flow, input), expected, `${side} gives something else`)
}
