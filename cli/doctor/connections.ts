import { createServer } from 'node:net'
import { EngineError } from '../../engine/errors.ts'
import { clusterPlace, type ClusterFlags } from '../cluster.ts'
import type { Config } from '../config.ts'
import { DEFAULT_HOST, DEFAULT_PORT } from '../listen.ts'
import { DEFAULT_STORE } from '../server-keys.ts'
import type { Check } from './check.ts'

const ASK_MS = 2000

/** Whether what the configuration names can be reached. Changes nothing. Throws CommandError (exit code 2) for a wrong configuration. */
export async function checkConnections(flags: ClusterFlags, config: Config): Promise<Check[]> {
  const port = await checkPort(config['server.host'] ?? DEFAULT_HOST, config['server.port'] ?? DEFAULT_PORT)
  if (config.engine === 'temporal') return [...(await checkCluster(flags, config)), port.check]
  return [await checkStore(flags.store ?? config.store ?? DEFAULT_STORE, port.isOurs), port.check]
}

function found(name: string, state: Check['state'], detail: string, remedy?: string): Check {
  return { group: 'connections', name, state, detail, ...(remedy === undefined ? {} : { remedy }) }
}

async function checkStore(folder: string, isServing: boolean): Promise<Check> {
  const { lockState } = await import('../../engine/embedded/store.ts')
  try {
    const state = await lockState(folder)
    if (state === 'none') return found('store', 'ok', `${folder}: nothing there yet; it is made at the first start`)
    if (state === 'free') return found('store', 'ok', `${folder}: free`)
    if (isServing) return found('store', 'ok', `${folder}: in use, and a server of fnflow runs`)
    return found('store', 'failed', `${folder}: in use by another process`, 'stop that one, or name another folder as store')
  } catch (error) {
    return found('store', 'failed', `${folder}: ${messageOf(error)}`, 'check that the folder may be read and written')
  }
}

async function checkCluster(flags: ClusterFlags, config: Config): Promise<Check[]> {
  const { store, temporal } = clusterPlace(flags, config)
  const [{ clusterOptions }, { checkTemporal }, { Registry }] = await Promise.all([
    import('../../engine/temporal/options.ts'),
    import('../../engine/temporal/connect.ts'),
    import('../../engine/temporal/registry/registry.ts'),
  ])
  const options = clusterOptions({ engine: 'temporal', store, temporal: { ...temporal, worker: false } })
  const asked = await Promise.allSettled([
    checkTemporal(options),
    Registry.open({ url: store, scope: options.scope, poolSize: 1, migrate: false }).then((registry) => registry.close()),
  ])
  const [cluster, database] = asked
  return [
    cluster.status === 'fulfilled'
      ? found('Temporal', 'ok', `${options.host}:${options.port}, namespace ${options.namespace}, version ${cluster.value}`)
      : found('Temporal', 'failed', messageOf(cluster.reason), 'start it, or mend temporal.address, temporal.namespace or temporal.tls'),
    database.status === 'fulfilled' ? found('PostgreSQL', 'ok', 'reached, tables up to date') : ofDatabase(database.reason),
  ]
}

/** A database without our tables will do: they are made by the first server or worker. */
function ofDatabase(error: unknown): Check {
  if (error instanceof EngineError && /is not of version/.test(error.message))
    return found(
      'PostgreSQL',
      'warning',
      'reached; its tables are not up to date',
      'a server or worker brings them up to date when it starts',
    )
  return found('PostgreSQL', 'failed', messageOf(error), 'start it, or mend store')
}

async function checkPort(host: string, port: number): Promise<{ readonly isOurs: boolean; readonly check: Check }> {
  const name = 'port'
  const code = await triedToListen(host, port)
  if (code === undefined) return { isOurs: false, check: found(name, 'ok', `${host}:${port}: free`) }
  if (code === 'EADDRINUSE') {
    const state = await serverAt(host, port)
    if (state !== undefined) return { isOurs: true, check: found(name, 'ok', `${host}:${port}: a server of fnflow answers (${state})`) }
    return { isOurs: false, check: found(name, 'failed', `${host}:${port}: another process has it`, 'set server.port to another') }
  }
  return { isOurs: false, check: found(name, 'failed', `${host}:${port}: ${code}`, 'set server.host to an address of this machine') }
}

function triedToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

/** How a server of ours is; undefined where there is none. */
async function serverAt(host: string, port: number): Promise<string | undefined> {
  try {
    const shown = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host
    const response = await fetch(`http://${shown}:${port}/readyz`, { signal: AbortSignal.timeout(ASK_MS) })
    const { status, state, type } = (await response.json()) as {
      readonly status?: unknown
      readonly state?: unknown
      readonly type?: unknown
    }
    if (response.ok) return typeof status === 'string' ? status : undefined
    return typeof type === 'string' && type.startsWith('urn:fnflow:') ? String(state ?? 'stopping') : undefined
  } catch {
    return undefined
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
