import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DocumentPath } from '../dsl/diagnostics.ts'
import { parseFlow } from '../dsl/parse.ts'
import { Suggester } from '../dsl/suggest.ts'
import { CommandError, usageError } from './command-error.ts'
import { GROUPS, LEAVES, LEFT_ALONE, type LeafPath } from './config-keys.ts'
import { shown, Wrong, type Leaf } from './config-leaf.ts'
import type { FileDiagnostic } from './diagnostics.ts'
import { EXIT } from './exit-codes.ts'
import { cannotRead } from './paths.ts'
import { tellDiagnostics } from './workspace.ts'

/** What fnflow.yaml and the variables FNFLOW_… say, by path of the key; secrets resolved, paths of files absolute. */
export type Config = { readonly [Path in LeafPath]?: ReturnType<(typeof LEAVES)[Path]['take']> }

export const CONFIG_FILE = 'fnflow.yaml'

/**
 * Reads the configuration: `file`, with the variables of the environment before it; only those where `file` is undefined.
 * Secrets of the server (`server.keys`) need only be there where `isServer` says so: workers may share its file.
 * Throws CommandError (exit code 2) with all findings, unknown keys included, as `file:line:column schema message`.
 */
export async function readConfig(
  file: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  { isServer = false }: { readonly isServer?: boolean } = {},
): Promise<Config> {
  const config: { [path: string]: unknown } = {}
  if (file !== undefined) Object.assign(config, await ofFile(file, env, isServer))
  for (const [path, leaf] of Object.entries(LEAVES)) {
    const variable = variableOf(path)
    const value = env[variable]
    if (value === undefined || value === '') continue
    try {
      config[path] = leaf.take(leaf.ofText?.(value) ?? value, { folder: process.cwd() })
    } catch (error) {
      if (!(error instanceof Wrong)) throw error
      throw usageError(`${variable}${innerPath(error.at)}: ${error.message}${error.tellsValue ? '' : received(value, leaf)}`)
    }
  }
  return config as Config
}

/** The file that a command takes without being told. */
export function configFileHere(): string | undefined {
  return existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined
}

/** The variable of a key: `temporal.taskQueue` -> `FNFLOW_TEMPORAL_TASKQUEUE`. */
export function variableOf(path: string): string {
  return `FNFLOW_${path.replaceAll('.', '_').toUpperCase()}`
}

async function ofFile(file: string, env: NodeJS.ProcessEnv, isServer: boolean): Promise<{ [path: string]: unknown }> {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw cannotRead(file, 'configuration file', error)
  }
  if (isEmpty(Buffer.from(bytes).toString())) return {}
  const { value, diagnostics, locate } = await parseFlow(bytes)
  const findings: FileDiagnostic[] = diagnostics.map((found) => ({ ...found, file }))
  const report = (path: DocumentPath, message: string, what: 'key' | 'value' = 'value'): void => {
    findings.push({ file, rule: 'schema', severity: 'error', path, message, ...locate(path, what) })
  }
  const config: { [path: string]: unknown } = {}
  const folder = dirname(resolve(file))
  const walk = (given: unknown, at: readonly string[]): void => {
    const path = at.join('.')
    const leaf = leafOf(path)
    if (GROUPS[path] !== undefined && isMapping(given)) {
      for (const [key, inner] of Object.entries(given)) {
        const known = GROUPS[path]
        if (known.includes(key)) walk(inner, [...at, key])
        else if (at.length > 0 || !LEFT_ALONE.has(key))
          report([...at, key], unknownKey(key, at.length === 0 ? [...known, ...LEFT_ALONE] : known, path), 'key')
      }
    } else if (leaf === undefined)
      report(at, `${path === '' ? 'the configuration' : path}: expected a mapping of ${GROUPS[path]?.join(', ')}${received(given)}`)
    else if (env[variableOf(path)] === undefined || env[variableOf(path)] === '') {
      try {
        config[path] = leaf.take(given, { folder, env })
      } catch (error) {
        if (!(error instanceof Wrong)) throw error
        if (error.isMissingSecret && at[0] === 'server' && !isServer) return
        const inside = innerPath(error.at)
        const value = valueAt(given, error.at)
        if (error.isKey) report([...at, ...error.at], `${path}: ${error.message}`, 'key')
        else report([...at, ...error.at], `${path}${inside}: ${error.message}${error.tellsValue ? '' : received(value, leaf)}`)
      }
    }
  }
  if (findings.length === 0) walk(value, [])
  if (findings.length === 0) return config
  await tellDiagnostics(findings, new Map([[file, Buffer.from(bytes).toString()]]))
  const errorMessage = `${file} is no configuration: ${findings.length} error${findings.length === 1 ? '' : 's'}`
  throw new CommandError({ status: 400, errorType: 'ConfigInvalid', errorMessage, diagnostics: findings }, EXIT.usage)
}

/** Nothing but comments. */
function isEmpty(text: string): boolean {
  return text.replace(/^\s*#.*$/gm, '').trim() === ''
}

function leafOf(path: string): Leaf | undefined {
  return Object.hasOwn(LEAVES, path) ? LEAVES[path as LeafPath] : undefined
}

function isMapping(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknownKey(key: string, known: readonly string[], path: string): string {
  const hint = new Suggester().hint(key, known)
  return `unknown key ${path === '' ? '' : `${path}.`}${key}${hint === '' ? `; there are ${known.join(', ')}` : hint}`
}

/** Within the value of a leaf: `[0].role`. */
function innerPath(at: DocumentPath): string {
  return at.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
}

function valueAt(value: unknown, at: DocumentPath): unknown {
  return at.reduce<unknown>((inner, step) => (inner as { readonly [key: string | number]: unknown } | null | undefined)?.[step], value)
}

/** What came instead; not of what may be a secret. */
function received(value: unknown, leaf?: Leaf): string {
  if (value === undefined) return ', and it is missing'
  return leaf?.secret === true && (typeof value !== 'object' || value === null) && value !== null ? '' : shown(value)
}
