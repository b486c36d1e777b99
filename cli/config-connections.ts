/** The connections in fnflow.yaml: secrets resolved, certificates read, checked by their kind. */
import { resolve } from 'node:path'
import type { ConnectionOptions } from '../engine/api.ts'
import { checkConnection, WrongOption } from '../engine/connections.ts'
import { isSecret, jsonOf, readPem, shown, text, Wrong, type Around, type Leaf } from './config-leaf.ts'
import { within } from './config-server-keys.ts'

const PEM_KEYS: ReadonlySet<string> = new Set(['ca', 'cert', 'key'])

export const connections: Leaf<Readonly<Record<string, ConnectionOptions>>> = {
  secret: true,
  ofText: jsonOf,
  take(value, around) {
    if (!isMapping(value))
      throw new Wrong(
        `expected a mapping of names to connections, such as main: { kind: kafka, brokers: [localhost:9092] }${shown(value)}`,
        true,
      )
    const taken: Record<string, ConnectionOptions> = {}
    for (const [name, given] of Object.entries(value)) {
      if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name))
        throw new Wrong('expected a name of 1-64 of A-Z a-z 0-9 _ -, a letter first', true, [name], true)
      taken[name] = within([name], () => connectionOf(given, around))
    }
    return taken
  },
}

function connectionOf(value: unknown, around: Around): ConnectionOptions {
  const known = resolved(value, around, [])
  try {
    return checkConnection(known)
  } catch (error) {
    // what came may be a secret
    if (error instanceof WrongOption) throw new Wrong(error.message, true, error.at, error.isKey)
    throw error
  }
}

/** A copy with texts in place of secrets, and of the paths of PEM files. */
function resolved(value: unknown, around: Around, at: readonly string[]): unknown {
  const key = at.at(-1)
  if (isSecret(value)) return text('a text, or where it is found: { from: env, name: MY_SECRET }', true).take(value, around)
  if (typeof value === 'string' && at.at(-2) === 'tls' && PEM_KEYS.has(String(key)) && !value.includes('-----BEGIN'))
    return readPem(resolve(around.folder, value))
  if (!isMapping(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, within([name], () => resolved(inner, around, [...at, name]))]),
  )
}

function isMapping(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
