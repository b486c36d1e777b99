import type { TemporalOptions } from '../engine/api.ts'
import { usageError } from './command-error.ts'
import { readPem, Wrong } from './config-leaf.ts'
import type { Config } from './config.ts'

/** Options that all commands have which work with a cluster. */
export interface ClusterFlags {
  readonly store?: string
  readonly address?: string
  readonly namespace?: string
  readonly taskQueue?: string
  readonly scope?: string
  readonly payloads?: string
  readonly tls?: boolean
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsServerName?: string
  /** False: no worker in this process. */
  readonly worker?: boolean
}

const FLAGS = ['address', 'namespace', 'taskQueue', 'scope', 'payloads', 'tls', 'tlsCa', 'tlsCert', 'tlsKey', 'tlsServerName'] as const

/** Throws CommandError (exit code 2) where an option is given that no other engine has. */
export function refuseClusterFlags(flags: ClusterFlags): void {
  const given = FLAGS.find((name) => flags[name] !== undefined)?.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const name = given ?? (flags.worker === false ? 'no-worker' : undefined)
  if (name !== undefined) throw usageError(`--${name} goes with --engine temporal`)
}

/** Where the cluster is. */
export interface ClusterPlace {
  /** URL of PostgreSQL. */
  readonly store: string
  readonly temporal: TemporalOptions
}

const STORE_HINT = 'Temporal runs the executions, and flows and records are kept in PostgreSQL'

/** Options before variables, variables before the configuration. Throws CommandError (exit code 2). */
export function clusterPlace(flags: ClusterFlags, config: Config, env: NodeJS.ProcessEnv = process.env): ClusterPlace {
  const store = flags.store ?? config.store
  if (store === undefined)
    throw usageError(`--store postgres://user:password@host:5432/database (or FNFLOW_STORE) is missing: ${STORE_HINT}`)
  if (!/^postgres(ql)?:\/\//.test(store)) {
    // not repeated: it may be an URL with a password that was mistyped
    throw usageError(
      `--store must be the URL of a PostgreSQL database, such as postgres://user:password@localhost:5432/fnflow: ${STORE_HINT}`,
    )
  }
  const tls = tlsOf(flags, config)
  const apiKey = config['temporal.apiKey'] ?? (env['TEMPORAL_API_KEY'] || undefined)
  return {
    store,
    temporal: defined({
      address: flags.address ?? config['temporal.address'],
      namespace: flags.namespace ?? config['temporal.namespace'],
      taskQueue: flags.taskQueue ?? config['temporal.taskQueue'],
      scope: flags.scope,
      payloads: flags.payloads,
      tls,
      apiKey,
    }),
  }
}

function tlsOf(flags: ClusterFlags, config: Config): TemporalOptions['tls'] {
  const parts = defined({
    ca: fromFile('--tls-ca', flags.tlsCa) ?? config['temporal.tls.ca'],
    cert: fromFile('--tls-cert', flags.tlsCert) ?? config['temporal.tls.cert'],
    key: fromFile('--tls-key', flags.tlsKey) ?? config['temporal.tls.key'],
    serverName: flags.tlsServerName ?? config['temporal.tls.serverName'],
  })
  return Object.keys(parts).length > 0 ? parts : (flags.tls ?? config['temporal.tls'])
}

function fromFile(option: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readPem(file)
  } catch (error) {
    if (error instanceof Wrong) throw usageError(`${option}: ${error.message}`)
    throw error
  }
}

/** Without what is undefined. */
function defined<T extends object>(object: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>
  }
}
