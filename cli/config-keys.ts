import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseDuration } from '../dsl/duration.ts'

/** Thrown by a leaf that does not take a value; the message begins with what was expected. */
export class Wrong extends Error {
  /** The message says what came, too. */
  readonly tellsValue: boolean
  constructor(message: string, tellsValue = false) {
    super(message)
    this.tellsValue = tellsValue
  }
}

interface Around {
  /** Paths are relative to it. */
  readonly folder: string
  /** Where secrets are looked up; absent where there can be none. */
  readonly env?: NodeJS.ProcessEnv
}

export interface Leaf<T = unknown> {
  /** Messages do not repeat it. */
  readonly secret?: boolean
  /** What a variable's text stands for, where it is no text. */
  ofText?(text: string): unknown
  /** Throws {@link Wrong}. */
  take(value: unknown, around: Around): T
}

function text(expected: string, secret = false): Leaf<string> {
  return {
    secret,
    take(value, around) {
      const found = isSecret(value) ? secretOf(value, around) : value
      if (typeof found !== 'string' || found === '' || found.includes('\0')) throw new Wrong(`expected ${expected}`)
      return found
    },
  }
}

/** An API key that is not set is none. */
const apiKey: Leaf<string | undefined> = {
  secret: true,
  take(value, around) {
    if (value === null || (isSecret(value) && value.from === 'env' && !around.env?.[value.name])) return undefined
    return text('a key, or where it is found: { from: env, name: TEMPORAL_API_KEY }', true).take(value, around)
  },
}

function path(expected: string): Leaf<string> {
  return { take: (value, around) => resolve(around.folder, text(expected).take(value, around)) }
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

const retention: Leaf<number> = {
  take(value) {
    const ms = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined
    if (ms === undefined) throw new Wrong('expected a duration such as 90d or 12h, or seconds')
    return ms
  },
}

const engine: Leaf<'embedded' | 'temporal'> = {
  take(value) {
    if (value !== 'embedded' && value !== 'temporal') throw new Wrong('expected embedded or temporal')
    return value
  },
}

/** The keys that have values, by their path. */
export const LEAVES = {
  engine,
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
  functions: path('the path of a functions.yaml'),
  retention,
} as const satisfies { readonly [path: string]: Leaf }

export type LeafPath = keyof typeof LEAVES

/** The keys within each mapping, by its path. */
export const GROUPS: { readonly [path: string]: readonly string[] } = groupsOf(Object.keys(LEAVES))

/** Keys of the file that are for other commands. */
export const LEFT_ALONE: ReadonlySet<string> = new Set([
  'server',
  'flows',
  'timezone',
  'connections',
  'channels',
  'limits',
  'asyncRetryInterval',
  'gpus',
  'telemetry',
])

/** The text of a PEM file. Throws {@link Wrong}. */
export function readPem(file: string): string {
  const found = readText(file)
  if (!found.includes('-----BEGIN')) throw new Wrong(`the file ${file} is not PEM: it has no line -----BEGIN …`, true)
  return found
}

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

interface Secret {
  readonly from: 'env' | 'file'
  readonly name: string
}

function isSecret(value: unknown): value is Secret {
  if (typeof value !== 'object' || value === null) return false
  const { from, name, ...more } = value as { [key: string]: unknown }
  return (from === 'env' || from === 'file') && typeof name === 'string' && name !== '' && Object.keys(more).length === 0
}

function secretOf({ from, name }: Secret, { env, folder }: Around): string {
  if (from === 'env') {
    const value = env?.[name]
    if (value === undefined || value === '') throw new Wrong(`the environment variable ${name} is not set`, true)
    return value
  }
  return readText(resolve(folder, name)).replace(/\r?\n$/, '')
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Wrong(code === 'ENOENT' ? `there is no file ${file}` : `the file ${file} cannot be read: ${message}`, true)
  }
}
