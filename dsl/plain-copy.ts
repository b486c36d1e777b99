import { setMember, type Json, type JsonObject } from './json.ts'
import type { Findings } from './finding.ts'
import { MAX_DEPTH } from './parse/limits.ts'

/** Stands for a value that was reported and dropped; checks pass over it. */
export const BROKEN: unique symbol = Symbol('broken')

/** Values in a definition given as an object; one of a text, aliases expanded, has fewer. */
const MAX_VALUES = 700_000

/**
 * A copy of a definition as plain JSON data, so that nothing that runs code (getters, proxies) or changes later stays
 * in it. What JSON cannot carry is reported as `schema` and replaced by {@link BROKEN}. Members that are `undefined`
 * count as absent, as for `JSON.stringify`.
 */
export function plainCopy(value: unknown, findings: Findings): unknown {
  return new Copier(findings).copy(value)
}

class Copier {
  readonly #findings: Findings
  readonly #path: (string | number)[] = []
  readonly #open = new Set<object>()
  #count = 0

  constructor(findings: Findings) {
    this.#findings = findings
  }

  copy(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        return Number.isFinite(value) ? value : this.#broken(`${value} is no number of JSON`)
      case 'object':
        if (value === null) return null
        try {
          return this.#container(value)
        } catch {
          // A trap of a proxy threw.
          return this.#broken('the value cannot be read; give plain data')
        }
      default:
        return this.#broken(`a ${typeof value} is no value of JSON; give plain data`)
    }
  }

  #container(value: object): unknown {
    if (this.#open.has(value)) return this.#broken('the value contains itself; give plain data')
    if (this.#open.size >= MAX_DEPTH) return this.#broken('nested over 512 levels deep; flatten the value')
    if (Array.isArray(value)) {
      this.#open.add(value)
      const copy = this.#array(value)
      this.#open.delete(value)
      return copy
    }
    if (!isPlain(value)) return this.#broken('an object of a class is no value of JSON; give plain data')
    this.#open.add(value)
    const copy = this.#object(value)
    this.#open.delete(value)
    return copy
  }

  #array(value: readonly unknown[]): unknown[] {
    const copy: unknown[] = []
    const { length } = value
    for (let index = 0; index < length; index++) {
      this.#path.push(index)
      if (this.#tooMany()) {
        this.#path.pop()
        break
      }
      copy.push(this.copy(value[index]))
      this.#path.pop()
    }
    return copy
  }

  #object(value: object): JsonObject {
    const copy: JsonObject = {}
    for (const key of Object.keys(value)) {
      this.#path.push(key)
      if (this.#tooMany()) {
        this.#path.pop()
        break
      }
      const descriptor = Object.getOwnPropertyDescriptor(value, key)
      if (descriptor !== undefined && !('value' in descriptor))
        setMember(copy, key, this.#broken('a getter is no value of JSON; give plain data') as unknown as Json)
      else if (descriptor !== undefined && descriptor.value !== undefined) setMember(copy, key, this.copy(descriptor.value) as Json)
      this.#path.pop()
    }
    return copy
  }

  #tooMany(): boolean {
    if (this.#count++ < MAX_VALUES) return false
    this.#findings.add('schema', [], 'over 700,000 values; a definition that large cannot be a flow')
    return true
  }

  #broken(message: string): typeof BROKEN {
    this.#findings.add('schema', [...this.#path], message)
    return BROKEN
  }
}

/** Plain objects of any realm: their prototype is null or has none itself. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
