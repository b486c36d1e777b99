import type { Engine, EngineOptions, TemporalWorkerOptions } from '../../engine/api.ts'
import type { FunctionSpec } from '../../engine/functions-file.ts'
import { clusterPlace, type ClusterFlags } from '../cluster.ts'
import { CommandError, usageError } from '../command-error.ts'
import { configFileHere, readConfig } from '../config.ts'
import { documentOf } from '../engine-errors.ts'
import { EXIT } from '../exit-codes.ts'
import { watchInterrupts } from '../interrupt.ts'
import { DEFAULT_HOST, DEFAULT_PORT, urlOf } from '../listen.ts'
import { onStderr, print, say } from '../output.ts'
import { watchPulse } from '../pulse.ts'
import { visible } from '../visible.ts'
import { tellWarnings } from '../warnings.ts'
import { withoutEffect } from '../without-effect.ts'
import { CHANNELS, FUNCTIONS_FILE, functionsHere, tellLog, warn } from '../workspace.ts'

export interface WorkerOptions extends ClusterFlags {
  readonly functions?: string
  readonly config?: string
  readonly queues?: readonly string[]
  readonly only?: boolean
  readonly slots?: number
  readonly deployment?: string
  readonly json?: boolean
}

/** Names in the line that people get. */
const MOST_LISTED = 20

/**
 * `fnflow worker`: works for a cluster until it is asked to stop; then it takes nothing new, and what runs has 10 s to end. Resolves to the exit code.
 * Throws CommandError: bad usage (2), Temporal or PostgreSQL not reachable, or a worker that has stopped of itself (3).
 */
export async function worker(options: WorkerOptions): Promise<number> {
  const own = workerOptions(options)
  const config = await readConfig(options.config ?? configFileHere())
  if (config.engine === 'embedded')
    throw usageError('the configuration says engine: embedded, which has no workers; a worker needs engine: temporal')
  const { store, temporal } = clusterPlace(options, config)
  const functions = await functionsHere(options.functions ?? config.functions)
  for (const told of withoutEffect(config)) warn(told)
  const interrupts = watchInterrupts(() => undefined)
  const stopped = new Promise<never>((_resolve, reject) => {
    tellWarnings(say, (errorMessage) =>
      reject(new CommandError({ status: 503, errorType: 'temporal-unavailable', errorMessage }, EXIT.unreachable)),
    )
  })
  // it may come before anybody waits for it
  stopped.catch(() => undefined)
  const interrupted = new Promise<void>((resolve) => interrupts.signal.addEventListener('abort', () => resolve()))
  let engine: Engine | undefined
  try {
    engine = await open({
      engine: 'temporal',
      store,
      temporal: { ...temporal, worker: own },
      functions,
      channels: { ...CHANNELS, ...config.channels },
      connections: config.connections ?? {},
      // servers have them
      triggers: false,
      ...(config['server.functionSecrets'] === undefined ? {} : { functionSecrets: config['server.functionSecrets'] }),
      ...(config['server.outbound.allowPrivate'] === undefined
        ? {}
        : { outbound: { allowPrivate: config['server.outbound.allowPrivate'] } }),
      ...(config.retention === undefined ? {} : { retentionMs: config.retention }),
      // callbacks come to the server
      publicUrl: config['server.publicUrl'] ?? urlOf(config['server.host'] ?? DEFAULT_HOST, config['server.port'] ?? DEFAULT_PORT),
      onLog: tellLog,
    })
    if (!interrupts.interrupted) {
      await print(ready({ temporal, own, functions }, options.json === true))
      if (own.deployment !== undefined) say(versionHint(own.deployment, temporal))
      const pulse = watchPulse(engine, warn)
      await Promise.race([interrupted, stopped]).finally(() => pulse.stop())
    }
    say('stopping: nothing new is taken, and what runs has 10 s to end (again: end at once)')
  } catch (error) {
    await documentOf(error)
  } finally {
    await engine?.close()
    interrupts.release()
  }
  return EXIT.ok
}

async function open(options: EngineOptions): Promise<Engine> {
  const { createEngine } = await import('../../engine/create-engine.ts')
  return createEngine(options)
}

