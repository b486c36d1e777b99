import type { Engine, EngineOptions } from '../../engine/api.ts'
import type { KeyRing } from '../../engine/keys/key-ring.ts'
import type { FunctionSpec } from '../../engine/functions-file.ts'
import { clusterPlace, type ClusterFlags } from '../cluster.ts'
import { CommandError, usageError } from '../command-error.ts'
import { configFileHere, readConfig, type Config } from '../config.ts'
import type { FileDiagnostic } from '../diagnostics.ts'
import { documentOf } from '../engine-errors.ts'
import { EXIT } from '../exit-codes.ts'
import { flowFilesIn } from '../flow-files.ts'
import { watchInterrupts } from '../interrupt.ts'
import { print, say } from '../output.ts'
import { isFolder } from '../paths.ts'
import { DEFAULT_STORE, gateOptions, keyPlace, serverKeys } from '../server-keys.ts'
import { visible } from '../visible.ts'
import { tellWarnings } from '../warnings.ts'
import { CHANNELS, functionsHere, tellDiagnostics, tellLog } from '../workspace.ts'

export interface ServeOptions extends ClusterFlags {
  readonly config?: string
  readonly functions?: string
  readonly flows?: string
  readonly host?: string
  readonly port?: number
  readonly json?: boolean
}

const DEFAULT_FLOWS = './flows'
const DEFAULT_PORT = 8900

/**
 * `fnflow serve`: the HTTP API in this process, until it is asked to stop. Resolves to the exit code. Throws CommandError: bad usage (2); a store or
 * server that cannot be reached, or a port that is taken (3).
 */
export async function serve(options: ServeOptions): Promise<number> {
  const config = await readConfig(options.config ?? configFileHere(), process.env, { isServer: true })
  const { host = config['server.host'] ?? '127.0.0.1', port = config['server.port'] ?? DEFAULT_PORT } = options
  const functions = await functionsHere(options.functions ?? config.functions)
  const interrupts = watchInterrupts(() => undefined)
  tellWarnings(say, (message) => say(visible(message)))
  const onError = (error: unknown): void => say(visible(error instanceof Error ? (error.stack ?? error.message) : String(error)))
  let engine: Engine | undefined
  let keys: KeyRing | undefined
  try {
    keys = await serverKeys({ ...keyPlace(options, config), onError }, config, host)
    engine = await open(options, config, functions)
    await deployFolder(engine, options.flows ?? config.flows)
    const { createServer } = await import('../../engine/http/server.ts')
    const app = await createServer({ engine, keys, onError, ...gateOptions(config) })
    try {
      const address = await app.listen({ host, port })
      await print(options.json === true ? JSON.stringify({ address }) : `listening at ${address}`)
      await new Promise<void>((resolve) => {
        if (interrupts.interrupted) resolve()
        else interrupts.signal.addEventListener('abort', () => resolve(), { once: true })
      })
      say('stopping: no new requests are taken (again: end at once)')
    } catch (error) {
      throw cannotListen(error, host, port)
    } finally {
      await app.close()
    }
  } catch (error) {
    await documentOf(error)
  } finally {
    await engine?.close()
    await keys?.close()
    interrupts.release()
  }
  return EXIT.ok
}

async function open(flags: ServeOptions, config: Config, functions: Record<string, FunctionSpec>): Promise<Engine> {
  const common: EngineOptions = {
    functions,
    channels: CHANNELS,
    ...(config.retention === undefined ? {} : { retentionMs: config.retention }),
    ...(config['server.publicUrl'] === undefined ? {} : { publicUrl: config['server.publicUrl'] }),
    ...(config['server.outbound.allowPrivate'] === undefined ? {} : { outbound: { allowPrivate: config['server.outbound.allowPrivate'] } }),
    onLog: tellLog,
  }
  const { createEngine } = await import('../../engine/create-engine.ts')
  if (config.engine !== 'temporal') return createEngine({ ...common, store: flags.store ?? config.store ?? DEFAULT_STORE })
  const { store, temporal } = clusterPlace(flags, config)
  return createEngine({ ...common, engine: 'temporal', store, temporal: { ...temporal, worker: false } })
}

/** Puts the flows of a folder there; a broken one is told of, and what was deployed before stays. */
async function deployFolder(engine: Engine, named: string | undefined): Promise<void> {
  const folder = named ?? DEFAULT_FLOWS
  if (!isFolder(folder)) {
    if (named !== undefined) throw usageError(`no folder ${folder}`)
    return
  }
  const { FlowInvalid } = await import('../../engine/errors.ts')
  for (const { file, bytes } of flowFilesIn(folder)) {
    try {
      const { flow } = await engine.deploy(bytes)
      say(`deployed ${flow} (${file})`)
    } catch (error) {
      if (!(error instanceof FlowInvalid)) throw error
      const found = error.diagnostics.map((one): FileDiagnostic => ({ ...one, file }))
      await tellDiagnostics(found, new Map([[file, Buffer.from(bytes).toString()]]))
    }
  }
}

function cannotListen(error: unknown, host: string, port: number): unknown {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') return error
  const why = { EADDRINUSE: 'another process has it', EACCES: 'this user may not', EADDRNOTAVAIL: 'this machine has no such address' }[code]
  const errorMessage = `cannot listen at ${host}:${port}: ${why}; --port names another`
  return new CommandError({ status: 503, errorType: 'CannotListen', errorMessage }, EXIT.unreachable)
}
