import { createHash, type Hash } from 'node:crypto'

/** Deeper than this nothing recurses, neither here nor in `JSON.stringify`: bodies may be nested a million deep. */
const MOST_RECURSION = 500
/** Characters that are handed to the hash at a time. */
const PIECE = 64 * 1024

/**
 * Feeds a JSON value to a hash so that equal values give the same, whatever the order of their members: what is fed is JSON with its members
 * in one order. A body has up to 8 MiB, so V8 writes whatever it can.
 */
export function hashJson(hash: Hash, value: unknown): void {
  const shape = shapeOf(value, 0)
  if (shape === 'deep') hashDeep(hash, value)
  else hash.update(JSON.stringify(shape === 'sorted' ? value : sortedCopy(value)))
}

/** SHA-256 of texts in this order. */
export function hashOf(...parts: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest()
}

type Members = Readonly<Record<string, unknown>>

function isContainer(value: unknown): value is Members | readonly unknown[] {
  return typeof value === 'object' && value !== null
}

function shapeOf(value: unknown, depth: number): 'sorted' | 'unsorted' | 'deep' {
  if (!isContainer(value)) return 'sorted'
  if (depth === MOST_RECURSION) return 'deep'
  let isSorted = true
  let before = ''
  const names = Array.isArray(value) ? null : Object.keys(value)
  const { length } = names ?? (value as readonly unknown[])
  for (let at = 0; at < length; at++) {
    const name = names?.[at]
    if (name !== undefined) {
      if (name < before) isSorted = false
      before = name
    }
    const inner = (value as Readonly<Record<string | number, unknown>>)[name ?? at]
    if (!isContainer(inner)) continue
    const shape = shapeOf(inner, depth + 1)
    if (shape === 'deep') return 'deep'
    if (shape === 'unsorted') isSorted = false
  }
  return isSorted ? 'sorted' : 'unsorted'
}

/** Names that are whole numbers come first in every object, in their own order; that is one order as well. */
function sortedCopy(value: unknown): unknown {
  if (!isContainer(value)) return value
  if (Array.isArray(value)) return value.map(sortedCopy)
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(value).sort()) {
    const inner = sortedCopy((value as Members)[name])
    if (name === '__proto__') Object.defineProperty(copy, name, { value: inner, enumerable: true })
    else copy[name] = inner
  }
  return copy
}

/** An array or object that is under way. */
interface Level {
  readonly value: Readonly<Record<string | number, unknown>>
  /** Sorted; null: an array. */
  readonly names: readonly string[] | null
  readonly length: number
  at: number
}

function hashDeep(hash: Hash, value: unknown): void {
  const levels: Level[] = []
  let text = 'deep:'
  const put = (next: unknown): void => {
    if (isContainer(next)) {
      const names = Array.isArray(next) ? null : Object.keys(next).sort()
      levels.push({ value: next as Level['value'], names, length: (names ?? (next as readonly unknown[])).length, at: 0 })
      text += names === null ? '[' : '{'
    } else text += JSON.stringify(next)
    if (text.length < PIECE) return
    hash.update(text)
    text = ''
  }
  put(value)
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { names, length, at } = level
    if (at === length) {
      text += names === null ? ']' : '}'
      levels.pop()
      continue
    }
    level.at += 1
    if (at > 0) text += ','
    const name = names?.[at]
    if (name !== undefined) text += `${JSON.stringify(name)}:`
    put(level.value[name ?? at])
  }
  hash.update(text)
}
