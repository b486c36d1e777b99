import { statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { STATUS, type ErrorDocument } from '../dsl/errors.ts'
import { hideFolder } from './code-folder.ts'
import type { Invocation, ModuleHandler } from './contract.ts'
import { failure, thrownError } from './error-documents.ts'
import { ModuleContext } from './module-context.ts'
import { splitHandler } from './names.ts'

/** A handler, or why there is none; `again`: another try may go better. */
export type LoadedModule =
  | { readonly handler: ModuleHandler; readonly error?: undefined }
  | { readonly handler?: undefined; readonly error: ErrorDocument; readonly again: boolean }

const EXTENSIONS = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts']

/**
 * Loads `file.function` of a function of runtime `module` and runs its initializer once, on behalf of its first request.
 * Never rejects for the function's sake: 437 for what is not there, 443 for code that throws, 450 for a slow initializer
 * (functions.md, 3 and 7).
 */
export async function loadModule(first: Invocation): Promise<LoadedModule> {
  const { spec } = first
  const reject = (error: ErrorDocument, again = false): LoadedModule => ({ error, again })
  const handler = await findExport(spec.code, spec.handler)
  if (!('found' in handler)) return reject(handler.error)
  if (spec.initializer === undefined) return { handler: handler.found }
  const initializer = await findExport(spec.code, spec.initializer)
  if (!('found' in initializer)) return reject(initializer.error)
  let timer: NodeJS.Timeout | undefined
  const slow = new Promise<ErrorDocument>((resolve) => {
    const seconds = spec.initializerTimeoutMs / 1000
    timer = setTimeout(
      resolve,
      spec.initializerTimeoutMs,
      failure(STATUS.initTimeout, `initializer ${spec.initializer} did not end within ${seconds} seconds`),
    )
  })
  try {
    const run = Promise.resolve((initializer.found as (context: unknown) => unknown)(new ModuleContext(first))).then(() => undefined)
    const error = await Promise.race([run, slow])
    return error === undefined ? { handler: handler.found } : reject(error, true)
  } catch (error) {
    return reject(hideFolder(thrownError(STATUS.loadError, error), spec.code), true)
  } finally {
    clearTimeout(timer)
  }
}

async function findExport(
  code: string | undefined,
  handler: string,
): Promise<{ readonly found: ModuleHandler } | { readonly error: ErrorDocument }> {
  const parts = splitHandler(handler)
  if (parts === undefined) return { error: failure(STATUS.handlerNotFound, `handler ${handler} is not of the form file.function`) }
  const file = locate(code, parts.file)
  if (file === undefined)
    return {
      error: failure(
        STATUS.handlerNotFound,
        `handler ${handler}: no file ${parts.file}.js, .mjs, .cjs or .ts in ${code === undefined ? 'the code, which is not given' : 'the folder of the code'}`,
      ),
    }
  let exported: unknown
  try {
    const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>
    exported = Object.hasOwn(module, parts.name)
      ? module[parts.name]
      : (module['default'] as Record<string, unknown> | undefined)?.[parts.name]
  } catch (error) {
    return { error: hideFolder(thrownError(STATUS.loadError, error), code) }
  }
  // `toString` and its kin, which every object has, are nobody's handlers.
  if (typeof exported !== 'function' || exported === Object.prototype[parts.name as keyof object])
    return { error: failure(STATUS.handlerNotFound, `handler ${handler}: ${basename(file)} exports no function ${parts.name}`) }
  return { found: exported as ModuleHandler }
}

function locate(code: string | undefined, file: string): string | undefined {
  if (code === undefined) return undefined
  const stat = statSync(code, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  // `code` may name the file itself.
  const folder = stat.isFile() ? dirname(code) : code
  for (const extension of EXTENSIONS) {
    const path = join(folder, file + extension)
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path
  }
  return undefined
}
