/** What comes as a definition with its code. Loads the schema and the reader of archives: import it when it is needed. */
import { createHash } from 'node:crypto'
import type { Diagnostic, DocumentPath } from '../../dsl/diagnostics.ts'
import { DEPTH_LIMIT, jsonDepthExceeds } from '../../dsl/json-copy.ts'
import type { Json } from '../../dsl/json.ts'
import { archiveHash } from '../../executors/archive/unpack.ts'
import { readZip, type ZipContents } from '../../executors/archive/zip.ts'
import { isFunctionName } from '../../executors/function-spec.ts'
import { parseFunction, RUNTIMES } from '../../executors/functions-check.ts'
import { finding } from '../../executors/functions-report.ts'
import { EngineError, FunctionInvalid } from '../errors.ts'
import type { StoredFunction } from './api.ts'

/** Bytes of an archive. */
export const CODE_LIMIT = 50 * 1024 * 1024
const CODE_CHARACTERS = Math.ceil(CODE_LIMIT / 3) * 4
/** Of all but the code, as JSON. */
const DEFINITION_LIMIT = 256 * 1024

export interface TakenFunction {
  readonly stored: Omit<StoredFunction, 'madeBy'>
  readonly archive: { readonly bytes: Uint8Array; readonly contents: ZipContents } | null
}

/**
 * Checks a definition, its names and its code.
 *
 * @param name `app/name` that it must have
 * @param runtimes those that have an executor
 * @param variables of the environment that its secrets may name
 * @throws FunctionInvalid with every finding, and EngineError `name-mismatch`, `payload-too-large`, `payload-too-deep`
 */
export function takeFunction(
  given: unknown,
  name: string | undefined,
  runtimes: readonly string[],
  variables: readonly string[],
): TakenFunction {
  const findings: Diagnostic[] = []
  const report = (message: string, path: DocumentPath): void => void findings.push(finding('schema', message, path))
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    report('expected a function: an object with name, runtime, handler and code', [])
    throw new FunctionInvalid(name ?? '', findings)
  }
  const { code, ...written } = given as Readonly<Record<string, unknown>>
  checkSize(code, written)
  const [wantedApp, wantedName] = name?.split('/') ?? []
  const { name: own = wantedName, app = wantedApp ?? 'default', ...rest } = written
  const { runtime } = rest
  if (typeof own !== 'string' || !isFunctionName(own)) {
    report(
      own === undefined ? 'name is missing' : 'name: expected a letter, then letters, digits, - and _, to 60, not ending in - or _',
      own === undefined ? [] : ['name'],
    )
  }
  // texts alone: what an object calls its toString is anything
  const key = `${typeof app === 'string' ? app : 'default'}/${typeof own === 'string' ? own : ''}`
  if (name !== undefined && findings.length === 0 && typeof app === 'string' && key !== name)
    throw new EngineError('name-mismatch', `the path names function ${name}, the definition ${key}`)
  const isOwn = typeof runtime === 'string' && RUNTIMES.includes(runtime)
  const archive = code === undefined ? null : archiveOf(code, report)
  if (code === undefined && isOwn) report('code is missing: expected a zip, as base64', [])
  if (runtime === 'module')
    report('runtime module runs in the engine’s own process, and is for functions.yaml; use nodejs or python', ['runtime'])
  // the schema knows code as a folder
  const definition = parseFunction(
    'function',
    { ...rest, app, ...(code === undefined && !isOwn ? {} : { code: '.' }) },
    runtimes,
    (rule, message, path) => findings.push(finding(rule, message, path.slice(1))),
  )
  // who may put functions could read all that the server has in its environment else
  for (const [secret, { from, name: source }] of Object.entries(definition?.environment.secrets ?? {})) {
    const path = ['environment', 'secrets', secret]
    if (from !== 'env') report('files of the machine can be named in functions.yaml only; use { from: env, name: … }', [...path, 'from'])
    else if (!variables.includes(source))
      report(`variable ${source} is not one that functions may have; the server's server.functionSecrets names those`, [...path, 'name'])
  }
  if (findings.length > 0 || definition === undefined) throw new FunctionInvalid(key, findings)
  const { code: _, ...kept } = definition
  const text = JSON.stringify(kept)
  const hash = archive?.hash ?? null
  const etag = createHash('sha256')
    .update(JSON.stringify([key, text, hash]))
    .digest('hex')
    .slice(0, 32)
  return { stored: { key, definition: text, code: hash, etag }, archive: archive ?? null }
}

function checkSize(code: unknown, written: Readonly<Record<string, unknown>>): void {
  const size = typeof code === 'string' ? (code.length > CODE_CHARACTERS ? Infinity : 0) : code instanceof Uint8Array ? code.byteLength : 0
  if (size > CODE_LIMIT) throw new EngineError('payload-too-large', 'the code is larger than 50 MiB')
  if (jsonDepthExceeds(written as Json, DEPTH_LIMIT))
    throw new EngineError('payload-too-deep', `the definition is nested over ${DEPTH_LIMIT} levels`)
  if (JSON.stringify(written).length > DEFINITION_LIMIT)
    throw new EngineError('payload-too-large', 'the definition is larger than 256 KiB without its code')
}

/** Undefined if anything was reported. */
function archiveOf(
  code: unknown,
  report: (message: string, path: DocumentPath) => void,
): { readonly hash: string; readonly bytes: Uint8Array; readonly contents: ZipContents } | undefined {
  const bytes = bytesOf(code)
  if (bytes === undefined) {
    report('code: expected a zip, as base64; folders of the machine can be named in functions.yaml only', ['code'])
    return undefined
  }
  if (bytes.byteLength > CODE_LIMIT) throw new EngineError('payload-too-large', 'the code is larger than 50 MiB')
  const contents = readZip(bytes)
  for (const problem of contents.problems) report(`code: ${problem}`, ['code'])
  return contents.problems.length > 0 ? undefined : { hash: archiveHash(bytes), bytes, contents }
}

function bytesOf(code: unknown): Uint8Array | undefined {
  if (code instanceof Uint8Array) return code
  if (typeof code !== 'string') return undefined
  const bytes = Buffer.from(code, 'base64')
  // Node passes over what is no base64
  return bytes.toString('base64') === code ? bytes : undefined
}
