import { readdirSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Suggester } from '../dsl/suggest.ts'
import { usageError, type CommandError } from './command-error.ts'

/** The error for a file that cannot be read; names a file beside it that is nearly called so. */
export function cannotRead(file: string, what: string, error: unknown): CommandError {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT' || code === 'ENOTDIR') return usageError(`no ${what} ${file}${nearbyFile(file)}`)
  if (code === 'EISDIR') return usageError(`${file} is a folder; name the ${what} in it`)
  if (code === 'EACCES') return usageError(`the ${what} ${file} may not be read (permissions)`)
  return usageError(`the ${what} ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
}

function nearbyFile(file: string): string {
  const folder = dirname(file)
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return ''
  }
  return new Suggester().hint(basename(file), names)
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
