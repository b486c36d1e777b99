import { ERROR_TYPE_OF_STATUS, type ErrorDocument } from '../dsl/errors.ts'

/** Bytes of UTF-8 that `errorMessage`, and all of `stackTrace`, may have (functions.md, 2). */
export const ERROR_TEXT_LIMIT = 64 * 1024

/** An error document of the executor's own; the type is that of the status unless given (functions.md, 7). */
export function failure(status: number, errorMessage: string, errorType = ERROR_TYPE_OF_STATUS[status] ?? 'Error'): ErrorDocument {
  return { status, errorType, errorMessage: capText(errorMessage) }
}

/** The document of what user code threw: an Error, or anything else. Never throws itself. */
export function thrownError(status: number, thrown: unknown): ErrorDocument {
  const document: ErrorDocument = { status, errorType: typeOf(thrown), errorMessage: capText(messageOf(thrown)) }
  const stack = stackOf(thrown)
  if (stack !== undefined) document.stackTrace = capLines(stack.split('\n'))
  return document
}

/** `text` cut to 64 KiB of UTF-8. */
export function capText(text: string): string {
  // A UTF-16 unit takes 3 bytes at most.
  if (text.length * 3 <= ERROR_TEXT_LIMIT || Buffer.byteLength(text) <= ERROR_TEXT_LIMIT) return text
  const bytes = Buffer.from(text)
  let end = ERROR_TEXT_LIMIT
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}

/** As many of the lines, the last one cut, as fit into 64 KiB of UTF-8. */
export function capLines(lines: readonly string[]): string[] {
  const kept: string[] = []
  let left = ERROR_TEXT_LIMIT
  for (const line of lines) {
    if (left <= 0) break
    let size = Buffer.byteLength(line)
    let text = line
    if (size > left) {
      text = Buffer.from(line)
        .toString('utf8', 0, left)
        .replace(/\uFFFD+$/, '')
      size = left
    }
    kept.push(text)
    left -= size
  }
  return kept
}

/** The name that says most: an own `name`, a name that the class itself declares, else the name of the class. */
function typeOf(thrown: unknown): string {
  try {
    if (typeof thrown !== 'object' || thrown === null) return 'Error'
    const { name, constructor } = thrown as { name?: unknown; constructor?: { name?: unknown; prototype?: object } }
    const named = typeof name === 'string' && name !== ''
    if (named && Object.hasOwn(thrown, 'name')) return name
    if (!(thrown instanceof Error) && !named) return 'Error'
    const prototype = constructor?.prototype
    if (named && prototype !== undefined && Object.hasOwn(prototype, 'name')) return name
    const className = constructor?.name
    return typeof className === 'string' && className !== '' && className !== 'Object' ? className : named ? name : 'Error'
  } catch {
    return 'Error'
  }
}

function messageOf(thrown: unknown): string {
  try {
    if (typeof thrown === 'object' && thrown !== null) {
      const { message } = thrown as { message?: unknown }
      if (typeof message === 'string') return message
      const text = JSON.stringify(thrown) as string | undefined
      if (text !== undefined) return text
    }
    return String(thrown)
  } catch {
    return 'an error without a readable message'
  }
}

function stackOf(thrown: unknown): string | undefined {
  try {
    if (typeof thrown !== 'object' || thrown === null) return undefined
    const { stack } = thrown as { stack?: unknown }
    return typeof stack === 'string' && stack !== '' ? stack : undefined
  } catch {
    return undefined
  }
}
