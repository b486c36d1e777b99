import { isJsonObject, setMember, type Json, type JsonObject } from './json.ts'

/** Bytes of compact UTF-8 JSON that an input, a body or a result may have: 6 MiB (flow-language.md, 6). */
export const PAYLOAD_LIMIT = 6 * 1024 * 1024

/** Levels of arrays and objects that JSON may be nested: `[]` is one level (flow-language.md, 6). */
export const DEPTH_LIMIT = 512

export type JsonCopyReason = 'not-json' | 'too-large' | 'too-deep'

/** Thrown when a value cannot be copied; the message names the place, as in `$.a[3].b holds a BigInt`. */
export class JsonCopyError extends Error {
  readonly reason: JsonCopyReason
  constructor(reason: JsonCopyReason, message: string) {
    super(message)
    this.name = 'JsonCopyError'
    this.reason = reason
  }
}

/*
 * The hottest function of the engine: one walk that copies, checks and counts, and allocates nothing but the copy.
 *
 * - The counters are module variables. A toJSON or a getter may call copyJson again, so copyJson saves and restores them.
 * - A failure is the value FAILED handed upwards, not an exception: on the way each level adds its key, so that the good
 *   case keeps no record of where it is.
 * - What is counted on the way is the least that a value can take, which needs no look at characters and digits. The walk
 *   ends when that is over the limit; and since nothing takes more than WEIGHT times its least, only large copies
 *   (from 256 KiB on, for 6 MiB) have their bytes counted one by one.
 */
const FAILED = Symbol('failed') as unknown as Json
const LEFT_OUT = undefined as unknown as Json

/** The longest number has 25 characters (-0.0000012345678901234567), where the shortest has 1; escapes need 6 times their character. */
const WEIGHT = 25

const hasOwn = Object.prototype.hasOwnProperty

let least = 0
let most = Infinity
let levels = DEPTH_LIMIT
let failure: Failure | undefined

interface Failure {
  readonly reason: JsonCopyReason
  readonly what: string
  /** From the inside out. */
  readonly keys: (string | number)[]
}

/**
 * A copy of `value` as JSON.parse(JSON.stringify(value)) would make it: toJSON is honoured, undefined members are left
 * out, NaN and undefined elements become null, only own members count. A member named `__proto__` is plain data.
 * Unlike there, functions and symbols are refused (functions.md, 2 and 7: 403).
 *
 * @param maxBytes bytes of compact UTF-8 JSON that are allowed; any number without it
 * @param maxDepth levels of arrays and objects that are allowed
 * @throws JsonCopyError `not-json` for BigInt, functions, symbols, cycles and whatever throws while it is read;
 *   `too-large` and `too-deep` for the limits
 */
export function copyJson(value: unknown, maxBytes: number = Infinity, maxDepth: number = DEPTH_LIMIT): Json {
  if (typeof value === 'object' && value !== null && maxBytes >= FLAT_MOST && maxDepth > 0) {
    const flat = copyFlat(value)
    if (flat !== undefined) return flat
  }
  const outerLeast = least
  const outerMost = most
  const outerLevels = levels
  least = 0
  most = maxBytes
  levels = maxDepth
  try {
    const copy = typeof value === 'object' && value !== null ? copyContainer(value, '', 1) : copyLeaf(value, '')
    if (copy === FAILED) throw explain(value, maxBytes)
    const result = copy === LEFT_OUT ? null : copy
    if (least * WEIGHT > maxBytes && jsonBytes(result, maxBytes) > maxBytes) throw tooLarge(value, maxBytes)
    return result
  } catch (error) {
    // Getters and Proxy traps throw from anywhere in the walk; a very large maxDepth overflows the stack.
    throw error instanceof JsonCopyError ? error : new JsonCopyError('not-json', `$ cannot be read: ${messageOf(error)}`)
  } finally {
    least = outerLeast
    most = outerMost
    levels = outerLevels
  }
}

const FLAT_KEYS = 16
const FLAT_LENGTH = 1024
/** More than such an object can take: each character at most 6 bytes, in key and in value. */
const FLAT_MOST = FLAT_KEYS * (FLAT_LENGTH * 12 + 8)

