/*
 * functions.yaml: the functions of a project. The YAML library and the schema are imported when a file is read, not before.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Diagnostic, DocumentPath, Rule } from '../dsl/diagnostics.ts'
import type { FunctionSpec } from './contract.ts'
import { isFunctionName, normalizeSpec } from './function-spec.ts'
import type { WrittenFunction } from './functions-schema.ts'
import type { FunctionsSource } from './functions-source.ts'

export { normalizeSpec, specForHandler } from './function-spec.ts'

/** Thrown when functions.yaml cannot be read or breaks rules; `diagnostics` has every finding, its message the first ones. */
export class FunctionsFileError extends Error {
  readonly diagnostics: readonly Diagnostic[]
  readonly file: string
  constructor(file: string, diagnostics: readonly Diagnostic[]) {
    const shown = diagnostics
      .slice(0, 5)
      .map((one) => `${file}${one.line === undefined ? '' : `:${one.line}:${one.column}`} ${one.message}`)
    super(`${shown.join('\n')}${diagnostics.length > 5 ? `\n(and ${diagnostics.length - 5} more)` : ''}`)
    this.name = 'FunctionsFileError'
    this.file = file
    this.diagnostics = diagnostics
  }
}

export interface LoadFunctionsOptions {
  /** Names of executors of the user's, besides `module`, `nodejs` and `python`. */
  readonly runtimes?: readonly string[]
  /** Where secrets `{ from: env }` are looked up; default the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

const RUNTIMES = ['module', 'nodejs', 'python']
const LATER_RUNTIMES = ['custom', 'http', 'tencent-scf', 'huawei-functiongraph']
/** Bytes of names and values of a function's variables together. */
const VARIABLES_LIMIT = 4096
const FILE_LIMIT = 1024 * 1024

/**
 * Reads functions.yaml (YAML 1.2 or JSON): `app/name` -> specification, defaults filled in, `code` absolute, secrets resolved.
 * A secret without a value is no error here: `missingSecrets` names it, and the function fails when it is invoked.
 *
 * @throws FunctionsFileError with all findings and their places; also if the file cannot be read
 */
export async function loadFunctions(file: string, options: LoadFunctionsOptions = {}): Promise<Record<string, FunctionSpec>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new FunctionsFileError(file, [finding('syntax', `cannot be read: ${error instanceof Error ? error.message : String(error)}`, [])])
  }
  if (text.length > FILE_LIMIT) throw new FunctionsFileError(file, [finding('syntax', 'is over 1 MiB', [])])
  const [{ FunctionsSource }, { functionSchema, KNOWN_KEYS }] = await Promise.all([
    import('./functions-source.ts'),
    import('./functions-schema.ts'),
  ])
  const source = new FunctionsSource(text)
  if (source.problems.length > 0) {
    const problems = source.problems.map(({ rule, message, place }) => ({ ...finding(rule, message, []), ...place }))
    throw new FunctionsFileError(file, problems)
  }
  const findings: Diagnostic[] = []
  const report: Report = (rule, message, path, at) => {
    findings.push({ ...finding(rule, message, path), ...source.placeOf(path, at) })
  }
  const { content } = source
  if (content === null || content === undefined) return {}
  if (typeof content !== 'object' || Array.isArray(content)) {
    report('schema', 'expected a mapping of function names to functions', [])
    throw new FunctionsFileError(file, findings)
  }

  const specs: Record<string, FunctionSpec> = {}
  for (const [name, written] of Object.entries(content)) {
    if (!isFunctionName(name)) {
      report(
        'schema',
        `${JSON.stringify(name)} is not a name: expected a letter, then letters, digits, - and _, to 60, not ending in - or _`,
        [name],
        'key',
      )
      continue
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
          const value = valueAt(content, path)
          const missing = value === undefined
          const message = missing ? `${place} is missing: ${issue.message}` : `${place || name}: ${issue.message}${received(value, path)}`
          report('schema', message, missing ? path.slice(0, -1) : path, missing ? 'key' : 'value')
        }
      }
      continue
    }
    const before = findings.length
    check(name, parsed.data, [...RUNTIMES, ...(options.runtimes ?? [])], report)
    if (findings.length > before) continue
    const spec = await specOf(name, parsed.data, source, dirname(resolve(file)), options.env ?? process.env)
    specs[`${spec.app}/${spec.name}`] = spec
  }
  if (findings.length > 0) throw new FunctionsFileError(file, findings)
  return specs
}

type Report = (rule: Rule, message: string, path: DocumentPath, at?: 'value' | 'key') => void

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

async function specOf(
  name: string,
  written: WrittenFunction,
  source: FunctionsSource,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<FunctionSpec> {
  const secrets: Record<string, string> = {}
  const missingSecrets: string[] = []
  for (const [key, source] of Object.entries(written.environment.secrets)) {
    if (source.from === 'env') {
      const value = env[source.name]
      if (value === undefined) missingSecrets.push(`${key} (environment variable ${source.name} is not set)`)
      else secrets[key] = value
    } else {
      try {
        secrets[key] = (await readFile(resolve(folder, source.name), 'utf8')).replace(/\r?\n$/, '')
      } catch {
        missingSecrets.push(`${key} (file ${source.name} cannot be read)`)
      }
    }
  }
  // A number is what was written: 1.10 and the 20 digits of an id would come out otherwise.
  const textOf = (key: string, value: string | number | boolean): string =>
    (typeof value === 'number' ? source.textOf([name, 'environment', 'variables', key]) : undefined) ?? String(value)
  const { concurrency } = written
  return normalizeSpec(name, {
    app: written.app,
    runtime: written.runtime,
    handler: written.handler ?? '',
    initializerTimeoutMs: written.initializerTimeout * 1000,
    timeoutMs: written.timeout * 1000,
    memoryMb: written.memory,
    environment: {
      variables: Object.fromEntries(Object.entries(written.environment.variables).map(([key, value]) => [key, textOf(key, value)])),
      secrets,
    },
    concurrency: {
      perInstance: concurrency.perInstance,
      maxInstances: concurrency.maxInstances,
      reserved: concurrency.reserved,
      idleTimeoutMs: concurrency.idleTimeout * 1000,
    },
    ...(written.code === undefined ? {} : { code: resolve(folder, written.code) }),
    ...(written.initializer === undefined ? {} : { initializer: written.initializer }),
    ...(written.pool === undefined ? {} : { pool: written.pool }),
    ...(written.gpu === null ? {} : { gpu: { type: written.gpu.type, memoryGiB: written.gpu.memory } }),
    ...(missingSecrets.length === 0 ? {} : { missingSecrets }),
  })
}

function finding(rule: Rule, message: string, path: DocumentPath): Diagnostic {
  return { rule, severity: 'error', message, path }
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
