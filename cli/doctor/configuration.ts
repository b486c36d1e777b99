import { variableOf, type Config } from '../config.ts'
import { LEAVES, type LeafPath } from '../config-keys.ts'

/** Where a value comes from. */
type Origin = 'file' | 'variable' | 'default'

export interface Setting {
  readonly value: unknown
  readonly from: Origin
}

/** What is in force where nothing is said; what is missing here has no value then. */
const DEFAULTS: { readonly [path in LeafPath]?: unknown } = {
  engine: 'embedded',
  store: './data',
  'server.host': '127.0.0.1',
  'server.port': 8900,
  'server.keys': [],
  'server.cors': [],
  'server.trustProxy': false,
  'server.shutdownTimeout': 20_000,
  'server.allowedHosts': [],
  'server.functionSecrets': [],
  'server.outbound.allowPrivate': [],
  flows: ['./flows'],
  functions: ['./functions.yaml'],
  retention: 90 * 86_400_000,
}

/** The configuration in force, by key; what is secret is masked. Durations are ms. */
export function settingsOf(config: Config, env: NodeJS.ProcessEnv = process.env): { readonly [path: string]: Setting } {
  const settings: { [path: string]: Setting } = {}
  for (const path of Object.keys(LEAVES) as LeafPath[]) {
    const isSet = config[path] !== undefined
    const value = isSet ? config[path] : path === 'store' && config.engine === 'temporal' ? undefined : DEFAULTS[path]
    if (value === undefined) continue
    const from: Origin = !isSet ? 'default' : (env[variableOf(path)] ?? '') === '' ? 'file' : 'variable'
    settings[path] = { value: masked(path, value), from }
  }
  return settings
}

function masked(path: LeafPath, value: unknown): unknown {
  if (path === 'server.keys') return (value as readonly object[]).map((key) => ({ ...key, key: '***' }))
  if (path === 'store') return withoutPassword(value as string)
  const leaf: { readonly secret?: boolean } = LEAVES[path]
  return leaf.secret === true ? '***' : value
}

/** An URL without its password; a folder as it is. */
function withoutPassword(store: string): string {
  if (!/^[a-z]+:\/\//i.test(store)) return store
  // one that is no URL may hold it anywhere
  if (!URL.canParse(store)) return '***'
  const url = new URL(store)
  if (url.password !== '') url.password = '***'
  for (const name of ['password', 'sslpassword']) if (url.searchParams.has(name)) url.searchParams.set(name, '***')
  return url.toString()
}
