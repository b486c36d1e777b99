/** Functions of a functions.yaml, made ready to be put on another engine. Imported when it is needed. */
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Diagnostic } from '../../dsl/diagnostics.ts'
import { zipFolder } from '../../executors/archive/zip-folder.ts'
import { readDefinitions, specOf } from '../../executors/functions-file.ts'
import { finding } from '../../executors/functions-report.ts'
import type { WrittenFunction } from '../../executors/functions-schema.ts'
import { FunctionInvalid } from '../errors.ts'
import { shownFunction, type FunctionDocument } from '../function-documents.ts'
import { takeFunction } from './intake.ts'

/** What a put takes, and what comes of it. */
export interface PackedFunction {
  /** `app/name` */
  readonly name: string
  readonly definition: { readonly runtime: string; readonly [key: string]: unknown }
  readonly code: Uint8Array
  readonly etag: string
  readonly shown: FunctionDocument
}

export interface PackedFile {
  readonly packed: readonly PackedFunction[]
  /** Those that cannot be put: they run in the engine's own process. */
  readonly modules: readonly string[]
  /** What is wrong with others. */
  readonly diagnostics: readonly Diagnostic[]
}

/** Reads a functions.yaml and packs the code of its functions. Throws FunctionsFileError, and what the file system throws. */
export async function packFunctionsFile(file: string): Promise<PackedFile> {
  const packed: PackedFunction[] = []
  const modules: string[] = []
  const diagnostics: Diagnostic[] = []
  const zips = new Map<string, Promise<Uint8Array>>()
  for (const [name, written] of await readDefinitions(file)) {
    const key = `${written.app}/${name}`
    if (written.runtime === 'module') {
      modules.push(key)
      continue
    }
    const folder = resolve(dirname(file), written.code ?? '.')
    let zip = zips.get(folder)
    if (zip === undefined) zips.set(folder, (zip = zipOf(folder)))
    try {
      packed.push(await packedOf(key, written, dirname(resolve(file)), await zip))
    } catch (error) {
      const found = error instanceof FunctionInvalid ? error.diagnostics : [finding('schema', reasonOf(error), [])]
      for (const one of found) diagnostics.push({ ...one, message: `${key}: ${one.message}`, path: [name, ...one.path] })
    }
  }
  return { packed, modules, diagnostics }
}

/** Throws FunctionInvalid, and EngineError of what is too large. */
async function packedOf(key: string, written: WrittenFunction, folder: string, code: Uint8Array): Promise<PackedFunction> {
  const [app, name] = key.split('/') as [string, string]
  const { code: _, ...rest } = written
  const definition = { ...rest, app, name }
  // which variables secrets may name is for the server to say
  const variables = Object.values(written.environment.secrets).map(({ name: variable }) => variable)
  const { stored } = takeFunction({ ...definition, code }, key, ['nodejs', 'python'], variables)
  const spec = await specOf(name, written, folder, {})
  return { name: key, definition, code, etag: stored.etag, shown: shownFunction(spec, stored.code) }
}

async function zipOf(path: string): Promise<Uint8Array> {
  if ((await stat(path).catch(() => undefined)) === undefined) throw new Error('the folder of its code is not there')
  return zipFolder(path)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