/** A small object with nothing but short strings, numbers, booleans and nulls in it, as most are; undefined: look closer. */
function copyFlat(value: object): JsonObject | undefined {
  try {
    if (Object.getPrototypeOf(value) !== Object.prototype) return undefined
    const out: JsonObject = {}
    let left = FLAT_KEYS
    for (const name in value) {
      if (!hasOwn.call(value, name) || left-- === 0 || name.length > FLAT_LENGTH || name === '__proto__') return undefined
      const item = (value as Record<string, unknown>)[name]
      if (typeof item === 'number') {
        if (item - item !== 0) return undefined
        out[name] = item + 0
      } else if (typeof item === 'string') {
        if (item.length > FLAT_LENGTH) return undefined
        out[name] = item
      } else if (typeof item === 'boolean' || item === null) out[name] = item
      else return undefined
    }
    return out
  } catch {
    // a getter or a Proxy that throws: the walk says where
    return undefined
  }
}

/**
 * As {@link copyJson}, of data that is JSON already (it was copied or parsed when it came in): no getter, no symbol, nothing without a form.
 *
 * @throws JsonCopyError `too-large`, `too-deep`
 */
export function copyData(value: Json, maxBytes: number = Infinity, maxDepth: number = DEPTH_LIMIT): Json {
  return isFlatData(value) && maxBytes >= FLAT_MOST && maxDepth > 0 ? Object.assign({}, value) : copyJson(value, maxBytes, maxDepth)
}

/** Object.assign is the fastest copy of objects of many shapes, but takes `__proto__` for the prototype. */
function isFlatData(value: Json): value is JsonObject {
  if (!isJsonObject(value)) return false
  let left = FLAT_KEYS
  for (const name in value) {
    if (left-- === 0 || name.length > FLAT_LENGTH || name === '__proto__') return false
    const item = value[name]
    if (typeof item === 'object' ? item !== null : typeof item === 'string' && item.length > FLAT_LENGTH) return false
  }
  return true
}

/** A value that is no object. Gives LEFT_OUT for undefined. */
function copyLeaf(value: unknown, key: string | number): Json {
  switch (typeof value) {
    case 'string':
      least += value.length + 2
      return value
    case 'number':
      least += 1
      // `+ 0` turns -0 into the 0 that JSON.stringify writes.
      return value - value === 0 ? value + 0 : null
    case 'boolean':
      least += 4
      return value
    case 'undefined':
      // For the null that stands in for it; where a member is left out it is taken off again.
      least += 4
      return LEFT_OUT
    case 'object':
      least += 4
      return null
    case 'bigint':
      return fail('not-json', 'holds a BigInt', key)
    case 'function':
      // An own toJSON that hands out its object itself: no data, and already honoured.
      if (key === 'toJSON') return copyLeaf(undefined, key)
      return fail('not-json', 'holds a function', key)
    default:
      return fail('not-json', 'holds a symbol', key)
  }
}

function copyContainer(value: object, key: string | number, depth: number): Json {
  const toJson = (value as { toJSON?: unknown }).toJSON
  if (typeof toJson === 'function') {
    const replaced = callToJson(value, toJson, key)
    if (replaced === FAILED) return FAILED
    if (typeof replaced !== 'object' || replaced === null) return copyLeaf(replaced, key)
    value = replaced
  }
  return Array.isArray(value) ? copyArray(value, key, depth) : copyObject(value as JsonObject, key, depth)
}

function copyArray(value: readonly unknown[], key: string | number, depth: number): Json {
  if (depth > levels) return fail('too-deep', '', key)
  const length = value.length
  least += 1
  const out: Json[] = []
  for (let i = 0; i < length; i++) {
    const item = value[i]
    const copy = typeof item === 'object' && item !== null ? copyContainer(item, i, depth + 1) : copyLeaf(item, i)
    if (copy === FAILED) return failedIn(key)
    if (++least > most) return fail('too-large', '', key)
    out.push(copy === LEFT_OUT ? null : copy)
  }
  return out
}

