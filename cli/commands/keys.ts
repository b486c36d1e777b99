import type { KeyStore, Role, StoredKey } from '../../engine/keys/api-key.ts'
import type { ClusterFlags } from '../cluster.ts'
import { CommandError } from '../command-error.ts'
import { configFileHere, readConfig } from '../config.ts'
import { documentOf } from '../engine-errors.ts'
import { EXIT } from '../exit-codes.ts'
import { print, say } from '../output.ts'
import { table } from '../plan/table.ts'
import { keyPlace } from '../server-keys.ts'
import { visible } from '../visible.ts'

export interface KeysOptions extends ClusterFlags {
  readonly config?: string
  readonly json?: boolean
}

export interface NewKeyOptions extends KeysOptions {
  readonly role: string
  readonly flow?: readonly string[]
}

/** `fnflow keys add`: makes a key and prints it, once. Resolves to the exit code. Throws CommandError: bad usage, a name that is taken (2); no store (3). */
export async function addKey(name: string, options: NewKeyOptions): Promise<number> {
  const { checkKey, hashOf, newKey } = await import('../../engine/keys/api-key.ts')
  const key = newKey()
  await withStore(options, async (store) => {
    const flows = options.flow === undefined ? {} : { flows: [...new Set(options.flow)] }
    const stored: StoredKey = { name, role: options.role as Role, ...flows, hash: hashOf(key), createdAt: Date.now() }
    checkKey(stored)
    if (!(await store.add(stored)))
      throw refused('conflict', 409, `there is a key ${name} already; fnflow keys remove ${name} takes it away`)
    if (options.json !== true) say(`key ${name} (${describe(stored)}); it is shown this once`)
    await print(options.json === true ? JSON.stringify({ name, role: stored.role, ...flows, key }) : key)
  })
  return EXIT.ok
}

/** `fnflow keys list`: never the keys themselves. Resolves to the exit code. Throws CommandError as {@link addKey} does. */
export async function listKeys(options: KeysOptions): Promise<number> {
  await withStore(options, async (store) => {
    const keys = await store.list()
    if (options.json === true) return print(JSON.stringify({ items: keys.map(({ hash: _hash, ...shown }) => shown) }))
    if (keys.length === 0) return say('no keys; fnflow keys add <name> --role viewer|operator|admin makes one')
    const rows = keys.map(({ name, role, flows, createdAt }) => [
      visible(name),
      role,
      new Date(createdAt).toISOString().slice(0, 16).replace('T', ' '),
      visible(flows?.join(', ') ?? 'all flows'),
    ])
    return print(table(['name', 'role', 'made at', 'flows'], rows))
  })
  return EXIT.ok
}

/** `fnflow keys remove`. Resolves to the exit code. Throws CommandError as {@link addKey} does; no such key: 2. */
export async function removeKey(name: string, options: KeysOptions): Promise<number> {
  await withStore(options, async (store) => {
    if (!(await store.remove(name))) throw refused('key-not-found', 404, `no key ${name}; fnflow keys list shows those that there are`)
    if (options.json === true) await print(JSON.stringify({ name }))
    else say(`key ${name} is taken away`)
  })
  return EXIT.ok
}

async function withStore(options: KeysOptions, work: (store: KeyStore) => Promise<unknown> | void): Promise<void> {
  const config = await readConfig(options.config ?? configFileHere())
  const { openKeys } = await import('../../engine/keys/open.ts')
  let store: KeyStore | undefined
  try {
    store = await openKeys(keyPlace(options, config))
    await work(store)
  } catch (error) {
    await documentOf(error)
  } finally {
    await store?.close()
  }
}

function describe({ role, flows }: StoredKey): string {
  return flows === undefined ? role : `${role}, of ${flows.join(', ')} only`
}

function refused(errorType: string, status: number, errorMessage: string): CommandError {
  return new CommandError({ status, errorType, errorMessage }, EXIT.usage)
}
