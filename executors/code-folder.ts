import { realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { ErrorDocument } from '../dsl/errors.ts'

/** Where this code lies, and, built, all of the engine's. */
const ENGINE = import.meta.url.slice(0, import.meta.url.lastIndexOf('/') + 1).replace('file://', '')
const FRAME = /^\s*(?:at |File ")/
/** A file by its whole path: in a frame of Node or Python, or before a syntax error. */
const ELSEWHERE = /^(\s*at (?:.*?\()?(?:async )?|\s*File "|^(?=\/.*:\d+$))(?:file:\/\/)?\/.*\/(?=[^/]*$)/

/** By folder: looked up once. */
const known = new Map<string, readonly string[]>()

/**
 * The error document, changed in place, with files named from the folder of the function's code: messages of Node and of functions name files, and where they
 * lie on this machine is nobody's business. Of the stack trace the frames of the engine below the function go, too; files outside of the folder are called by
 * their base names. A function without a folder is of the embedding application, whose files are named from the working directory.
 */
export function hideFolder(error: ErrorDocument, code: string | undefined): ErrorDocument {
  const names = foldersOf(code ?? process.cwd())
  if (error.stackTrace !== undefined) error.stackTrace = ownFrames(error.stackTrace).map((line) => shortened(line, names))
  if (code === undefined) return error
  for (const name of names) {
    if (!error.errorMessage.includes(name)) continue
    error.errorMessage = error.errorMessage
      .replaceAll(`${pathToFileURL(name).href}/`, '')
      .replaceAll(`${name}/`, '')
      .replaceAll(name, '.')
  }
  return error
}

/** The lines without the engine's frames, and without all below them once the function's own have come. */
function ownFrames(lines: readonly string[]): string[] {
  const kept: string[] = []
  let begun = false
  for (const line of lines) {
    const isFrame = FRAME.test(line)
    if (isFrame && line.includes(ENGINE)) {
      if (begun) break
      continue
    }
    begun ||= isFrame
    kept.push(line)
  }
  return kept
}

function shortened(line: string, names: readonly string[]): string {
  let text = line
  for (const name of names) text = text.replaceAll(`${pathToFileURL(name).href}/`, '').replaceAll(`${name}/`, '')
  return text.replace(ELSEWHERE, '$1')
}

/** By both of its names, where one is a link. */
function foldersOf(folder: string): readonly string[] {
  if (folder.length < 2) return []
  let names = known.get(folder)
  if (names === undefined) known.set(folder, (names = namesOf(folder)))
  return names
}

function namesOf(code: string): readonly string[] {
  try {
    return [...new Set([code, realpathSync(code)])]
  } catch {
    return [code]
  }
}
