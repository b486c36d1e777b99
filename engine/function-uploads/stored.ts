/** What a kept function is on this machine. Loads the schema: import it when it is needed. */
import { DamagedArchive } from '../../executors/archive/unpack.ts'
import type { ZipContents } from '../../executors/archive/zip.ts'
import type { FunctionSpec } from '../../executors/contract.ts'
import { specOf } from '../../executors/functions-file.ts'
import { functionSchema } from '../../executors/functions-schema.ts'
import { FunctionInvalid } from '../errors.ts'
import type { StoredFunction } from './api.ts'
import type { CodeFolder } from './code-folder.ts'

/**
 * What a kept definition means on this machine: secrets are looked up anew.
 *
 * @param root Where the folder of its code is; null: it has none
 * @param variables Of the environment that secrets may name
 */
export async function specOfStored(
  { key, definition, code }: StoredFunction,
  root: string | null,
  variables: readonly string[],
): Promise<FunctionSpec> {
  const written = functionSchema.parse(JSON.parse(definition))
  const environment = Object.fromEntries(variables.map((name) => [name, process.env[name]]))
  const name = key.slice(key.indexOf('/') + 1)
  return specOf(name, code === null ? written : { ...written, code }, root ?? '.', environment)
}

/** Unpacks the code of a function. Throws FunctionInvalid, and EngineError `store-failed`. */
export async function keepCode(folder: CodeFolder, { key, code }: StoredFunction, contents: ZipContents): Promise<void> {
  try {
    await folder.keep(code as string, contents)
  } catch (error) {
    if (!(error instanceof DamagedArchive)) throw error
    throw new FunctionInvalid(key, [{ rule: 'schema', severity: 'error', message: `code: ${error.message}`, path: ['code'] }])
  }
}
