import { resolve } from 'node:path'
import { duration, isSecret, oneOf, optional, paths, readPem, text, wholeNumber, Wrong, type Leaf } from './config-leaf.ts'
import { channels } from './config-channels.ts'
import { connections } from './config-connections.ts'
import { SERVER_LEAVES } from './config-server-keys.ts'

/** An API key that is not set is none. */
const apiKey: Leaf<string | undefined> = {
  secret: true,
  take(value, around) {
    if (value === null || (isSecret(value) && value.from === 'env' && !around.env?.[value.name])) return undefined
    return text('a key, or where it is found: { from: env, name: TEMPORAL_API_KEY }', true).take(value, around)
  },
}

/** A certificate or key: the path of a PEM file, or its text. */
function pem(): Leaf<string> {
  return {
    secret: true,
    take(value, around) {
      const expected = 'the path of a PEM file, or its text (-----BEGIN …)'
      const found = text(expected, true).take(value, around)
      if (found.includes('-----BEGIN')) return found
      // a secret from a file is the text already
      if (isSecret(value)) throw new Wrong(`expected ${expected}`, true)
      return readPem(resolve(around.folder, found))
    },
  }
}

const tls: Leaf<boolean> = {
  ofText: (given) => ({ true: true, false: false })[given] ?? given,
  take(value) {
    if (value !== null && typeof value !== 'boolean') throw new Wrong('expected true, false or { ca, cert, key, serverName }')
    return value === true
  },
}

const timezone: Leaf<string> = {
  take(value, around) {
    const expected = 'the name of a time zone, such as UTC or Europe/Berlin'
    const found = text(expected).take(value, around)
    try {
      // offsets are no names, though Intl takes them
      if (!/^[A-Za-z]/.test(found)) throw new RangeError()
      return new Intl.DateTimeFormat('en', { timeZone: found }).resolvedOptions().timeZone
    } catch {
      throw new Wrong(`expected ${expected}`)
    }
  },
}

/** The keys that have values, by their path. */
export const LEAVES = {
  engine: oneOf('embedded', 'temporal'),
  store: text('a folder, or the URL of a PostgreSQL database', true),
  'temporal.address': text('host:port, such as localhost:7233'),
  'temporal.namespace': text('the name of a namespace'),
  'temporal.taskQueue': text('the name of a task queue'),
  'temporal.tls': tls,
  'temporal.tls.ca': pem(),
  'temporal.tls.cert': pem(),
  'temporal.tls.key': pem(),
  'temporal.tls.serverName': text('the name that the certificate of the server is made out to'),
  'temporal.apiKey': apiKey,
  ...SERVER_LEAVES,
  flows: paths('the folder of the flows'),
  functions: paths('the path of a functions.yaml'),
  connections,
  channels,
  timezone,
  retention: duration('a duration such as 90d or 12h, or seconds'),
  'limits.executions': wholeNumber('a number of executions from 1', 1),
  'limits.startsPerSecond': wholeNumber('a number of starts a second; 0: no limit', 0),
  'limits.instances': wholeNumber('a number of instances from 1', 1),
  'limits.memory': wholeNumber('a number of MiB from 1', 1),
  asyncRetryInterval: duration('a duration such as 1m, or seconds'),
  'telemetry.logs': oneOf('json', 'text'),
  'telemetry.otlp': optional(text('the URL of an OTLP endpoint, or null')),
} as const satisfies { readonly [path: string]: Leaf }

export type LeafPath = keyof typeof LEAVES

/** The keys within each mapping, by its path. */
export const GROUPS: { readonly [path: string]: readonly string[] } = groupsOf(Object.keys(LEAVES))

/** Keys of the file that have no meaning yet, and are taken as they are. */
export const LEFT_ALONE: ReadonlySet<string> = new Set(['gpus'])

function groupsOf(paths: readonly string[]): { [path: string]: string[] } {
  const groups: { [path: string]: string[] } = {}
  for (const path of paths) {
    const steps = path.split('.')
    for (const [at, step] of steps.entries()) {
      const group = (groups[steps.slice(0, at).join('.')] ??= [])
      if (!group.includes(step)) group.push(step)
    }
  }
  return groups
}
