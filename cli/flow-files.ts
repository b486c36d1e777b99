import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Diagnostic, DocumentPath } from '../dsl/diagnostics.ts'
import type { CheckOptions } from '../dsl/check.ts'
import { loadFlow, type LoadedFlow } from '../dsl/load.ts'
import type { FlowMode } from '../dsl/plan.ts'
import { cannotRead } from './paths.ts'

/** A definition in a file; `load` checks it against what is known around it. */
export interface FlowFile {
  /** As the user named it. */
  readonly file: string
  readonly bytes: Uint8Array
  /** The value of its `flow` key, where it can be made out. */
  readonly name: string | undefined
}

const EXTENSION = /\.(?:ya?ml|json)$/
const FLOW_KEY = /(?:^|[{,])\s*["']?flow["']?\s*:\s*["']?([A-Za-z][\w-]*)?/m
const NODES_KEY = /(?:^|[{,])\s*["']?nodes["']?\s*:/m
/** A definition has 1 MiB at most; what is larger is not read when a folder is searched. */
const SEARCH_LIMIT = 1024 * 1024 + 1

/** Throws CommandError (exit code 2) where the file cannot be read. */
export function readFlowFile(file: string): FlowFile {
  let bytes: Uint8Array
  try {
    // no definition is that long: the check refuses it without its rest
    bytes = readStart(file, SEARCH_LIMIT)
  } catch (error) {
    throw cannotRead(file, 'flow file', error)
  }
  return { file, bytes, name: FLOW_KEY.exec(start(bytes))?.[1] }
}

/** The files of a folder that look like flows, in order of their names. */
export function flowFilesIn(folder: string, options: { readonly recursive?: boolean; readonly except?: string } = {}): FlowFile[] {
  return pathsIn(folder, options.recursive === true).flatMap((path) => {
    if (options.except !== undefined && resolve(path) === resolve(options.except)) return []
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return []
    const file = readFlowFile(path)
    return looksLikeFlow(file) ? [file] : []
  })
}

/** The files of a folder that may be flows, by their names; none of what is hidden. */
export function pathsIn(folder: string, recursive: boolean): string[] {
  const found: string[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    if (entry.isDirectory()) {
      if (recursive) found.push(...pathsIn(path, recursive))
    } else if (EXTENSION.test(entry.name) && !isFunctionsFile(entry.name)) found.push(path)
  }
  return found
}

/** The files of a folder that describe functions, also of those in it. */
export function functionFilesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.name.startsWith('.') || entry.name === 'node_modules') return []
      if (entry.isDirectory()) return functionFilesIn(path)
      return isFunctionsFile(entry.name) ? [path] : []
    })
}

/** Files that describe functions, not flows. */
export function isFunctionsFile(path: string): boolean {
  return /(?:^|[\\/])functions\.ya?ml$/.test(path)
}

/** The files of `functions.yaml`, the way they lie beside a flow. */
export function functionsFileBeside(flowFile: string): string {
  return join(dirname(flowFile), 'functions.yaml')
}

/** Whether a file is meant as a flow. */
export function looksLikeFlow({ file, bytes }: FlowFile): boolean {
  const text = start(bytes)
  if (!FLOW_KEY.test(text) || !NODES_KEY.test(Buffer.from(bytes).toString())) return false
  if (!file.endsWith('.json')) return /^(?:\{\s*)?["']?flow["']?\s*:/m.test(text)
  try {
    const value = JSON.parse(Buffer.from(bytes).toString()) as unknown
    return typeof value === 'object' && value !== null && Object.hasOwn(value, 'flow')
  } catch {
    // broken, but meant as one
    return true
  }
}

function start(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 64 * 1024)).toString()
}

function readStart(file: string, limit: number): Uint8Array {
  if (statSync(file).size <= limit) return readFileSync(file)
  const bytes = Buffer.alloc(limit)
  const handle = openSync(file, 'r')
  try {
    return bytes.subarray(0, readSync(handle, bytes, 0, limit, 0))
  } finally {
    closeSync(handle)
  }
}

/** Loads a definition, with `mode` set so whatever the file says; diagnostics keep the file's positions. */
export async function loadInMode(source: Uint8Array, mode: FlowMode | undefined, options: CheckOptions): Promise<LoadedFlow> {
  const written = await loadFlow(source, options)
  const { value } = written.document
  if (mode === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return written
  if (((value as { mode?: unknown }).mode ?? 'standard') === mode) return written
  const changed = await loadFlow({ ...value, mode }, options)
  const ofText = written.diagnostics.filter(({ rule }) => rule === 'syntax' || rule === 'duplicate-key')
  const diagnostics = [...ofText, ...changed.diagnostics.map((diagnostic) => located(diagnostic, written))]
  if (ofText.length > 0) return { diagnostics, document: changed.document }
  return { ...changed, diagnostics }
}

function located(diagnostic: Diagnostic, written: LoadedFlow): Diagnostic {
  const same = written.diagnostics.find(({ rule, path }) => rule === diagnostic.rule && samePath(path, diagnostic.path))
  if (same?.line !== undefined && same.column !== undefined) return { ...diagnostic, line: same.line, column: same.column }
  return { ...diagnostic, ...written.document.locate?.(diagnostic.path, 'value') }
}

function samePath(a: DocumentPath, b: DocumentPath): boolean {
  return a.length === b.length && a.every((step, at) => step === b[at])
}
