import type { ModuleHandler } from '../../executors/contract.ts'
import type { TemporalLab } from '../../engine/internal.ts'
import { createDatabase, dropDatabase } from '../services/fresh.ts'
import type { Built } from './built.ts'

/** Where the cases of `--engine temporal` run. */
export interface TemporalPlace {
  /** `host:port` */
  readonly address: string
  readonly postgresUrl: string
  /** Default `default`. */
  readonly namespace?: string
  /** Workflows that the worker keeps in memory; 0: every task replays its history. */
  readonly cached?: number
  /** Called with each worker's lab, when its cases are through. */
  readonly inspect?: (lab: TemporalLab, scopes: readonly string[]) => Promise<void>
}

/** The worker for one set of functions, and the engines on it: one per case, each with flows of its own. */
export class TemporalLabs {
  private readonly built: Built
  private readonly place: TemporalPlace
  private readonly labs = new Map<object, Promise<TemporalLab>>()
  private database: Promise<string> | undefined
  private cases = 0

  constructor(built: Built, place: TemporalPlace) {
    this.built = built
    this.place = place
  }

  /** An engine for one case. */
  async engine(
    functions: Readonly<Record<string, ModuleHandler>>,
    options: Parameters<TemporalLab['engine']>[1],
  ): Promise<Awaited<ReturnType<TemporalLab['engine']>>> {
    let lab = this.labs.get(functions)
    if (lab === undefined) this.labs.set(functions, (lab = this.open(functions)))
    this.cases += 1
    return (await lab).engine(`case-${this.cases}`, options)
  }

  async close(): Promise<void> {
    const scopes = Array.from({ length: this.cases }, (_, at) => `case-${at + 1}`)
    for (const lab of this.labs.values()) {
      await this.place.inspect?.(await lab, scopes)
      await (await lab).close()
    }
    if (this.database !== undefined) await dropDatabase(this.place.postgresUrl, await this.database)
  }

  private async open(functions: Readonly<Record<string, ModuleHandler>>): Promise<TemporalLab> {
    const { address, namespace, postgresUrl, cached } = this.place
    this.database ??= createDatabase(postgresUrl)
    return this.built.createTemporalLab({
      engine: 'temporal',
      store: await this.database,
      functions,
      channels: { log: { kind: 'log' } },
      temporal: {
        address,
        ...(namespace === undefined ? {} : { namespace }),
        // what earlier runs have left on a server is not ours
        taskQueue: `conformance-${process.pid}-${Date.now()}-${this.labs.size}`,
        worker: cached === undefined ? true : { maxCachedWorkflows: cached },
      },
    })
  }
}
