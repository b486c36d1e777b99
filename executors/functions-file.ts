/*
 * functions.yaml: the functions of a project. The YAML library and the schema are imported when a file is read, not before.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Diagnostic, DocumentPath, Rule } from '../dsl/diagnostics.ts'
import type { FunctionSpec } from './contract.ts'
import { isFunctionName, normalizeSpec } from './function-spec.ts'
import type { WrittenFunction } from './functions-schema.ts'
import type { Document } from 'yaml'

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
const RESERVED = /^(?:SCF_|QCLOUD_|TENCENTCLOUD_|RUNTIME_)/
/** Characters of names and values of a function's variables together. */
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
  const [{ parseDocument, LineCounter }, { functionSchema, KNOWN_KEYS }] = await Promise.all([
    import('yaml'),
    import('./functions-schema.ts'),
  ])
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, version: '1.2' })
  const findings: Diagnostic[] = []
  const report = (rule: Rule, message: string, path: DocumentPath, at: 'value' | 'key' = 'value'): void => {
    const offset = offsetOf(document, path, at)
    const place = offset === undefined ? undefined : lines.linePos(offset)
    findings.push({ ...finding(rule, message, path), ...(place === undefined ? {} : { line: place.line, column: place.col }) })
  }
  for (const error of document.errors) {
    const place = lines.linePos(error.pos[0])
    const rule = error.code === 'DUPLICATE_KEY' ? 'duplicate-key' : 'syntax'
    findings.push({
      ...finding(rule, error.message.split('\n')[0]?.replace(/ at line .*$/, '') ?? '', []),
      line: place.line,
      column: place.col,
    })
  }
  if (findings.length > 0) throw new FunctionsFileError(file, findings)
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw new FunctionsFileError(file, [finding('syntax', error instanceof Error ? error.message : String(error), [])])
  }
  if (content === null || content === undefined) return {}
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new FunctionsFileError(file, [finding('schema', 'expected a mapping of function names to functions', [])])
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
        if (issue.code === 'unrecognized_keys') {
          for (const key of issue.keys) {
            const nearest = suggest(key, KNOWN_KEYS[path.slice(1).join('.')] ?? [])
            report('schema', `unknown key ${key}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`, [...path, key], 'key')
          }
        } else if (issue.code === 'invalid_key') {
          report('schema', `${path.at(-1)}: ${issue.issues[0]?.message ?? issue.message}`, path, 'key')
        } else {
          const missing = issue.code === 'invalid_type' && valueAt(content, path) === undefined
          report(
            'schema',
            missing ? `${path.at(-1)} is missing` : `${path.slice(1).join('.') || name}: ${issue.message}`,
            missing ? [name] : path,
            missing ? 'key' : 'value',
          )
        }
      }
      continue
    }
    const before = findings.length
    check(name, parsed.data, [...RUNTIMES, ...(options.runtimes ?? [])], report)
    if (findings.length > before) continue
    const spec = await specOf(name, parsed.data, dirname(resolve(file)), options.env ?? process.env)
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
  if (written.gpu !== null) report('schema', 'gpu is not supported yet; leave it out', [name, 'gpu'])
  if (written.quota !== null) report('schema', 'quota is not supported yet; leave it out', [name, 'quota'])
  const { variables, secrets } = written.environment
  let size = 0
  for (const [kind, entries] of Object.entries({ variables, secrets })) {
    for (const [key, value] of Object.entries(entries)) {
      if (RESERVED.test(key)) {
        report(
          'schema',
          `${key} is reserved: names beginning with SCF_, QCLOUD_, TENCENTCLOUD_ or RUNTIME_ are the runtime’s`,
          [name, 'environment', kind, key],
          'key',
        )
      }
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
  const { concurrency } = written
  return normalizeSpec(name, {
    app: written.app,
    runtime: written.runtime,
    handler: written.handler ?? '',
    initializerTimeoutMs: written.initializerTimeout * 1000,
    timeoutMs: written.timeout * 1000,
    memoryMb: written.memory,
    environment: {
      variables: Object.fromEntries(Object.entries(written.environment.variables).map(([key, value]) => [key, String(value)])),
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

/** Where the value at a path, or its key, begins; of what is not there, its nearest parent. */
function offsetOf(document: Document.Parsed, path: DocumentPath, at: 'value' | 'key'): number | undefined {
  type Ranged = { range?: [number, number, number] | null; items?: { key?: Ranged & { value?: unknown }; value?: Ranged | null }[] }
  let node = document.contents as Ranged | null
  let offset = node?.range?.[0]
  for (const [index, part] of path.entries()) {
    const pair = node?.items?.find((item) => String(item.key?.value) === String(part))
    if (pair === undefined) break
    node = pair.value ?? null
    offset = (at === 'key' && index === path.length - 1 ? undefined : node?.range?.[0]) ?? pair.key?.range?.[0] ?? offset
  }
  return offset
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
