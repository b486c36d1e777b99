import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Engine, EngineOptions } from '../../engine/api.ts'
import type { Lifecycle as ServerLifecycle } from '../../engine/http/lifecycle.ts'
import type { KeyRing } from '../../engine/keys/key-ring.ts'
import { clusterPlace, type ClusterFlags } from '../cluster.ts'
import { usageError } from '../command-error.ts'
import { configFileHere, readConfig, type Config } from '../config.ts'
import { documentOf } from '../engine-errors.ts'
import { EXIT } from '../exit-codes.ts'
import { watchInterrupts } from '../interrupt.ts'
import { DEFAULT_HOST, DEFAULT_PORT, freePort, listen, urlOf } from '../listen.ts'
import { isTerminal, print } from '../output.ts'
import { isFolder } from '../paths.ts'
import { DEFAULT_STORE, gateOptions, keyPlace, serverKeys } from '../server-keys.ts'
import { ServerLog } from '../server-log.ts'
import { withoutEffect } from '../without-effect.ts'
import { CHANNELS, functionsHere } from '../workspace.ts'

export interface ServeOptions extends ClusterFlags {
  readonly config?: string
  readonly functions?: string
  readonly flows?: string
  readonly host?: string
  readonly port?: number
  /** False: files of flows are loaded at the start only. */
  readonly watch?: boolean
  /** Prints lines to try. */
  readonly try?: boolean
  readonly json?: boolean
}

const DEFAULT_FLOWS = './flows'
const DEFAULT_SHUTDOWN_MS = 20_000

/**
 * `fnflow serve`: the HTTP API in this process, until it is asked to stop. Resolves to the exit code. Throws CommandError: bad usage (2); a store or
 * server that cannot be reached, or a port that is taken (3).
 */
export async function serve(options: ServeOptions): Promise<number> {
  const config = await readConfig(options.config ?? configFileHere(), process.env, { isServer: true })
  const functions = await functionsHere(options.functions ?? config.functions)
  const flows = flowFolders(options, config)
  const log = new ServerLog(config['telemetry.logs'] ?? (isTerminal(process.stderr) ? 'text' : 'json'))
  const interrupts = watchInterrupts(() => log.flush())
  const stop = new Promise<void>((resolve) => interrupts.signal.addEventListener('abort', () => resolve(), { once: true }))
  tellWarnings(log)
  for (const told of withoutEffect(config)) log.warn(told)
  let engine: Engine | undefined
  let keys: KeyRing | undefined
  try {
    const onError = (error: unknown, requestId?: string): void =>
      log.error(error instanceof Error ? (error.stack ?? error.message) : String(error), { requestId })
    const { host = config['server.host'] ?? DEFAULT_HOST, port = config['server.port'] ?? DEFAULT_PORT } = options
    keys = await serverKeys({ ...keyPlace(options, config), onError }, config, host)
    const expected = port === 0 ? await freePort(host) : port
    const reached = { url: config['server.publicUrl'] ?? urlOf(host, expected) }
    engine = await open(options, config, { functions, publicUrl: () => reached.url }, log)
    const listening = async (app: FastifyInstance): Promise<string> => {
      const url = await listen(app, host, port, expected)
      const { port: found } = app.server.address() as AddressInfo
      if (config['server.publicUrl'] === undefined) reached.url = urlOf(host, found)
      return url
    }
    const serving = { engine, keys, onError, listening, flows, stop }
    if (!interrupts.interrupted) await serveUntil(serving, options, config, log)
  } catch (error) {
    await documentOf(error)
  } finally {
    await engine?.close()
    await keys?.close()
    interrupts.release()
    log.flush()
  }
  return EXIT.ok
}

interface Serving {
  readonly engine: Engine
  readonly keys: KeyRing
  onError(error: unknown, requestId?: string): void
  /** Resolves to the URL. */
  listening(app: FastifyInstance): Promise<string>
  readonly flows: readonly string[]
  /** Resolves when the server is to end. */
  readonly stop: Promise<void>
}

