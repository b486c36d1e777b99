import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CompiledPath } from '../../dsl/jsonpath/index.ts'
import type { nextFires } from '../../dsl/cron/next-fires.ts'
import type { Json } from '../../dsl/json.ts'
import type { CallbackInfo, Engine, EngineOptions } from '../../engine/api.ts'
import type { TemporalLab } from '../../engine/internal.ts'
import type { Look } from './compare.ts'
import { UsageError } from './files.ts'

/** What the runner uses of the built package. */
export interface Built {
  readonly createEngine: (options: EngineOptions) => Promise<Engine>
  /** An embedded engine that is torn down and made anew from its journal after every committed event. */
  readonly createRebuildingEngine: (options: EngineOptions) => Promise<Engine>
  /** Engines that share one worker and the connections. */
  readonly createTemporalLab: (options: EngineOptions) => Promise<TemporalLab>
  /** The worker alone of such engines. */
  readonly createTemporalWorker: (
    options: EngineOptions,
    onCallback: (info: CallbackInfo, scope: string) => void,
  ) => Promise<{ close(): Promise<void> }>
  readonly query: (path: string, document: Json) => Json[]
  readonly nextFires: typeof nextFires
  readonly look: Look
}

const dist = join(import.meta.dirname, '..', '..', 'dist')

/**
 * Loads the built package: the cases test what users get, not the sources.
 *
 * @throws UsageError where it is not built
 */
export async function loadBuilt(): Promise<Built> {
  const load = async (file: string): Promise<any> => {
    const path = join(dist, file)
    if (!existsSync(path)) throw new UsageError(`dist/${file} is missing: run \`npm run build\` first`)
    return import(pathToFileURL(path).href)
  }
  const [engine, internal, jsonpath] = await Promise.all([
    load('engine/index.js'),
    load('engine/internal.js'),
    load('dsl/jsonpath/index.js'),
  ])
  const compilePath = jsonpath.compilePath as (text: string) => CompiledPath
  return {
    createEngine: engine.createEngine,
    createRebuildingEngine: internal.createRebuildingEngine,
    createTemporalLab: internal.createTemporalLab,
    createTemporalWorker: internal.createTemporalWorker,
    query: jsonpath.query,
    nextFires: engine.nextFires,
    look: (path, document) => compilePath(path).get(document),
  }
}
