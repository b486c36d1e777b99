import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parse } from 'yaml'
import type { Json } from '../../dsl/json.ts'
import type { ModuleHandler } from '../../executors/contract.ts'

/** Vectors of `{ path, doc, matches }` or `{ expr, zone, from, next }`; `invalid` instead of a result. */
export type Vector = Readonly<Record<string, Json>>

export type CaseFile =
  | { readonly path: string; readonly kind: 'cases'; readonly cases: readonly unknown[] }
  | { readonly path: string; readonly kind: 'jsonpath' | 'cron'; readonly vectors: readonly Vector[] }

/** Thrown when what the command names cannot be used: exit code 2. */
export class UsageError extends Error {}

const CASE_EXTENSIONS = ['.yaml', '.yml', '.json']

/**
 * The case files that a list of files and folders (with their subfolders) means, in order of name.
 *
 * @throws UsageError for what is missing or holds no case file
 */
export function findFiles(names: readonly string[]): string[] {
  const files = names.flatMap((name) => {
    const path = resolve(name)
    const stat = statSync(path, { throwIfNoEntry: false })
    if (!stat) throw new UsageError(`${name}: no such file or folder`)
    if (!stat.isDirectory()) return [path]
    const below = filesBelow(path)
    if (below.length === 0) throw new UsageError(`${name}: the folder holds no case files (${CASE_EXTENSIONS.join(', ')})`)
    return below
  })
  return [...new Set(files)]
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return filesBelow(path)
    return CASE_EXTENSIONS.includes(extname(entry.name)) ? [path] : []
  })
}

/**
 * Reads a case file: a list of cases, or vectors.
 *
 * @throws UsageError where it is neither
 */
export function readFile(path: string): CaseFile {
  const name = basename(path)
  let content: unknown
  try {
    const text = readFileSync(path, 'utf8')
    content = extname(path) === '.json' ? JSON.parse(text) : parse(text, { maxAliasCount: -1, merge: true })
  } catch (error) {
    throw new UsageError(`${name}: ${(error as Error).message}`)
  }
  if (Array.isArray(content)) return { path, kind: 'cases', cases: content }
  const vectors = (content as { vectors?: unknown } | null)?.vectors
  if (Array.isArray(vectors) && vectors.length > 0) {
    if (vectors.every((vector) => typeof vector?.path === 'string')) return { path, kind: 'jsonpath', vectors }
    if (vectors.every((vector) => typeof vector?.expr === 'string')) return { path, kind: 'cron', vectors }
  }
  throw new UsageError(`${name}: neither a list of cases nor { vectors: [{ path, doc, matches }, ...] }`)
}

/** Where functions have come from. */
const origins = new WeakMap<object, string>()
const loaded = new Map<string, Promise<Readonly<Record<string, ModuleHandler>>>>()

/** The file that functions were loaded from; undefined for those of nowhere. */
export function functionsFileOf(functions: object): string | undefined {
  return origins.get(functions)
}

/**
 * The exports of the `functions.mjs` beside a case file or, failing that, in the parent folder; none where there is neither.
 *
 * @throws UsageError where the file does not load
 */
export function loadFunctions(caseFile: string): Promise<Readonly<Record<string, ModuleHandler>>> {
  const beside = join(dirname(caseFile), 'functions.mjs')
  const above = join(dirname(dirname(caseFile)), 'functions.mjs')
  const path = existsSync(beside) ? beside : existsSync(above) ? above : undefined
  if (path === undefined) return Promise.resolve({})
  let functions = loaded.get(path)
  if (!functions) {
    functions = importFunctions(path)
    loaded.set(path, functions)
  }
  return functions
}

/** @throws UsageError where the file does not load */
export async function importFunctions(path: string): Promise<Readonly<Record<string, ModuleHandler>>> {
  try {
    const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>
    const entries = Object.entries(module).filter((entry): entry is [string, ModuleHandler] => typeof entry[1] === 'function')
    const functions = Object.fromEntries(entries)
    origins.set(functions, path)
    return functions
  } catch (error) {
    throw new UsageError(`${path}: ${(error as Error).message}`)
  }
}
