/** Where a text stops being JSON: line and column from 1 (UTF-16 units), and why. */
export interface JsonError {
  readonly line: number
  readonly column: number
  readonly reason: string
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORD = /true|false|null/y
/** A string up to its closing quote, or up to what is wrong in it. */
const STRING = /"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y

/**
 * Finds the first place at which `text` is not JSON (RFC 8259); undefined if it is. V8's own messages often have no position.
 * Without recursion: a text may be nested as deeply as it likes.
 */
export function findJsonError(text: string): JsonError | undefined {
  const open: string[] = []
  let at = 0
  const wrong = (reason: string): JsonError => ({ ...positionOf(text, at), reason })
  const blanks = (): void => {
    while (' \t\n\r'.includes(text[at] ?? '.')) at++
  }
  const scan = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at += found[0].length
    return found !== null
  }
  /** True if it was one; else the error stands at `at`. */
  const string = (): JsonError | undefined => {
    const start = at
    scan(STRING)
    if (text[at] === '"') {
      at++
      return undefined
    }
    if (at >= text.length) {
      at = start
      return wrong('this string has no closing quote')
    }
    if (text[at] === '\\') return wrong('no such escape in a JSON string')
    return wrong('a control character in a string; write it as an escape')
  }
  const key = (): JsonError | undefined => {
    blanks()
    if (text[at] !== '"') return wrong(`expected a key in double quotes, not ${name(text, at)}`)
    const error = string()
    if (error !== undefined) return error
    blanks()
    if (text[at] !== ':') return wrong(`expected ":" behind the key, not ${name(text, at)}`)
    at++
    return undefined
  }

  for (;;) {
    blanks()
    const char = text[at]
    if (char === '{' || char === '[') {
      at++
      blanks()
      if (text[at] === (char === '{' ? '}' : ']')) at++
      else {
        open.push(char)
        const error = char === '{' ? key() : undefined
        if (error !== undefined) return error
        continue
      }
    } else if (char === '"') {
      const error = string()
      if (error !== undefined) return error
    } else if (!scan(NUMBER) && !scan(WORD)) {
      return wrong(`expected a JSON value, not ${name(text, at)}`)
    }
    // behind a value
    for (;;) {
      blanks()
      const container = open.at(-1)
      const next = text[at]
      if (container === undefined) return at >= text.length ? undefined : wrong(`expected the end behind the value, not ${name(text, at)}`)
      if (next === ',') {
        at++
        const error = container === '{' ? key() : undefined
        if (error !== undefined) return error
        break
      }
      if (next !== (container === '{' ? '}' : ']'))
        return wrong(`expected "," or "${container === '{' ? '}' : ']'}", not ${name(text, at)}`)
      open.pop()
      at++
    }
  }
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  let line = 1
  for (let i = before.indexOf('\n'); i !== -1; i = before.indexOf('\n', i + 1)) line++
  return { line, column: offset - lineStart + 1 }
}

function name(text: string, at: number): string {
  return at >= text.length ? 'the end of the text' : JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))
}
