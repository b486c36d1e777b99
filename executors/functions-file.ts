/*
 * functions.yaml: the functions of a project. The YAML library and the schema are imported when a file is read, not before.
 */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Diagnostic } from '../dsl/diagnostics.ts'
import type { FunctionSpec } from './contract.ts'
import { normalizeSpec } from './function-spec.ts'
import { finding, type Report } from './functions-report.ts'
import type { WrittenFunction } from './functions-schema.ts'

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

const FILE_LIMIT = 1024 * 1024

/**
 * Reads functions.yaml (YAML 1.2 or JSON): `app/name` -> specification, defaults filled in, `code` absolute, secrets resolved.
 * A secret without a value is no error here: `missingSecrets` names it, and the function fails when it is invoked.
 *
 * @throws FunctionsFileError with all findings and their places; also if the file cannot be read
 */
export async function loadFunctions(file: string, options: LoadFunctionsOptions = {}): Promise<Record<string, FunctionSpec>> {
  const specs: Record<string, FunctionSpec> = {}
  for (const [name, written] of await readDefinitions(file, options)) {
    const spec = await specOf(name, written, dirname(resolve(file)), options.env ?? process.env)
    specs[`${spec.app}/${spec.name}`] = spec
  }
  return specs
}

/**
 * The checked definitions of functions.yaml by their names, defaults filled in; variables are texts, as they were written.
 *
 * @throws FunctionsFileError as {@link loadFunctions}
 */
export async function readDefinitions(
  file: string,
  { runtimes = [] }: Pick<LoadFunctionsOptions, 'runtimes'> = {},
): Promise<ReadonlyMap<string, WrittenFunction>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new FunctionsFileError(file, [finding('syntax', `cannot be read: ${error instanceof Error ? error.message : String(error)}`, [])])
  }
  if (text.length > FILE_LIMIT) throw new FunctionsFileError(file, [finding('syntax', 'is over 1 MiB', [])])
  const [{ FunctionsSource }, { parseFunction, RUNTIMES }] = await Promise.all([
    import('./functions-source.ts'),
    import('./functions-check.ts'),
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
  if (content === null || content === undefined) return new Map()
  if (typeof content !== 'object' || Array.isArray(content)) {
    report('schema', 'expected a mapping of function names to functions', [])
    throw new FunctionsFileError(file, findings)
  }
  const definitions = new Map<string, WrittenFunction>()
  for (const [name, written] of Object.entries(content)) {
    const parsed = parseFunction(name, written, [...RUNTIMES, ...runtimes], report)
    if (parsed === undefined) continue
    const { variables } = parsed.environment
    // a number is what was written: 1.10 and the 20 digits of an id would come out otherwise
    const textOf = (key: string, value: string | number | boolean): string =>
      (typeof value === 'number' ? source.textOf([name, 'environment', 'variables', key]) : undefined) ?? String(value)
    const texts = Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, textOf(key, value)]))
    definitions.set(name, { ...parsed, environment: { ...parsed.environment, variables: texts } })
  }
  if (findings.length > 0) throw new FunctionsFileError(file, findings)
  return definitions
}

/**
 * What a checked definition means. Secrets that have no value are named by `missingSecrets`.
 *
 * @param folder What relative paths are relative to
 */
export async function specOf(
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
    ...(written.pool === undefined ? {} : { pool: written.pool }),
    ...(written.gpu === null ? {} : { gpu: { type: written.gpu.type, memoryGiB: written.gpu.memory } }),
    ...(missingSecrets.length === 0 ? {} : { missingSecrets }),
  })
}
