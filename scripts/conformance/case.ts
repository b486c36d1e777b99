import type { Json, JsonObject } from '../../dsl/json.ts'
import type { FlowMode } from '../../dsl/plan.ts'

/** A piece of a definition's text: a string, or one repeated. */
export type TextPart = string | { readonly repeat: string; readonly times: number }

/** What a case asks of the engine; the fields are those of the README of the cases. */
export interface Expectation {
  readonly output?: Json
  readonly status?: string
  readonly error?: JsonObject
  readonly deep?: boolean
  readonly nodes?: Readonly<Record<string, JsonObject | null>>
  readonly diagnostics?: readonly string[]
  readonly refused?: boolean
  readonly at?: readonly (Position | readonly Position[])[]
  readonly oneOf?: readonly Expectation[]
  readonly maxSeconds?: number
  readonly minSeconds?: number
}

export interface Position {
  readonly rule?: string
  readonly line?: number
  readonly column?: number
}

export type Answer = 'never' | { readonly succeed: Json } | { readonly fail: JsonObject }

export interface ConformanceCase {
  readonly name: string
  readonly flow?: Json
  readonly flows?: readonly Json[]
  readonly text?: string | readonly TextPart[]
  readonly base64?: string
  readonly input?: Json
  readonly callback?: Answer
  readonly expect: Expectation
  readonly modes: readonly FlowMode[]
}

const CASE_FIELDS = ['name', 'flow', 'flows', 'text', 'base64', 'input', 'callback', 'expect', 'modes']
const EXPECT_FIELDS = ['output', 'status', 'error', 'deep', 'nodes', 'diagnostics', 'refused', 'at', 'oneOf', 'maxSeconds', 'minSeconds']
/** For people; the runner does not look at them. */
const REMARKS = ['description', 'note', 'comment']
const MODES = ['standard', 'express']

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads one entry of a case file. A field that the runner does not know is an error rather than ignored: what it asks for would
 * silently not be checked.
 *
 * @throws Error that says what is wrong with the case
 */
export function readCase(value: unknown): ConformanceCase {
  if (!isObject(value)) throw new Error(`a case is an object, not ${JSON.stringify(value)}`)
  unknownFields(value, CASE_FIELDS, 'a case')
  const sources = ['flow', 'flows', 'text', 'base64'].filter((field) => field in value)
  if (sources.length !== 1)
    throw new Error(`a case has exactly one of flow, flows, text and base64, not ${sources.join(' and ') || 'none'}`)
  if ('flows' in value && !(Array.isArray(value['flows']) && value['flows'].length > 0)) throw new Error('flows is a list of flows')
  const modes = value['modes'] ?? MODES
  if (!Array.isArray(modes) || modes.length === 0 || !modes.every((mode) => MODES.includes(mode))) {
    throw new Error(`modes is a list of ${MODES.join(' and ')}, not ${JSON.stringify(modes)}`)
  }
  const expect = value['expect'] ?? {}
  checkExpectation(expect)
  checkAnswer(value['callback'])
  return { ...value, name: String(value['name'] ?? 'without a name'), expect, modes } as ConformanceCase
}

function checkExpectation(expect: unknown): void {
  if (!isObject(expect)) throw new Error(`expect is an object, not ${JSON.stringify(expect)}`)
  unknownFields(expect, EXPECT_FIELDS, 'expect')
  if (expect['oneOf'] === undefined) return
  if (!Array.isArray(expect['oneOf']) || expect['oneOf'].length === 0) throw new Error('oneOf is a list of expects')
  for (const alternative of expect['oneOf']) checkExpectation(alternative)
}

function checkAnswer(answer: unknown): void {
  if (answer === undefined || answer === 'never') return
  if (isObject(answer) && Object.keys(answer).length === 1 && ('succeed' in answer || 'fail' in answer)) return
  throw new Error(`callback is never, { succeed } or { fail }, not ${JSON.stringify(answer)}`)
}

function unknownFields(value: Record<string, unknown>, known: readonly string[], what: string): void {
  const unknown = Object.keys(value).filter((field) => !known.includes(field) && !REMARKS.includes(field))
  if (unknown.length > 0) throw new Error(`${what} has no field ${unknown.join(', ')}; it has ${known.join(', ')}`)
}
