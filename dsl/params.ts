import type { PathContext } from './expressions.ts'
import { compilePath, type CompiledPath } from './jsonpath/compile.ts'
import { JsonPathSyntaxError } from './jsonpath/errors.ts'
import { isJsonObject, setMember, type Json, type JsonObject } from './json.ts'

/** What a template gave (flow-language.md, 4.3). */
export interface Resolved {
  /** Shares what its paths found and what the template holds: data is never changed in place. */
  readonly value: Json
  /** Places of the paths that found nothing, as in `nested.list[3]`; undefined if there are none. */
  readonly unresolved: readonly string[] | undefined
}

/** `params`, or an event's `data`, ready for use. */
export interface CompiledTemplate {
  /** Every path in it, in the order of the template. */
  readonly paths: readonly CompiledPath[]
  resolve(data: Json, context: PathContext): Resolved
  /** The value alone. */
  value(data: Json, context: PathContext): Json
}

/** A path in a template that does not parse. */
export interface TemplateError {
  /** Keys and indexes from the template to the text. */
  readonly path: (string | number)[]
  readonly error: JsonPathSyntaxError
}

/**
 * The params of a node. Their own keys are keys whatever their names; what is special is so below them.
 *
 * @throws JsonPathSyntaxError
 */
export function compileParams(params: JsonObject): CompiledTemplate {
  const paths: CompiledPath[] = []
  return new Template(compileObject(params, '', paths), paths)
}

/**
 * Any value as a template, as the `data` of an event node is: also a path, `{ path, default }` or `{ literal }` as a whole.
 * A whole that finds nothing is null, and `$` among the unresolved.
 *
 * @throws JsonPathSyntaxError
 */
export function compileTemplate(value: Json): CompiledTemplate {
  const paths: CompiledPath[] = []
  return new Template(compileValue(value, '', paths), paths)
}

/** The paths of a template that do not parse, in the order of the template. Any depth. */
export function templateErrors(value: Json, kind: 'params' | 'template'): TemplateError[] {
  const errors: TemplateError[] = []
  // A list instead of recursion: this runs over definitions as they come. Children are pushed in reverse.
  const rest: { value: Json; up: Place | undefined; special: boolean }[] = [{ value, up: undefined, special: kind === 'template' }]
  while (rest.length > 0) {
    const { value: next, up, special } = rest.pop()!
    if (typeof next === 'string') {
      if (!isPathText(next)) continue
      const error = syntaxError(next)
      if (error) errors.push({ path: placePath(up), error })
    } else if (Array.isArray(next)) {
      for (let i = next.length - 1; i >= 0; i--) rest.push({ value: next[i]!, up: { key: i, up }, special: true })
    } else if (isJsonObject(next)) {
      if (special && isLiteral(next)) continue
      if (special && isDefaulted(next)) {
        rest.push({ value: next['path']!, up: { key: 'path', up }, special: true })
        continue
      }
      const keys = Object.keys(next)
      for (let i = keys.length - 1; i >= 0; i--) rest.push({ value: next[keys[i]!]!, up: { key: keys[i]!, up }, special: true })
    }
  }
  return errors
}

interface Place {
  readonly key: string | number
  readonly up: Place | undefined
}

function placePath(place: Place | undefined): (string | number)[] {
  const path: (string | number)[] = []
  for (let at = place; at !== undefined; at = at.up) path.push(at.key)
  return path.reverse()
}

function syntaxError(text: string): JsonPathSyntaxError | undefined {
  try {
    compilePath(text, { context: true })
    return undefined
  } catch (error) {
    if (error instanceof JsonPathSyntaxError) return error
    throw error
  }
}

/** Whether a string in params is a JSONPath; anything else stands for itself, `$$` and `$x` too. */
function isPathText(text: string): boolean {
  return text === '$' || text.startsWith('$.') || text.startsWith('$[') || text.startsWith('$$.')
}

function isLiteral(value: JsonObject): boolean {
  return Object.hasOwn(value, 'literal') && Object.keys(value).length === 1
}

function isDefaulted(value: JsonObject): boolean {
  if (!Object.hasOwn(value, 'path') || !Object.hasOwn(value, 'default') || Object.keys(value).length !== 2) return false
  const path = value['path']
  return typeof path === 'string' && isPathText(path)
}

type Part =
  | { readonly kind: 'constant'; readonly value: Json }
  /** `name`: its place, for `unresolved`. */
  | { readonly kind: 'path'; readonly path: CompiledPath; readonly name: string }
  | { readonly kind: 'defaulted'; readonly path: CompiledPath; readonly fallback: Json }
  | { readonly kind: 'array'; readonly parts: readonly Part[] }
  | { readonly kind: 'object'; readonly keys: readonly string[]; readonly parts: readonly Part[] }

