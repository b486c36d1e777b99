/** What is wrong with definitions of functions. Loads the schema: import it when it is needed. */
import type { DocumentPath } from '../dsl/diagnostics.ts'
import { isFunctionName } from './function-spec.ts'
import type { Report } from './functions-report.ts'
import { functionSchema, KNOWN_KEYS, type WrittenFunction } from './functions-schema.ts'

/** Those that are there without any executor of the user's. */
export const RUNTIMES = ['module', 'nodejs', 'python']
const LATER_RUNTIMES = ['custom', 'http', 'tencent-scf', 'huawei-functiongraph']
/** Bytes of names and values of a function's variables together. */
const VARIABLES_LIMIT = 4096

/** The definition with its defaults; undefined if anything was reported. */
export function parseFunction(name: string, written: unknown, runtimes: readonly string[], report: Report): WrittenFunction | undefined {
  if (!isFunctionName(name)) {
    const message = `${JSON.stringify(name)} is not a name: expected a letter, then letters, digits, - and _, to 60, not ending in - or _`
    report('schema', message, [name], 'key')
    return undefined
  }
  const parsed = functionSchema.safeParse(written)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const path = [name, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))]
      const place = path.slice(1).join('.')
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys) report('schema', unknownKey(key, KNOWN_KEYS[place] ?? ['from', 'name']), [...path, key], 'key')
      } else if (issue.code === 'invalid_key') {
        report('schema', `${path.at(-1)}${issue.issues.map(({ message }) => message).join(';')}`, path, 'key')
      } else {
        const value = valueAt(written, path.slice(1))
        const missing = value === undefined
        const message = missing ? `${place} is missing: ${issue.message}` : `${place || name}: ${issue.message}${received(value, path)}`
        report('schema', message, missing ? path.slice(0, -1) : path, missing ? 'key' : 'value')
      }
    }
    return undefined
  }
  let found = false
  check(name, parsed.data, runtimes, (...given) => {
    found = true
    report(...given)
  })
  return found ? undefined : parsed.data
}

/** What the schema cannot say: names, what depends on the runtime, and what is legal but not there yet. */
function check(name: string, written: WrittenFunction, runtimes: readonly string[], report: Report): void {
  const { runtime } = written
  if (!isFunctionName(written.app)) report('schema', `app: ${JSON.stringify(written.app)} is not a name`, [name, 'app'])
  if (LATER_RUNTIMES.includes(runtime) && !runtimes.includes(runtime)) {
    report('schema', `runtime ${runtime} is not supported yet; supported: ${runtimes.join(', ')}`, [name, 'runtime'])
    return
  }
  if (!runtimes.includes(runtime)) {
    const nearest = suggest(runtime, [...runtimes, ...LATER_RUNTIMES])
    report(
      'schema',
      `unknown runtime ${runtime}${nearest === undefined ? '' : `; did you mean ${nearest}?`} (known: ${runtimes.join(', ')})`,
      [name, 'runtime'],
    )
  }
  const own = RUNTIMES.includes(runtime)
  if (own && written.handler === undefined)
    report('schema', `handler is missing: expected file.function, such as index.handler`, [name], 'key')
  if (own && written.handler !== undefined && !/^.+\.[^.]+$/.test(written.handler))
    report('schema', `handler: ${written.handler} is not of the form file.function`, [name, 'handler'])
  if (own && written.initializer !== undefined && !/^.+\.[^.]+$/.test(written.initializer)) {
    report('schema', `initializer: ${written.initializer} is not of the form file.function`, [name, 'initializer'])
  }
  if (own && written.code === undefined)
    report('schema', 'code is missing: expected the folder of the code, relative to this file', [name], 'key')
  if (written.code?.toLowerCase().endsWith('.zip') === true)
    report('schema', 'code in a .zip is not supported yet; give the unpacked folder', [name, 'code'])
  if (own && written.port !== undefined) report('schema', 'port belongs to runtime http, which is not supported yet', [name, 'port'])
  if (own && written.url !== undefined) report('schema', 'url belongs to runtime http, which is not supported yet', [name, 'url'])
  if (written.gpu !== null && written.pool !== undefined)
    report(
      'schema',
      'pool and gpu exclude each other: gpu is served by the workers that have such a card; leave pool out',
      [name, 'pool'],
      'key',
    )
  if (written.quota !== null) report('schema', 'quota is not supported yet; leave it out', [name, 'quota'])
  const { variables, secrets } = written.environment
  let size = 0
  for (const [kind, entries] of Object.entries({ variables, secrets })) {
    for (const [key, value] of Object.entries(entries)) {
      if (kind === 'secrets' && Object.hasOwn(variables, key))
        report('schema', `${key} is a variable and a secret; leave one out`, [name, 'environment', kind, key], 'key')
      if (kind === 'variables') size += key.length + Buffer.byteLength(String(value))
    }
  }
  if (size > VARIABLES_LIMIT)
    report('schema', `variables have ${size} bytes in all, names included; at most ${VARIABLES_LIMIT} are allowed`, [
      name,
      'environment',
      'variables',
    ])
  if (written.concurrency.maxInstances > 0 && written.concurrency.reserved > written.concurrency.maxInstances) {
    report('schema', 'reserved is more than maxInstances', [name, 'concurrency', 'reserved'])
  }
}

function valueAt(content: unknown, path: DocumentPath): unknown {
  let value = content
  for (const part of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[part] : undefined
  return value
}

function unknownKey(key: string, known: readonly string[]): string {
  const nearest = suggest(key, known)
  return `unknown key ${key}${nearest === undefined ? ` (known: ${known.join(', ')})` : `; did you mean ${nearest}?`}`
}

/** What stands in the place of what was expected; values of the environment may be secrets that somebody wrote there by mistake. */
function received(value: unknown, path: DocumentPath): string {
  if (value === null) return ', not null'
  if (Array.isArray(value)) return ', not a list'
  if (typeof value === 'object') return ', not a mapping'
  if (path[1] === 'environment') return ''
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return shown.length > 60 ? '' : `, not ${shown}`
}

/** The nearest of `known` if it is near enough to be meant. */
function suggest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(2, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] as number
}
