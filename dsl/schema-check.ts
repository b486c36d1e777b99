import type { DocumentPath, Rule } from './diagnostics.ts'
import { FORMATS } from './formats.ts'
import { BROKEN } from './plain-copy.ts'
import type { Findings } from './finding.ts'
import type { Suggester } from './suggest.ts'

/** The keywords of JSON Schema that our schemas use, and our notes (see nodes/fields.ts). */
export interface JsonSchema {
  readonly type?: 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array'
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: false | JsonSchema
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly format?: string
  readonly expected?: string
  readonly rule?: string
}

/** What is being checked, for messages and for where a missing field is reported. */
export interface SchemaSubject {
  /** `node "a"`, `the flow`. */
  readonly name: string
  /** Path of the node; a missing field is reported at its key. */
  readonly path: DocumentPath
  /** Fields that somebody else has judged. */
  readonly skip?: readonly string[]
}

/** Reports what a value has against a schema. Not a general validator: only what our generated schemas hold is known. */
export class SchemaChecker {
  readonly #findings: Findings
  readonly #suggester: Suggester

  constructor(findings: Findings, suggester: Suggester) {
    this.#findings = findings
    this.#suggester = suggester
  }

  check(value: unknown, schema: JsonSchema, subject: SchemaSubject): void {
    for (const problem of this.#problems(value, schema, subject, subject.path, subject.skip ?? [])) {
      this.#findings.add(problem.rule, problem.path, `${subject.name}: ${problem.message}`, problem.what)
    }
  }