/** Throws CommandError (exit code 2). */
function workerOptions({ queues = [], only, slots, deployment }: WorkerOptions): TemporalWorkerOptions {
  if (only === true && queues.length === 0) throw usageError('--only needs --queues: without them the worker would have nothing to do')
  const at = deployment?.indexOf('@') ?? -1
  if (deployment !== undefined && (at < 1 || at === deployment.length - 1))
    throw usageError(`--deployment ${deployment}: write name@build-id, such as orders@2026-07-01`)
  return {
    queues: queues.flatMap((list) => list.split(',')).map(queueOf),
    ...(only === true ? { only } : {}),
    ...(slots === undefined ? {} : { slots }),
    ...(deployment === undefined ? {} : { deployment: { name: deployment.slice(0, at), buildId: deployment.slice(at + 1) } }),
  }
}

/** `imports`, or `imports:20` with its slots. */
function queueOf(written: string): { name: string; slots: number } | string {
  const [, name = '', slots] = /^([^:]*)(?::(.*))?$/.exec(written.trim()) ?? []
  if (!/^[A-Za-z0-9_.-]{1,100}$/.test(name) || (slots !== undefined && !/^[1-9]\d{0,6}$/.test(slots)))
    throw usageError(
      `--queues ${written}: expected a queue such as gpu.nvidia-t4, or imports:20 with its slots; several with commas between them`,
    )
  return slots === undefined ? name : { name, slots: Number(slots) }
}

interface Ready {
  readonly temporal: NonNullable<EngineOptions['temporal']>
  readonly own: TemporalWorkerOptions
  readonly functions: Readonly<Record<string, FunctionSpec>>
}

/** One line: what is polled, and for which functions. */
function ready({ temporal, own, functions }: Ready, json: boolean): string {
  const { address = 'localhost:7233', namespace = 'default', taskQueue = 'fnflow' } = temporal
  const main = own.only === true ? [] : [taskQueue]
  const queues = [...main, ...(own.queues ?? []).map((queue) => `${taskQueue}.${typeof queue === 'string' ? queue : queue.name}`)]
  const specs = Object.entries(functions)
    .map(([name, spec]) => ({ name, queue: queueOfFunction(spec, taskQueue) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const here = specs.filter(({ queue }) => queues.includes(queue))
  const elsewhere = specs.filter(({ queue }) => !queues.includes(queue))
  if (json) {
    const names = here.map(({ name }) => name)
    return JSON.stringify({ address, namespace, queues, workflows: own.only !== true, functions: names, elsewhere })
  }
  const said = [
    `polling ${queues.join(', ')} at ${address}, namespace ${namespace}`,
    here.length > 0 ? `${counted(here.length)}: ${listed(here.map(({ name }) => name))}` : `no functions${why(specs.length, own)}`,
    ...(elsewhere.length > 0 ? [`not here: ${listed(elsewhere.map(({ name, queue }) => `${name} (${queue})`))}`] : []),
  ]
  return visible(said.join('; '))
}

/** Whoever forgets it waits for executions that nobody begins. */
function versionHint(
  { name, buildId }: NonNullable<TemporalWorkerOptions['deployment']>,
  { namespace = 'default' }: Ready['temporal'],
): string {
  const command = `temporal worker deployment set-current-version --deployment-name ${name} --build-id ${buildId} -n ${namespace}`
  return onStderr('dim', visible(`new executions come to this version once it is the current one of the deployment: ${command}`))
}

function queueOfFunction({ pool, gpu }: FunctionSpec, taskQueue: string): string {
  const name = gpu === undefined ? pool : `gpu.${gpu.type}`
  return name === undefined ? taskQueue : `${taskQueue}.${name}`
}

function why(known: number, { only }: TemporalWorkerOptions): string {
  const what = known === 0 ? ` (no ${FUNCTIONS_FILE} here, and no --functions)` : ''
  return `${only === true ? '' : ', it runs workflows'}${what}`
}

function counted(functions: number): string {
  return `${functions} function${functions === 1 ? '' : 's'}`
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, MOST_LISTED).join(', ')}${names.length > MOST_LISTED ? ', …' : ''}`
}