function copyObject(value: JsonObject, key: string | number, depth: number): Json {
  if (depth > levels) return fail('too-deep', '', key)
  const out: JsonObject = {}
  let plain = false
  least += 2
  // for-in with this very test is what the engine's compiler turns into a walk over the object's shape; Object.keys costs a third more.
  for (const name in value) {
    if (!hasOwn.call(value, name)) continue
    if (!plain) {
      // A String object has '0' as its first key, if any; the other boxes have none.
      if (name === '0' && typeof unboxed(value) !== 'object') return copyLeaf(unboxed(value), key)
      plain = true
    }
    const item: unknown = value[name]
    const copy = typeof item === 'object' && item !== null ? copyContainer(item, name, depth + 1) : copyLeaf(item, name)
    if (copy === LEFT_OUT) {
      least -= 4
      continue
    }
    if (copy === FAILED) return failedIn(key)
    least += name.length + 3
    if (least > most) return fail('too-large', '', key)
    if (name === '__proto__') setMember(out, name, copy)
    else out[name] = copy
  }
  if (!plain) {
    const primitive = unboxed(value)
    if (typeof primitive !== 'object') return copyLeaf(primitive, key)
  }
  return out
}

function callToJson(value: object, toJson: Function, key: string | number): Json {
  try {
    return toJson.call(value, String(key)) as Json
  } catch (error) {
    return fail('not-json', `has a toJSON that throws: ${messageOf(error)}`, key)
  }
}

/** The primitive in a Number, String, Boolean or BigInt object; every other object as it is. */
function unboxed(value: object): unknown {
  const tag = Object.prototype.toString.call(value)
  // The tag can be feigned by Symbol.toStringTag; valueOf throws unless the object really is one.
  try {
    if (tag === '[object Number]') return Number.prototype.valueOf.call(value) === undefined ? value : Number(value)
    if (tag === '[object String]') return String.prototype.valueOf.call(value) === undefined ? value : String(value)
    if (tag === '[object Boolean]') return Boolean.prototype.valueOf.call(value)
    if (tag === '[object BigInt]') return BigInt.prototype.valueOf.call(value)
  } catch {
    return value
  }
  return value
}

function fail(reason: JsonCopyReason, what: string, key: string | number): Json {
  failure = { reason, what, keys: [key] }
  return FAILED
}

function failedIn(key: string | number): Json {
  failure!.keys.push(key)
  return FAILED
}

function explain(root: unknown, maxBytes: number): JsonCopyError {
  const { reason, what, keys } = failure!
  failure = undefined
  if (reason === 'too-large') return tooLarge(root, maxBytes)
  // The last key is the root's own, which has none.
  const names = keys.slice(0, -1).reverse().map(placeOf)
  const place = `$${names.length > 24 ? `${names.slice(0, 12).join('')} ... ${names.slice(-12).join('')}` : names.join('')}`
  if (reason === 'not-json') return new JsonCopyError(reason, `${place} ${what}`)
  // Depth and size run out on a cycle too, and then that is what is wrong.
  if (hasCycle(root)) return new JsonCopyError('not-json', `${place} is part of a cycle`)
  return new JsonCopyError(reason, `${place} is nested deeper than ${levels} levels`)
}

function tooLarge(root: unknown, maxBytes: number): JsonCopyError {
  if (hasCycle(root)) return new JsonCopyError('not-json', '$ contains itself')
  return new JsonCopyError('too-large', `$ takes more than ${maxBytes} bytes of JSON`)
}

