import type { EngineOptions, TemporalOptions, TemporalWorkerOptions } from '../api.ts'
import { EngineError } from '../errors.ts'

/** {@link TemporalOptions} with its defaults filled in. */
export interface ClusterOptions {
  readonly host: string
  readonly port: number
  readonly namespace: string
  readonly taskQueue: string
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly serverName?: string } | null
  readonly apiKey: string | null
  /** Null: this process is a client only. */
  readonly worker: WorkerOptions | null
  readonly scope: string
  readonly payloads: string | null
  /** Of the database. */
  readonly store: string
}

export interface WorkerOptions {
  readonly queues: readonly { readonly name: string; readonly slots: number }[]
  readonly only: boolean
  readonly slots: number
  readonly maxCachedWorkflows: number | null
  readonly deployment: { readonly name: string; readonly buildId: string } | null
}

const KNOWN: ReadonlySet<string> = new Set<keyof TemporalOptions>([
  'address',
  'namespace',
  'taskQueue',
  'tls',
  'apiKey',
  'worker',
  'scope',
  'payloads',
])
const KNOWN_WORKER: ReadonlySet<string> = new Set<keyof TemporalWorkerOptions>([
  'queues',
  'only',
  'slots',
  'maxCachedWorkflows',
  'deployment',
])
const DEFAULT_PORT = 7233
const DEFAULT_SLOTS = 200

/** Throws EngineError `bad-option` that says what was expected. */
export function clusterOptions({ store, temporal = {} }: EngineOptions): ClusterOptions {
  if (typeof temporal !== 'object' || temporal === null) throw bad('temporal must be an object { address, namespace, taskQueue, … }')
  for (const key of Object.keys(temporal)) {
    if (!KNOWN.has(key)) throw bad(`temporal has no option ${key}; it has ${[...KNOWN].join(', ')}`)
  }
  if (store === undefined || !/^postgres(ql)?:\/\//.test(store)) {
    throw bad(
      'the engine temporal keeps flows and records in PostgreSQL: give its URL as store, such as postgres://user:password@localhost:5432/fnflow',
    )
  }
  const { tls, apiKey } = temporal
  return {
    ...addressOf(temporal.address ?? `localhost:${DEFAULT_PORT}`),
    namespace: text(temporal.namespace, 'namespace') ?? 'default',
    taskQueue: text(temporal.taskQueue, 'taskQueue') ?? 'fnflow',
    tls: tlsOf(tls, apiKey !== undefined),
    apiKey: text(apiKey, 'apiKey') ?? null,
    worker: workerOf(temporal.worker),
    scope: text(temporal.scope, 'scope', true) ?? '',
    payloads: text(temporal.payloads, 'payloads') ?? null,
    store,
  }
}

function addressOf(address: unknown): { readonly host: string; readonly port: number } {
  const match = typeof address === 'string' ? /^(\[[0-9a-fA-F:.]+\]|[^\s:/]+)(?::(\d{1,5}))?$/.exec(address) : null
  const port = Number(match?.[2] ?? DEFAULT_PORT)
  if (match === null || port < 1 || port > 65_535)
    throw bad(`address must be host:port, such as localhost:${DEFAULT_PORT}, not ${JSON.stringify(address)}`)
  return { host: match[1] as string, port }
}

function tlsOf(tls: TemporalOptions['tls'], hasKey: boolean): ClusterOptions['tls'] {
  if (tls === undefined) return hasKey ? {} : null
  if (tls === true) return {}
  if (tls === false || tls === null) return null
  if (typeof tls !== 'object') throw bad('tls must be true, false or { ca, cert, key, serverName } with PEM texts')
  const given: { [key: string]: string } = {}
  for (const [key, value] of Object.entries(tls)) {
    if (!['ca', 'cert', 'key', 'serverName'].includes(key)) throw bad(`tls has no option ${key}; it has ca, cert, key, serverName`)
    if (value === undefined || value === null) continue
    if (typeof value !== 'string' || (key !== 'serverName' && !value.includes('-----BEGIN')))
      throw bad(`tls: ${key} must be ${key === 'serverName' ? 'a name' : 'a PEM text (-----BEGIN …), not the path of a file'}`)
    given[key] = value
  }
  if ((given['cert'] === undefined) !== (given['key'] === undefined)) throw bad('tls: cert and key belong together; give both or neither')
  return given
}

function workerOf(worker: TemporalOptions['worker']): WorkerOptions | null {
  if (worker === false) return null
  const given = worker === undefined || worker === true ? {} : worker
  if (typeof given !== 'object' || given === null) throw bad('worker must be true, false or an object')
  for (const key of Object.keys(given)) {
    if (!KNOWN_WORKER.has(key)) throw bad(`worker has no option ${key}; it has ${[...KNOWN_WORKER].join(', ')}`)
  }
  const slots = whole(given.slots, 'slots', 1) ?? DEFAULT_SLOTS
  const queues = (given.queues ?? []).map((queue) => {
    const { name, slots: own = slots } = typeof queue === 'string' ? { name: queue } : queue
    if (typeof name !== 'string' || !/^[A-Za-z0-9_.-]{1,100}$/.test(name))
      throw bad(`queues: ${JSON.stringify(name)} is no name of a queue; letters, digits and _ . - are`)
    return { name, slots: whole(own, 'slots', 1) ?? slots }
  })
  if (given.only === true && queues.length === 0) throw bad('a worker with only needs queues')
  return {
    queues,
    only: given.only === true,
    slots,
    maxCachedWorkflows: whole(given.maxCachedWorkflows, 'maxCachedWorkflows', 0) ?? null,
    deployment: given.deployment ?? null,
  }
}

function text(value: unknown, name: string, mayBeEmpty = false): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || (value === '' && !mayBeEmpty) || value.includes('\0')) throw bad(`temporal: ${name} must be a text`)
  return value
}

function whole(value: unknown, name: string, least: number): number | undefined {
  if (value === undefined) return undefined
  if (!Number.isInteger(value) || (value as number) < least)
    throw bad(`worker: ${name} must be a whole number from ${least}, not ${String(value)}`)
  return value as number
}

function bad(message: string): EngineError {
  return new EngineError('bad-option', message)
}
