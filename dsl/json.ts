/** A JSON value as `JSON.parse` yields it. */
export type Json = null | boolean | number | string | Json[] | JsonObject

/** A JSON object. `__proto__` is an ordinary own member in it, never the prototype: write members with {@link setMember}. */
export interface JsonObject {
  [key: string]: Json
}

/** True for objects that are neither null nor arrays. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Writes an own member, also one named `__proto__`, which plain assignment would take for the prototype. */
export function setMember(target: JsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    target[key] = value
  }
}
