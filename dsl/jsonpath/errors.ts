/** Thrown when a text is no JSONPath (flow-language.md, 4.1: `jsonpath-syntax`). */
export class JsonPathSyntaxError extends Error {
  /** Where in the text: UTF-16 units before the fault. The message counts from 1. */
  readonly position: number
  constructor(message: string, position: number) {
    super(message)
    this.name = 'JsonPathSyntaxError'
    this.position = position
  }
}

/** `expected X, found Y at character N of 'text'`. */
export function expectedBut(expected: string, text: string, position: number): string {
  return `expected ${expected}, found ${found(text, position)} at character ${position + 1} of ${excerpt(text, position)}`
}

function found(text: string, position: number): string {
  const code = text.codePointAt(position)
  if (code === undefined) return 'the end'
  if (code < 0x20 || code === 0x7f || (code >= 0xd800 && code <= 0xdfff)) return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  return `'${String.fromCodePoint(code)}'`
}

/** The text, or what of a long one stands around the position. */
export function excerpt(text: string, position: number): string {
  if (text.length <= 80) return `'${text}'`
  const from = Math.max(0, position - 30)
  const to = Math.min(text.length, position + 30)
  return `'${from > 0 ? '...' : ''}${text.slice(from, to)}${to < text.length ? '...' : ''}'`
}
