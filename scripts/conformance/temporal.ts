import { join } from 'node:path'
import type { EngineOptions } from '../../engine/api.ts'
import type { ModuleHandler } from '../../executors/contract.ts'
import type { TemporalLab } from '../../engine/internal.ts'
import { createDatabase, dropDatabase } from '../services/fresh.ts'
import type { Built } from './built.ts'
import { functionsFileOf } from './files.ts'
import type { Announced, ConformanceWorker } from './worker.ts'
import { WorkerProcess } from './worker-process.ts'

/** Where the cases of `--engine temporal` run. */
export interface TemporalPlace {
  /** `host:port` */
  readonly address: string
  readonly postgresUrl: string
  /** Default `default`. */
  readonly namespace?: string
  /** Workflows that the worker keeps in memory; 0: every task replays its history. */
  readonly cached?: number
  /** The worker is a process of its own, which is killed and started again every so many seconds. */
  readonly killEverySeconds?: number
  /** Called with each worker's lab, when its cases are through. */
  readonly inspect?: (lab: TemporalLab, scopes: readonly string[]) => Promise<void>
}

/** The worker for one set of functions, and the engines on it: one per case, each with flows of its own. */
export class TemporalLabs {
  private readonly built: Built
  private readonly place: TemporalPlace
  private readonly labs = new Map<object, Promise<TemporalLab>>()
  private database: Promise<string> | undefined
  private readonly workers: WorkerProcess[] = []
  private readonly timers = new Set<NodeJS.Timeout>()
  private cases = 0

  constructor(built: Built, place: TemporalPlace) {
    this.built = built
    this.place = place
  }

  /** How often a worker was killed; null where none is to be. */
  get kills(): number | null {
    if (this.place.killEverySeconds === undefined) return null
    return this.workers.reduce((sum, { kills }) => sum + kills, 0)
  }

  /** An engine for one case. */
  async engine(
    functions: Readonly<Record<string, ModuleHandler>>,
    options: Parameters<TemporalLab['engine']>[1],
  ): Promise<Awaited<ReturnType<TemporalLab['engine']>>> {
    let lab = this.labs.get(functions)
    if (lab === undefined) this.labs.set(functions, (lab = this.open(functions)))
    this.cases += 1
    // before anything is waited for: others begin meanwhile
    const scope = `case-${this.cases}`
    return (await lab).engine(scope, options)
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer)
    const scopes = Array.from({ length: this.cases }, (_, at) => `case-${at + 1}`)
    for (const lab of this.labs.values()) {
      await this.place.inspect?.(await lab, scopes)
      await (await lab).close()
    }
    await Promise.all(this.workers.map((worker) => worker.stop()))
    if (this.database !== undefined) await dropDatabase(this.place.postgresUrl, await this.database)
  }

  private async open(functions: Readonly<Record<string, ModuleHandler>>): Promise<TemporalLab> {
    const { address, namespace, postgresUrl, cached, killEverySeconds } = this.place
    this.database ??= createDatabase(postgresUrl)
    const worker = cached === undefined ? true : { maxCachedWorkflows: cached }
    const options: EngineOptions = {
      engine: 'temporal',
      store: await this.database,
      channels: { log: { kind: 'log' } },
      temporal: {
        address,
        ...(namespace === undefined ? {} : { namespace }),
        // what earlier runs have left on a server is not ours
        taskQueue: `conformance-${process.pid}-${Date.now()}-${this.labs.size}`,
        worker: killEverySeconds === undefined && worker,
      },
    }
    const lab = await this.built.createTemporalLab({ ...options, functions })
    if (killEverySeconds !== undefined) {
      const own = { ...options, temporal: { ...options.temporal, worker } }
      await this.startWorker(lab, functionsFileOf(functions), own, killEverySeconds)
    }
    return lab
  }

  private async startWorker(lab: TemporalLab, functionsFile: string | undefined, options: EngineOptions, seconds: number): Promise<void> {
    const given: ConformanceWorker = { ...(functionsFile === undefined ? {} : { functionsFile }), options }
    const worker = new WorkerProcess({
      program: PROGRAM,
      args: () => [JSON.stringify(given)],
      message: (message) => {
        const { info, scope } = message as Announced
        lab.announce(info, scope)
      },
    })
    this.workers.push(worker)
    // routes of functions are known from then on
    await worker.ready
    // the first one early: few cases take long
    this.killLater(worker, seconds * 1000, 0.25)
  }

  private killLater(worker: WorkerProcess, everyMs: number, share = 1 - VARIATION + 2 * VARIATION * Math.random()): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      void worker.kill()
      this.killLater(worker, everyMs)
    }, everyMs * share)
    this.timers.add(timer)
  }
}

/** By how much the time between kills varies: with a fixed one each could hit what was begun again behind the one before. */
const VARIATION = 0.3
const PROGRAM = join(import.meta.dirname, 'worker.ts')
