/**
 * The worker of a conformance run in a process of its own, so that it can be killed. Sends `'ready'` when it takes work, and
 * {@link Announced} for every callback.
 *
 * Usage: node worker.ts <ConformanceWorker as JSON>
 */
import type { CallbackInfo, EngineOptions } from '../../engine/api.ts'
import { loadBuilt } from './built.ts'
import { importFunctions } from './files.ts'

export interface ConformanceWorker {
  /** The module with the functions; absent: there are none. */
  readonly functionsFile?: string
  /** All but the functions. */
  readonly options: EngineOptions
}

export interface Announced {
  readonly scope: string
  readonly info: CallbackInfo
}

// also when the runner was killed
process.on('disconnect', () => process.exit())
const { functionsFile, options } = JSON.parse(process.argv[2] as string) as ConformanceWorker
const { createTemporalWorker } = await loadBuilt()
const functions = functionsFile === undefined ? {} : await importFunctions(functionsFile)
await createTemporalWorker({ ...options, functions }, (info, scope) => process.send?.({ scope, info } satisfies Announced))
process.send?.('ready')
