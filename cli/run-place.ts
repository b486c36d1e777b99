import { createHash, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Engine, EngineOptions, ExecutionRecord } from '../engine/api.ts'
import type { FunctionSpec } from '../engine/functions-file.ts'
import { clusterPlace, type ClusterFlags } from './cluster.ts'
import { readConfig } from './config.ts'
import { leftExecutions } from './recovery.ts'
import { makeTemporaryStore, removeTemporaryStore, sweepTemporaryStores } from './temporary-store.ts'

/** Where a flow runs, and what of the engine's options that decides. */
export interface RunPlace {
  readonly options: EngineOptions
  /** What was not finished stays there, and the next run finishes it. */
  readonly keeps: boolean
  /** In words: `in the store`. */
  readonly where: string
  /** On Temporal: whether a worker is in this process. */
  readonly cluster?: { readonly worker: boolean }
  /** An id for the execution, where it tells whose it is. */
  readonly id?: string
  /** What was left by runs that are gone. */
  left(engine: Engine): Promise<readonly ExecutionRecord[]>
  /** Removes what lives as long as the command; synchronous. */
  remove(): void
  /** Removes what other commands could not. */
  sweep(): Promise<void>
}

const NOTHING = { remove: () => undefined, sweep: () => Promise.resolve() }

/** On this machine: in a store that the user names, else in a temporary one, or in none. */
export function localPlace(store: string | undefined, durable: boolean): RunPlace {
  const common = { where: 'in the store', keeps: store !== undefined }
  if (store !== undefined) return { ...common, ...NOTHING, options: { store }, left: leftExecutions }
  const left = (): Promise<ExecutionRecord[]> => Promise.resolve([])
  if (!durable) return { ...common, ...NOTHING, options: {}, left }
  const temporary = makeTemporaryStore()
  return {
    ...common,
    options: { store: temporary },
    left,
    remove: () => removeTemporaryStore(temporary),
    sweep: () => sweepTemporaryStores(),
  }
}

/**
 * On Temporal. With a worker in this process and no queue that was named, queue and scope are those of the functions file alone: so what a run
 * has left is finished by the next one, and neither its flows nor where its functions run is the business of other workers.
 * Throws CommandError (exit code 2).
 */
export async function temporalPlace(
  flags: ClusterFlags,
  functionsFile: string,
  functions: Readonly<Record<string, FunctionSpec>>,
): Promise<RunPlace> {
  const { store, temporal } = clusterPlace(flags, await readConfig(undefined))
  if (flags.worker === false) {
    const options: EngineOptions = { engine: 'temporal', store, temporal: { ...temporal, worker: false } }
    return { ...NOTHING, options, keeps: false, where: 'on the cluster', cluster: { worker: false }, left: () => Promise.resolve([]) }
  }
  // a variable is meant for the workers of the cluster, which this is not to be one of by chance
  const own = flags.taskQueue === undefined ? queueFor(functionsFile) : undefined
  // cards are not made up: whoever has some starts a worker for them
  const pools = new Set(Object.values(functions).flatMap(({ pool }) => pool ?? []))
  const named = own === undefined ? {} : { taskQueue: own, scope: temporal.scope ?? own }
  return {
    ...NOTHING,
    options: { engine: 'temporal', store, temporal: { ...temporal, ...named, worker: { queues: [...pools] } } },
    keeps: own !== undefined,
    where: own === undefined ? 'on the cluster' : `on the task queue ${own}`,
    cluster: { worker: true },
    ...(own === undefined ? {} : { id: ownId() }),
    left: async (engine) => (own === undefined ? [] : withoutOthers(await leftExecutions(engine))),
  }
}

/** The task queue of a functions file, wherever the command is called. */
export function queueFor(functionsFile: string): string {
  return `fnflow-run-${createHash('sha256').update(resolve(functionsFile)).digest('hex').slice(0, 12)}`
}

const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)

/** Says which process the execution is of. */
function ownId(): string {
  return `run-${HOST}-${process.pid}-${randomUUID()}`
}

/** Without the executions of commands that still run, and without those that they call. */
function withoutOthers(records: readonly ExecutionRecord[]): ExecutionRecord[] {
  const byId = new Map(records.map((record) => [record.id, record]))
  const isOthers = ({ id, parent }: ExecutionRecord, depth = 0): boolean => {
    const caller = parent === undefined ? undefined : byId.get(parent.execution)
    return isOfLivingProcess(id) || (caller !== undefined && depth < 20 && isOthers(caller, depth + 1))
  }
  return records.filter((record) => !isOthers(record))
}

function isOfLivingProcess(id: string): boolean {
  const [, host, pid] = /^run-([0-9a-f]{8})-(\d+)-/.exec(id) ?? []
  // an own id of before: the number is used again
  if (host !== HOST || Number(pid) === process.pid) return false
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