async function serveUntil(serving: Serving, options: ServeOptions, config: Config, log: ServerLog): Promise<void> {
  const { engine, keys, onError, listening, flows, stop } = serving
  const [{ createServer }, { Lifecycle, shutDown }, { FlowFolder }] = await Promise.all([
    import('../../engine/http/server.ts'),
    import('../../engine/http/lifecycle.ts'),
    import('../flow-folder.ts'),
  ])
  const lifecycle: ServerLifecycle = new Lifecycle()
  // probes are answered while the flows are read, and the store
  lifecycle.startingWith = 'the flows'
  const app = await createServer({ engine, keys, onError, onAnswer: (line) => log.request(line), lifecycle, ...gateOptions(config) })
  const folder = new FlowFolder(engine, flows, log)
  const timeout = config['server.shutdownTimeout'] ?? DEFAULT_SHUTDOWN_MS
  void stop.then(() => {
    log.info('stopping: no new requests are taken (again: end at once)')
    lifecycle.stop()
    endAfter(timeout, log)
  })
  try {
    const url = await listening(app)
    const loading = folder.load()
    loading.catch(() => undefined)
    await Promise.race([loading, stop])
    if (lifecycle.isStopping) return
    lifecycle.startingWith = null
    if (options.watch !== false) folder.watch()
    await print(options.json === true ? JSON.stringify({ address: url }) : `listening at ${url}`)
    if (options.try === true) {
      const { tryIt } = await import('../try-it.ts')
      await print(`\nto try:\n\n${(await tryIt(engine, url, folder.examples(), await keys.areNeeded())).join('\n')}\n`)
    }
    await stop
  } finally {
    await Promise.all([folder.close(), shutDown(app, lifecycle, timeout)])
  }
}

/** Whatever holds the process up then: what counts is in the journal. */
function endAfter(ms: number, log: ServerLog): void {
  setTimeout(() => {
    log.warn(`not everything has ended within ${ms / 1000} s (server.shutdownTimeout); what runs goes on when the server is started again`)
    log.flush()
    process.exit(EXIT.ok)
  }, ms).unref()
}

/** Those that are named must be there. Throws CommandError (exit code 2). */
function flowFolders(options: ServeOptions, config: Config): readonly string[] {
  const named = options.flows === undefined ? config.flows : [options.flows]
  const missing = named?.find((folder) => !isFolder(folder))
  if (missing !== undefined) throw usageError(`no folder ${missing}`)
  return named ?? [DEFAULT_FLOWS]
}

async function open(
  flags: ServeOptions,
  config: Config,
  given: Required<Pick<EngineOptions, 'functions' | 'publicUrl'>>,
  log: ServerLog,
): Promise<Engine> {
  const common: EngineOptions = {
    ...given,
    channels: { ...CHANNELS, ...config.channels },
    connections: config.connections ?? {},
    ...(config.timezone === undefined ? {} : { timezone: config.timezone }),
    ...(config['server.jwt'] === undefined ? {} : { jwt: config['server.jwt'] }),
    ...(config.retention === undefined ? {} : { retentionMs: config.retention }),
    ...(config['server.functionSecrets'] === undefined ? {} : { functionSecrets: config['server.functionSecrets'] }),
    ...(config['server.outbound.allowPrivate'] === undefined ? {} : { outbound: { allowPrivate: config['server.outbound.allowPrivate'] } }),
    limits: limitsOf(config),
    onLog: (line) => log.function(line),
  }
  const { createEngine } = await import('../../engine/create-engine.ts')
  if (config.engine !== 'temporal') return createEngine({ ...common, store: flags.store ?? config.store ?? DEFAULT_STORE })
  const { store, temporal } = clusterPlace(flags, config)
  return createEngine({ ...common, engine: 'temporal', store, temporal: { ...temporal, worker: false } })
}

function limitsOf({
  'limits.executions': executions,
  'limits.startsPerSecond': startsPerSecond,
}: Config): NonNullable<EngineOptions['limits']> {
  return { ...(executions === undefined ? {} : { executions }), ...(startsPerSecond === undefined ? {} : { startsPerSecond }) }
}

/** The process's warnings are lines of the log. */
function tellWarnings(log: ServerLog): void {
  // Node's own listener prints them
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => log.warn(name.startsWith('Fnflow') ? message : `${name}: ${message}`))
}
