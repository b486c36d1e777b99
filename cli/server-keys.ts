import type { ServerOptions } from '../engine/http/server.ts'
import type { KeyPlace } from '../engine/keys/open.ts'
import type { KeyRing } from '../engine/keys/key-ring.ts'
import { clusterPlace, type ClusterFlags } from './cluster.ts'
import { usageError } from './command-error.ts'
import type { Config } from './config.ts'

export const DEFAULT_STORE = './data'

/** Where the API keys are, for whoever serves and whoever makes them. Throws CommandError (exit code 2). */
export function keyPlace(flags: ClusterFlags, config: Config): KeyPlace {
  if (config.engine !== 'temporal') return { engine: 'embedded', store: flags.store ?? config.store ?? DEFAULT_STORE }
  const { store, temporal } = clusterPlace(flags, config)
  return { engine: 'temporal', store, ...(temporal.scope === undefined ? {} : { scope: temporal.scope }) }
}

/**
 * The keys that a server takes: those of `server.keys`, and those that `fnflow keys add` has made. Throws CommandError (exit code 2) where there are
 * none and it should listen for others than this machine; EngineError `store-unusable`.
 */
export async function serverKeys(place: KeyPlace, config: Config, host: string): Promise<KeyRing> {
  const [{ openKeys }, { KeyRing }] = await Promise.all([import('../engine/keys/open.ts'), import('../engine/keys/key-ring.ts')])
  // what is in memory is for this process alone, and so are its keys
  const store = place.store === ':memory:' ? undefined : await openKeys(place)
  const keys = new KeyRing(config['server.keys'], store)
  try {
    if (!(await keys.areNeeded()) && !LOOPBACK.test(host))
      throw usageError(
        `--host ${host}: there is no API key, and without one the server listens on this machine only (127.0.0.1); fnflow keys add <name> --role admin makes one`,
      )
  } catch (error) {
    await keys.close()
    throw error
  }
  return keys
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/

/** What `server.*` says of who may ask, and how often. */
export function gateOptions(config: Config): Pick<ServerOptions, 'publicUrl' | 'allowedHosts' | 'cors' | 'rateLimit' | 'trustProxy'> {
  const given = {
    publicUrl: config['server.publicUrl'],
    allowedHosts: config['server.allowedHosts'],
    cors: config['server.cors'],
    rateLimit: config['server.rateLimit'],
    trustProxy: config['server.trustProxy'],
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
