import { Problem } from './problem.ts'

/**
 * Parses the JSON text of a body. `__proto__` is an ordinary member. Throws Problem `malformed-json` with line and column (from 1); V8 tells no
 * position of many errors, so the place is found by a scan.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const at = errorAt(text)
    const before = text.slice(0, at)
    const line = before.split('\n').length
    const column = at - before.lastIndexOf('\n')
    const what = at >= text.length ? 'it ends too early' : `unexpected ${JSON.stringify(text[at])}`
    throw new Problem('malformed-json', `the body is no JSON: ${what} at line ${line}, column ${column}`, { line, column })
  }
}

const SPACE = /[ \t\n\r]*/y
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** Parts of a text; repeated by a loop, since V8 repeats alternatives on its stack. */
const PLAIN = /[^"\\\u0000-\u001f]+/y
const ESCAPED = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/** Where a text stops being JSON: the index of the first character that cannot stand there; its length where it ends too early. */
function errorAt(text: string): number {
  let at = 0
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found === null) return false
    at += found[0].length
    return true
  }
  const string = (): boolean => {
    at += 1
    while (match(PLAIN) || match(ESCAPED)) continue
    if (text[at] !== '"') return false
    at += 1
    return true
  }
  /** Without recursion: bodies may be nested a million deep. */
  const open: ('[' | '{')[] = []
  let wanted: 'value' | 'first' | 'name' | 'firstName' | 'colon' | 'next' = 'value'
  for (;;) {
    match(SPACE)
    const char = text[at]
    if (char === undefined) return at
    switch (wanted) {
      case 'value':
      case 'first': {
        if (wanted === 'first' && char === ']') {
          at += 1
          open.pop()
          wanted = 'next'
        } else if (char === '[' || char === '{') {
          at += 1
          open.push(char)
          wanted = char === '[' ? 'first' : 'firstName'
        } else if (char === '"') {
          if (!string()) return at
          wanted = 'next'
        } else if (match(LITERAL)) wanted = 'next'
        else return at
        break
      }
      case 'name':
      case 'firstName': {
        if (wanted === 'firstName' && char === '}') {
          at += 1
          open.pop()
          wanted = 'next'
          break
        }
        if (char !== '"') return at
        if (!string()) return at
        wanted = 'colon'
        break
      }
      case 'colon': {
        if (char !== ':') return at
        at += 1
        wanted = 'value'
        break
      }
      case 'next': {
        const inside = open.at(-1)
        if (inside !== undefined && char === ',') wanted = inside === '[' ? 'value' : 'name'
        else if ((inside === '[' && char === ']') || (inside === '{' && char === '}')) open.pop()
        else return at
        at += 1
      }
    }
  }
}
