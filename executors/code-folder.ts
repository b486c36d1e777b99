import { realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { ErrorDocument } from '../dsl/errors.ts'

/** By folder: looked up once. */
const known = new Map<string, readonly string[]>()

/**
 * The error document, changed in place, with files named from the folder of the function's code: messages of Node and of functions name files, and where they
 * lie on this machine is nobody's business. The stack trace, which is for logs, stays.
 */
export function hideFolder(error: ErrorDocument, code: string | undefined): ErrorDocument {
  if (code === undefined || code.length < 2) return error
  let names = known.get(code)
  if (names === undefined) known.set(code, (names = namesOf(code)))
  for (const name of names) {
    if (!error.errorMessage.includes(name)) continue
    error.errorMessage = error.errorMessage
      .replaceAll(`${pathToFileURL(name).href}/`, '')
      .replaceAll(`${name}/`, '')
      .replaceAll(name, '.')
  }
  return error
}

function namesOf(code: string): readonly string[] {
  try {
    return [...new Set([code, realpathSync(code)])]
  } catch {
    return [code]
  }
}
