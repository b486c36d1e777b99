import type { KeyStore } from './api-key.ts'
import { KeysFile } from './keys-file.ts'

/** Where the keys of an engine are kept. */
export interface KeyPlace {
  readonly engine: 'embedded' | 'temporal'
  /** Folder, or URL of PostgreSQL. */
  readonly store: string
  /** Of Temporal. */
  readonly scope?: string
  /** Told of keys that cannot be read any more while those from before stay in force. */
  readonly onError?: (error: unknown) => void
}

/** Opens the keys beside the engine, whose store may be in use. Rejects with EngineError `store-unusable`, `bad-option`. */
export async function openKeys({ engine, store, scope, onError }: KeyPlace): Promise<KeyStore> {
  if (engine === 'embedded') return new KeysFile(store, onError)
  const { Registry } = await import('../temporal/registry/registry.ts')
  const registry = await Registry.open({ url: store, poolSize: 1, ...(scope === undefined ? {} : { scope }) })
  const { apiKeys } = registry
  return {
    list: () => apiKeys.list(),
    add: (key) => apiKeys.add(key),
    remove: (name) => apiKeys.remove(name),
    current: (fresh) => apiKeys.current(fresh),
    close: () => registry.close(),
  }
}
