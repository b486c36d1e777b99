/**
 * Values as far as they are known before a flow has run: JSON, in which what a function will give is an {@link Unknown}, and a list of
 * which only the length is known a {@link Several}.
 */
import { jsonEqual } from '../../dsl/json-equal.ts'
import { jsonBytes } from '../../dsl/json-copy.ts'
import { setMember, type Json, type JsonObject } from '../../dsl/json.ts'

export type Guess = null | boolean | number | string | Unknown | Several | Guess[] | { [key: string]: Guess }

/** Could be anything; it is taken to have so many bytes. */
export class Unknown {
  readonly bytes: number
  constructor(bytes: number) {
    this.bytes = bytes
  }
}

/** A list of so many elements that are much alike. */
export class Several {
  readonly count: number
  readonly item: Guess
  constructor(count: number, item: Guess) {
    this.count = count
    this.item = item
  }
}

/** Walks over values happen once each: an input may have 6 MiB, and many nodes hand it on. */
const sizes = new WeakMap<object, number>()
const known = new WeakMap<object, boolean>()

/** Bytes of JSON that it takes, about. */
export function bytesOf(guess: Guess): number {
  if (typeof guess !== 'object' || guess === null) return jsonBytes(guess)
  if (guess instanceof Unknown) return guess.bytes
  if (guess instanceof Several) return 1 + guess.count * (1 + bytesOf(guess.item))
  let bytes = sizes.get(guess)
  if (bytes === undefined) {
    const keys = Object.keys(guess)
    bytes = keys.length === 0 ? 2 : keys.length + 1
    if (Array.isArray(guess)) for (const item of guess) bytes += bytesOf(item)
    else for (const key of keys) bytes += jsonBytes(key) + 1 + bytesOf(guess[key] as Guess)
    sizes.set(guess, bytes)
  }
  return bytes
}

/** Known to the last part. */
export function isKnown(guess: Guess): guess is Json {
  if (typeof guess !== 'object' || guess === null) return true
  if (guess instanceof Unknown || guess instanceof Several) return false
  let answer = known.get(guess)
  if (answer === undefined) {
    answer = Object.values(guess).every((part) => isKnown(part as Guess))
    known.set(guess, answer)
  }
  return answer
}

export function isGuessedObject(guess: Guess): guess is { [key: string]: Guess } {
  return typeof guess === 'object' && guess !== null && !Array.isArray(guess) && !(guess instanceof Unknown) && !(guess instanceof Several)
}

/** What arrives where two ways meet. */
export function either(a: Guess, b: Guess): Guess {
  if (a === b || (isKnown(a) && isKnown(b) && jsonEqual(a, b))) return a
  if (isGuessedObject(a) && isGuessedObject(b)) {
    const keys = Object.keys(a)
    if (keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key))) {
      return objectOf(keys.map((key) => [key, either(a[key] as Guess, b[key] as Guess)]))
    }
  }
  const count = lengthOf(a)
  if (count !== undefined && count > 0 && count === lengthOf(b)) return new Several(count, either(itemOf(a), itemOf(b)))
  return new Unknown(Math.max(bytesOf(a), bytesOf(b)))
}

/** Of a list; undefined for what is none, or what might be one. */
export function lengthOf(guess: Guess): number | undefined {
  if (Array.isArray(guess)) return guess.length
  return guess instanceof Several ? guess.count : undefined
}

/** One for all of a list's elements. */
export function itemOf(list: Guess): Guess {
  if (list instanceof Several) return list.item
  if (!Array.isArray(list) || list.length === 0) return null
  const [first, ...others] = list as [Guess, ...Guess[]]
  if (others.every((item) => item === first)) return first
  return new Unknown(Math.round((bytesOf(list) - 1) / list.length) - 1)
}

export function objectOf(entries: Iterable<readonly [string, Guess]>): { [key: string]: Guess } {
  const object: { [key: string]: Guess } = {}
  for (const [key, value] of entries) setMember(object as JsonObject, key, value as Json)
  return object
}
