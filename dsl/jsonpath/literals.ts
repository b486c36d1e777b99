import { excerpt, expectedBut, JsonPathSyntaxError } from './errors.ts'

/** What was read, and the position behind it. */
export interface Read<T> {
  readonly value: T
  readonly end: number
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y

/** A number as in JSON, or undefined where none starts. Does not look at what stands behind. */
export function readNumber(text: string, start: number): Read<number> | undefined {
  NUMBER.lastIndex = start
  const match = NUMBER.exec(text)
  return match ? { value: Number(match[0]), end: start + match[0].length } : undefined
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '/': '/', '\\': '\\' }

/**
 * A string in single or double quotes, from its opening quote. `rfc9535`: only the own quote is escaped, surrogates stand in pairs;
 * `expression` (flow-language.md, 4.4): JSON's escapes and `\'` in either kind of quotes.
 *
 * @throws JsonPathSyntaxError
 */
export function readString(text: string, start: number, dialect: 'rfc9535' | 'expression'): Read<string> {
  const quote = text[start]!
  const rfc = dialect === 'rfc9535'
  let value = ''
  let from = start + 1
  let at = from
  for (;;) {
    const unit = text.charCodeAt(at)
    if (Number.isNaN(unit))
      throw new JsonPathSyntaxError(
        `a string has no closing ${quote}; it begins at character ${start + 1} of ${excerpt(text, start)}`,
        start,
      )
    if (unit < 0x20) throw new JsonPathSyntaxError(expectedBut('an escape such as \\n', text, at), at)
    if (rfc && isSurrogate(unit)) {
      if (!isPair(unit, text.charCodeAt(at + 1))) throw new JsonPathSyntaxError(expectedBut('a character', text, at), at)
      at++
    }
    if (unit === 0x5c) {
      value += text.slice(from, at)
      const escaped = text[at + 1]
      if (escaped === 'u') {
        const code = readHex(text, at + 2)
        if (rfc && isSurrogate(code)) {
          const low = text[at + 6] === '\\' && text[at + 7] === 'u' ? readHex(text, at + 8) : NaN
          if (!isPair(code, low))
            throw new JsonPathSyntaxError(`a surrogate stands alone at character ${at + 1} of ${excerpt(text, at)}`, at)
          value += String.fromCharCode(code, low)
          at += 12
        } else {
          value += String.fromCharCode(code)
          at += 6
        }
      } else {
        const plain = escaped !== undefined && Object.hasOwn(ESCAPES, escaped) ? ESCAPES[escaped] : undefined
        if (plain !== undefined) value += plain
        else if (rfc ? escaped === quote : escaped === '"' || escaped === "'") value += escaped
        else
          throw new JsonPathSyntaxError(
            expectedBut(`one of b f n r t / \\ u ${rfc ? quote : '" \''} behind the backslash`, text, at + 1),
            at + 1,
          )
        at += 2
      }
      from = at
    } else if (text[at] === quote) {
      return { value: value + text.slice(from, at), end: at + 1 }
    } else {
      at++
    }
  }
}

function readHex(text: string, at: number): number {
  const digits = text.slice(at, at + 4)
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new JsonPathSyntaxError(expectedBut('four hexadecimal digits', text, at), at)
  return Number.parseInt(digits, 16)
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff
}

function isPair(high: number, low: number): boolean {
  return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff
}