function placeOf(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`
  if (/^[\p{L}_][\p{L}\p{N}_-]*$/u.test(key)) return key.length > 40 ? `.${key.slice(0, 40)}...` : `.${key}`
  return `['${key.length > 40 ? `${key.slice(0, 40)}...` : key}']`
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return 'an error without a message'
  }
}

/** Whether a value contains itself. Reads data members only, since getters may make new objects for ever, and looks at ten million members at most. */
function hasCycle(root: unknown): boolean {
  const DONE = 1
  const OPEN = 2
  const state = new Map<object, number>()
  const stack: { value: object; members: unknown[]; at: number }[] = []
  const open = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return false
    const known = state.get(value)
    if (known !== undefined) return known === OPEN
    state.set(value, OPEN)
    stack.push({ value, members: dataMembers(value), at: 0 })
    return false
  }
  try {
    if (open(root)) return true
    for (let left = 10_000_000; stack.length > 0 && left > 0; left--) {
      const top = stack[stack.length - 1]!
      if (top.at < top.members.length) {
        if (open(top.members[top.at++])) return true
      } else {
        state.set(top.value, DONE)
        stack.pop()
      }
    }
  } catch {
    // A Proxy that throws: the walk above would have said so if it had come there.
  }
  return false
}

function dataMembers(value: object): unknown[] {
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return []
  if (Array.isArray(value)) return value
  const members: unknown[] = []
  for (const key of Object.keys(value)) {
    const member: unknown = Object.getOwnPropertyDescriptor(value, key)?.value
    if (typeof member === 'object' && member !== null) members.push(member)
  }
  return members
}

/** Bytes that JSON.stringify writes for a number. */
function numberBytes(value: number): number {
  if (Number.isInteger(value) && value > -1e9 && value < 1e9) {
    let n = value < 0 ? -value : value
    let digits = value < 0 ? 2 : 1
    while (n >= 10) {
      n = (n / 10) | 0
      digits++
    }
    return digits
  }
  return Number.isFinite(value) ? String(value).length : 4
}

const PLAIN_ASCII = /^[ !#-[\]-~\x7f]*$/

/** Bytes of UTF-8 that JSON.stringify writes for a string, quotes included; stops at the first beyond `most`. */
function stringBytes(text: string, most: number): number {
  const length = text.length
  let count = length + 2
  if (count > most) return count
  // The engine's regular expressions run over long plain strings faster than a loop does.
  if (length > 40 && PLAIN_ASCII.test(text)) return count
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      if (unit >= 0x20) {
        if (unit === 0x22 || unit === 0x5c) count++
      } else {
        // \b \t \n \f \r have short forms.
        count += unit >= 8 && unit <= 13 && unit !== 11 ? 1 : 5
      }
    } else if (unit < 0x800) {
      count++
    } else if (unit < 0xd800 || unit > 0xdfff) {
      count += 2
    } else if (unit < 0xdc00 && i + 1 < length && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      // A pair: 4 bytes for 2 units.
      count += 2
      i++
    } else {
      // A lone surrogate is written \udXXX.
      count += 5
    }
  }
  return count
}

/**
 * Bytes of compact UTF-8 JSON that a value takes. Stops counting once over `most`: the answer is then some number over it.
 * Any depth.
 */
export function jsonBytes(value: Json, most: number = Infinity): number {
  let count = 0
  const rest: Json[] = [value]
  while (rest.length > 0) {
    const next = rest.pop()!
    if (typeof next === 'string') count += stringBytes(next, most - count)
    else if (typeof next === 'number') count += numberBytes(next)
    else if (typeof next === 'boolean') count += next ? 4 : 5
    else if (next === null) count += 4
    else if (Array.isArray(next)) {
      count += next.length === 0 ? 2 : next.length + 1
      for (const item of next) rest.push(item)
    } else {
      const keys = Object.keys(next)
      count += keys.length === 0 ? 2 : keys.length + 1
      for (const key of keys) {
        count += stringBytes(key, most - count) + 1
        rest.push(next[key]!)
      }
    }
    if (count > most) return count
  }
  return count
}

/** Whether a JSON value has more than `most` levels of arrays and objects. Any depth. */
export function jsonDepthExceeds(value: Json, most: number = DEPTH_LIMIT): boolean {
  // Level by level: only the containers of one level are held.
  let level: Json[] = isContainer(value) ? [value] : []
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > most) return true
    const below: Json[] = []
    for (const container of level) {
      if (Array.isArray(container)) {
        for (const item of container) if (isContainer(item)) below.push(item)
      } else {
        const object = container as JsonObject
        for (const key of Object.keys(object)) {
          const item = object[key]!
          if (isContainer(item)) below.push(item)
        }
      }
    }
    level = below
  }
  return false
}

function isContainer(value: Json): boolean {
  return Array.isArray(value) || isJsonObject(value)
}
