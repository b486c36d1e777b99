import { isUtf8 } from 'node:buffer'
import { hasHugeNumber } from '../../dsl/huge-number.ts'
import { Problem } from './problem.ts'

/**
 * The value of a JSON body; undefined for one that is not there, which is not {}: routes say what they need. Throws Problem
 * `unsupported-media-type` for a charset other than UTF-8, `malformed-json`, and `bad-request` for numbers that are not finite.
 */
export function jsonBody(bytes: Buffer, contentType: string | undefined): unknown {
  mustBeUtf8(contentType)
  if (bytes.length === 0) return undefined
  const text = textOf(bytes)
  const value = parseJson(text)
  if (hasHugeNumber(text, value)) throw hugeNumber()
  return value
}

/** Holds bytes that are called JSON, and may be none, to what {@link jsonBody} holds them to beside its syntax. Throws as that. */
export function checkCalledJson(bytes: Buffer, contentType: string): void {
  mustBeUtf8(contentType)
  const text = textOf(bytes)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return
  }
  if (hasHugeNumber(text, value)) throw hugeNumber()
}

function hugeNumber(): Problem {
  return new Problem('bad-request', 'the body has a number that is beyond 1.8e308, which is not finite')
}

/** Throws Problem `unsupported-media-type` where a media type names another charset. */
export function mustBeUtf8(contentType: string | undefined): void {
  if (contentType === undefined || contentType === 'application/json') return
  const [, charset = 'utf-8'] = CHARSET.exec(contentType) ?? []
  if (!/^utf-?8$/i.test(charset)) throw new Problem('unsupported-media-type', `JSON is taken as UTF-8, not as ${charset}`)
}

/** The text of a body. Throws Problem `malformed-json`, with the place, where it is not UTF-8. */
export function textOf(bytes: Buffer): string {
  const text = bytes.toString()
  if (isUtf8(bytes)) return text
  const before = bytes.toString('utf8', 0, firstStray(bytes, text))
  const [line, column] = [before.split('\n').length, before.length - before.lastIndexOf('\n')]
  throw new Problem('malformed-json', `the body is not UTF-8, at line ${line}, column ${column}`, { line, column })
}

/** Where bytes stop being UTF-8: from there on a text made of them is not what they were. */
function firstStray(bytes: Buffer, text: string): number {
  const made = Buffer.from(text)
  let at = 0
  while (bytes[at] === made[at]) at++
  return at
}

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]+)/i
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
