import { duplicateKey, TOO_DEEP, Unreadable, type TextFinding } from './findings.ts'
import { MAX_DEPTH, MAX_DUPLICATES } from './limits.ts'
import type { Place } from './places.ts'

/**
 * Positions and doubled keys of a text that `JSON.parse` has accepted, in one pass over it.
 * Throws {@link Unreadable} for nesting over the limit.
 */
export function scanJson(text: string): { root: Place; findings: TextFinding[] } {
  const scanner = new JsonScanner(text)
  const at = scanner.skipBlanks(0)
  return { root: scanner.value(at, at, 1), findings: scanner.findings }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

class JsonScanner {
  readonly findings: TextFinding[] = []
  readonly #text: string
  readonly #path: (string | number)[] = []
  /** Right behind the value scanned last. */
  #end = 0

  constructor(text: string) {
    this.#text = text
  }

  skipBlanks(at: number): number {
    for (;;) {
      const code = this.#text.charCodeAt(at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at
      at++
    }
  }

  value(at: number, key: number, depth: number): Place {
    const code = this.#text.charCodeAt(at)
    if (code === 0x7b || code === 0x5b) {
      if (depth > MAX_DEPTH) throw new Unreadable(TOO_DEEP, at)
      return { value: at, key, children: code === 0x7b ? this.#members(at, depth) : this.#items(at, depth) }
    }
    this.#end = code === QUOTE ? this.#stringEnd(at) : this.#atomEnd(at)
    return { value: at, key }
  }

  #members(open: number, depth: number): Map<string, Place> {
    const members = new Map<string, Place>()
    let at = this.skipBlanks(open + 1)
    while (this.#text.charCodeAt(at) === QUOTE) {
      const end = this.#stringEnd(at)
      const name = this.#string(at, end)
      if (members.has(name) && this.findings.length < MAX_DUPLICATES) this.findings.push(duplicateKey(this.#path, name, at))
      this.#path.push(name)
      members.set(name, this.value(this.skipBlanks(this.skipBlanks(end) + 1), at, depth + 1))
      this.#path.pop()
      at = this.#next()
    }
    this.#end = at + 1
    return members
  }

  #items(open: number, depth: number): Place[] {
    const items: Place[] = []
    let at = this.skipBlanks(open + 1)
    while (this.#text.charCodeAt(at) !== 0x5d) {
      this.#path.push(items.length)
      items.push(this.value(at, at, depth + 1))
      this.#path.pop()
      at = this.#next()
    }
    this.#end = at + 1
    return items
  }

  /** Behind the comma that follows, or at the closing bracket. */
  #next(): number {
    const at = this.skipBlanks(this.#end)
    return this.#text.charCodeAt(at) === 0x2c ? this.skipBlanks(at + 1) : at
  }

  #stringEnd(open: number): number {
    let at = open + 1
    for (;;) {
      const code = this.#text.charCodeAt(at)
      if (code === QUOTE) return at + 1
      at += code === BACKSLASH ? 2 : 1
    }
  }

  #string(start: number, end: number): string {
    const inner = this.#text.slice(start + 1, end - 1)
    return inner.includes('\\') ? (JSON.parse(this.#text.slice(start, end)) as string) : inner
  }

  #atomEnd(at: number): number {
    for (;;) {
      const code = this.#text.charCodeAt(at)
      if (code === 0x2c || code === 0x5d || code === 0x7d || code <= 0x20 || Number.isNaN(code)) return at
      at++
    }
  }
}