  #problems(value: unknown, schema: JsonSchema, subject: SchemaSubject, path: DocumentPath, skip: readonly string[] = []): Problem[] {
    if (value === BROKEN) return []
    if (schema.anyOf !== undefined) return this.#union(value, schema, subject, path)
    const mismatch = typeMismatch(value, schema)
    if (mismatch) return [wrong('schema', path, this.#expectation(value, schema, subject, path))]
    const problems: Problem[] = []
    if (outOfRange(value, schema))
      problems.push(wrong((schema.rule as Rule | undefined) ?? 'schema', path, this.#expectation(value, schema, subject, path)))
    else if (typeof value === 'string' && schema.pattern !== undefined && !patternOf(schema.pattern).test(value)) {
      problems.push(wrong('schema', path, this.#expectation(value, schema, subject, path)))
    }
    if (schema.format !== undefined) this.#format(value, schema.format, subject, path, problems)
    if (schema.type === 'object' && schema.properties !== undefined) this.#object(value as object, schema, subject, path, skip, problems)
    if (schema.type === 'array' && schema.items !== undefined) {
      ;(value as unknown[]).forEach((item, index) => problems.push(...this.#problems(item, schema.items!, subject, [...path, index])))
    }
    return problems
  }

  /** The alternative with the fewest problems speaks for all, if the value has its type at least. */
  #union(value: unknown, schema: JsonSchema, subject: SchemaSubject, path: DocumentPath): Problem[] {
    let best: Problem[] | undefined
    for (const alternative of schema.anyOf!) {
      if (typeMismatch(value, alternative)) continue
      const problems = this.#problems(value, inherit(alternative, schema), subject, path)
      if (best === undefined || problems.length < best.length) best = problems
    }
    if (best === undefined) return [wrong('schema', path, this.#expectation(value, schema, subject, path))]
    return best
  }

  #format(value: unknown, format: string, subject: SchemaSubject, path: DocumentPath, problems: Problem[]): void {
    for (const { rule, message, path: inner } of FORMATS[format]?.(value) ?? []) {
      const full = inner === undefined ? path : [...path, ...inner]
      problems.push(wrong(rule, full, `${fieldName(full, subject)} is ${message}`))
    }
  }

  #object(
    value: object,
    schema: JsonSchema,
    subject: SchemaSubject,
    path: DocumentPath,
    skip: readonly string[],
    problems: Problem[],
  ): void {
    const { properties = {}, required = [] } = schema
    for (const key of Object.keys(value)) {
      if (skip.includes(key)) continue
      if (Object.hasOwn(properties, key)) {
        problems.push(...this.#problems((value as Record<string, unknown>)[key], properties[key]!, subject, [...path, key]))
      } else if (schema.additionalProperties === false) {
        const known = Object.keys(properties)
        const hint = this.#suggester.nearest(key, known)
        const remedy = hint.startsWith('did') ? hint : [hint, `known keys are ${known.join(', ')}`].filter((part) => part !== '').join('; ')
        const place = path.length > subject.path.length ? ` in ${fieldName(path, subject)}` : ''
        problems.push({ rule: 'schema', path: [...path, key], what: 'key', message: `unknown key "${clip(key)}"${place}; ${remedy}` })
      }
    }
    for (const key of required) {
      if (Object.hasOwn(value, key) || skip.includes(key)) continue
      const expected = expectedOf(properties[key] ?? {})
      const message = `${fieldName([...path, key], subject)} is missing; give ${expected}`
      // Reported at the id of the node: where the field should stand there is nothing.
      problems.push({ rule: 'schema', path: subject.path.length > 0 ? subject.path : path, what: 'key', message })
    }
  }

  #expectation(value: unknown, schema: JsonSchema, subject: SchemaSubject, path: DocumentPath): string {
    const choices = schema.enum ?? schema.anyOf?.flatMap((alternative) => alternative.enum ?? []) ?? []
    const hint =
      typeof value === 'string' && choices.length > 0
        ? this.#suggester.hint(
            value,
            choices.filter((choice) => typeof choice === 'string'),
          )
        : ''
    return `${fieldName(path, subject)} must be ${expectedOf(schema)}, not ${described(value)}${hint}`
  }
}

interface Problem {
  readonly rule: Rule
  readonly path: DocumentPath
  readonly what: 'key' | 'value'
  readonly message: string
}

function wrong(rule: Rule, path: DocumentPath, message: string): Problem {
  return { rule, path, what: 'value', message }
}

function inherit(alternative: JsonSchema, union: JsonSchema): JsonSchema {
  const expected = alternative.expected ?? union.expected
  const rule = alternative.rule ?? union.rule
  return { ...alternative, ...(expected === undefined ? {} : { expected }), ...(rule === undefined ? {} : { rule }) }
}

function typeMismatch(value: unknown, schema: JsonSchema): boolean {
  if (schema.const !== undefined) return value !== schema.const
  switch (schema.type) {
    case undefined:
      return false
    case 'array':
      return !Array.isArray(value)
    case 'object':
      return typeof value !== 'object' || value === null || Array.isArray(value)
    case 'integer':
      return !Number.isInteger(value)
    default:
      return typeof value !== schema.type
  }
}

function outOfRange(value: unknown, schema: JsonSchema): boolean {
  if (schema.enum !== undefined && !schema.enum.includes(value)) return true
  if (typeof value === 'number') return value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity)
  if (typeof value === 'string') return schema.maxLength !== undefined && longerThan(value, schema.maxLength)
  if (Array.isArray(value)) return value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity)
  return false
}

/** Characters, not UTF-16 units. */
function longerThan(text: string, limit: number): boolean {
  if (text.length <= limit) return false
  return text.length > limit * 2 || Array.from(text).length > limit
}

function expectedOf(schema: JsonSchema): string {
  if (schema.expected !== undefined) return schema.expected
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return `one of ${schema.enum.map((choice) => JSON.stringify(choice)).join(', ')}`
  if (schema.anyOf !== undefined) return schema.anyOf.map(expectedOf).join(' or ')
  return expectedType(schema)
}

function expectedType({ type, minimum, maximum }: JsonSchema): string {
  // Zod bounds whole numbers by what a double can count to, which is no news to anybody.
  const low = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined
  const high = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined
  const range =
    low !== undefined && high !== undefined
      ? ` from ${low} to ${high}`
      : low !== undefined
        ? ` of at least ${low}`
        : high !== undefined
          ? ` of at most ${high}`
          : ''
  switch (type) {
    case 'integer':
      return `a whole number${range}`
    case 'number':
      return `a number${range}`
    case 'string':
      return 'a text'
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
      return 'an object'
    default:
      return 'another value'
  }
}

/** A value in a message: short, and never a secret's worth of text. */
export function described(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return `the text ${JSON.stringify(clip(value))}`
  return `${String(value)}`
}

export function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

/** `"retry.max"`, from the subject on. */
function fieldName(path: DocumentPath, subject: SchemaSubject): string {
  const inner = path.slice(subject.path.length)
  if (inner.length === 0) return 'it'
  const text = inner.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('')
  return `"${text.length > 120 ? `${text.slice(0, 120)}...` : text}"`
}

const patterns = new Map<string, RegExp>()

function patternOf(source: string): RegExp {
  let pattern = patterns.get(source)
  if (pattern === undefined) {
    pattern = new RegExp(source)
    patterns.set(source, pattern)
  }
  return pattern
}