function compileValue(value: Json, name: string, paths: CompiledPath[]): Part {
  if (typeof value === 'string' && isPathText(value)) {
    const path = compilePath(value, { context: true })
    paths.push(path)
    return { kind: 'path', path, name: name === '' ? '$' : name }
  }
  if (Array.isArray(value)) {
    const parts = value.map((item, index) => compileValue(item, `${name}[${index}]`, paths))
    return parts.every((part) => part.kind === 'constant')
      ? { kind: 'constant', value: parts.map((part) => part.value) }
      : { kind: 'array', parts }
  }
  if (!isJsonObject(value)) return { kind: 'constant', value }
  if (isLiteral(value)) return { kind: 'constant', value: value['literal']! }
  if (isDefaulted(value)) {
    const path = compilePath(value['path'] as string, { context: true })
    paths.push(path)
    return { kind: 'defaulted', path, fallback: value['default']! }
  }
  return compileObject(value, name, paths)
}

function compileObject(value: JsonObject, name: string, paths: CompiledPath[]): Part {
  const keys = Object.keys(value)
  const parts = keys.map((key) => compileValue(value[key]!, memberName(name, key), paths))
  if (!parts.every((part) => part.kind === 'constant')) return { kind: 'object', keys, parts }
  const whole: JsonObject = {}
  for (const [index, key] of keys.entries()) setMember(whole, key, parts[index]!.value)
  return { kind: 'constant', value: whole }
}

const IDENTIFIER = /^[\p{L}_][\p{L}\p{N}_-]*$/u

/** As in a JSONPath, without its `$.`: `a.b`, `['a b'].c`. */
function memberName(name: string, key: string): string {
  if (IDENTIFIER.test(key)) return name === '' ? key : `${name}.${key}`
  return `${name}['${key.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}']`
}

class Template implements CompiledTemplate {
  readonly paths: readonly CompiledPath[]
  private readonly part: Part

  private readonly flat: Flat | null

  constructor(part: Part, paths: readonly CompiledPath[]) {
    this.part = part
    this.paths = paths
    this.flat = flatOf(part)
  }

  value(data: Json, context: PathContext): Json {
    return this.flat === null ? this.resolve(data, context).value : flatValue(this.flat, data)
  }

  resolve(data: Json, context: PathContext): Resolved {
    if (this.flat !== null) return resolveFlat(this.flat, data)
    const result: Result = { value: null, unresolved: undefined }
    const value = resolvePart(this.part, data, context, result)
    result.value = value === undefined ? null : value
    return result
  }
}

/** Params without nesting, defaults and `$$`, as most are: one loop. */
interface Flat {
  readonly keys: readonly string[]
  readonly paths: readonly CompiledPath[]
}

function flatOf(part: Part): Flat | null {
  if (part.kind !== 'object' || part.keys.includes('__proto__')) return null
  const paths: CompiledPath[] = []
  for (const inner of part.parts) {
    if (inner.kind !== 'path' || inner.path.isContext || inner.name !== part.keys[paths.length]) return null
    paths.push(inner.path)
  }
  return { keys: part.keys, paths }
}

function flatValue({ keys, paths }: Flat, data: Json): Json {
  const value: JsonObject = {}
  for (let i = 0; i < keys.length; i++) {
    const found = paths[i]!.get(data)
    if (found !== undefined) value[keys[i]!] = found
  }
  return value
}

function resolveFlat({ keys, paths }: Flat, data: Json): Resolved {
  const value: JsonObject = {}
  let unresolved: string[] | undefined
  for (let i = 0; i < keys.length; i++) {
    const found = paths[i]!.get(data)
    if (found !== undefined) value[keys[i]!] = found
    else (unresolved ??= []).push(keys[i]!)
  }
  return { value, unresolved }
}

/** What is handed out, made first so that names can be added to it. */
interface Result {
  value: Json
  unresolved: string[] | undefined
}

/** Undefined for a path that finds nothing. */
function resolvePart(part: Part, data: Json, context: PathContext, result: Result): Json | undefined {
  switch (part.kind) {
    case 'constant':
      return part.value
    case 'path': {
      const { path } = part
      const value = path.get(path.isContext ? context.contextFor(path) : data)
      if (value === undefined) (result.unresolved ??= []).push(part.name)
      return value
    }
    case 'defaulted': {
      const { path } = part
      const value = path.get(path.isContext ? context.contextFor(path) : data)
      return value === undefined ? part.fallback : value
    }
    case 'array': {
      const out: Json[] = []
      for (let i = 0; i < part.parts.length; i++) {
        const value = resolvePart(part.parts[i]!, data, context, result)
        out.push(value === undefined ? null : value)
      }
      return out
    }
    case 'object': {
      const out: JsonObject = {}
      const { keys, parts } = part
      for (let i = 0; i < keys.length; i++) {
        const value = resolvePart(parts[i]!, data, context, result)
        if (value !== undefined) setMember(out, keys[i]!, value)
      }
      return out
    }
  }
}
