import type { NodeRecord } from '../../engine/api.ts'
import type { Diagnostic } from '../../dsl/diagnostics.ts'
import type { Json, JsonObject } from '../../dsl/json.ts'
import { difference, missing, show } from './compare.ts'
import type { Look } from './compare.ts'
import type { Expectation, Position } from './case.ts'

/** What became of a case. */
export type Outcome =
  /** The definition was refused; `diagnostics` are the errors among them. */
  | { readonly kind: 'invalid'; readonly diagnostics: readonly Diagnostic[]; readonly seconds: number }
  /** The engine would not take the input. */
  | { readonly kind: 'refused'; readonly reason: string; readonly seconds: number }
  | {
      readonly kind: 'ended'
      readonly status: string
      readonly output?: Json
      readonly error?: Json
      /** Records by place, and by id where that is unique; absent in express flows. */
      readonly nodes?: ReadonlyMap<string, NodeRecord>
      readonly seconds: number
    }
  | { readonly kind: 'running'; readonly seconds: number }
  /** The engine threw what it should not. */
  | { readonly kind: 'broken'; readonly reason: string; readonly seconds: number }

export interface CheckOptions {
  readonly look: Look
  readonly checkMaxSeconds: boolean
}

/** A hostile definition must be refused within this. */
const REFUSAL_SECONDS = 10
/** Timers may fire a little before the millisecond that a clock shows. */
const CLOCK_TOLERANCE_SECONDS = 0.01

/** Everything in which the outcome differs from what a case expects; empty: it holds. */
export function differences(expect: Expectation, outcome: Outcome, options: CheckOptions): string[] {
  const { oneOf, ...rest } = expect
  const found = oneOf === undefined || Object.keys(rest).length > 0 ? differencesOf(rest, outcome, options) : []
  if (oneOf !== undefined) {
    const each = oneOf.map((alternative) => differences(alternative, outcome, options))
    if (!each.some((list) => list.length === 0))
      found.push(`none of ${oneOf.length} alternatives: ${each.map((list, index) => `(${index + 1}) ${list.join('; ')}`).join(' ')}`)
  }
  return found
}

function differencesOf(expect: Expectation, outcome: Outcome, options: CheckOptions): string[] {
  const found =
    expect.diagnostics !== undefined || expect.at !== undefined || expect.refused === true
      ? refusal(expect, outcome)
      : execution(expect, outcome, options)
  if (expect.minSeconds !== undefined && outcome.seconds < expect.minSeconds - CLOCK_TOLERANCE_SECONDS) {
    found.push(`took ${outcome.seconds.toFixed(2)} s, at least ${expect.minSeconds} s expected`)
  }
  if (options.checkMaxSeconds && expect.maxSeconds !== undefined && outcome.seconds > expect.maxSeconds) {
    found.push(`took ${outcome.seconds.toFixed(2)} s, at most ${expect.maxSeconds} s expected`)
  }
  return found
}

function refusal(expect: Expectation, outcome: Outcome): string[] {
  const found: string[] = []
  const diagnostics = outcome.kind === 'invalid' ? outcome.diagnostics : []
  if (outcome.kind === 'broken') found.push(describe(outcome))
  if (expect.diagnostics !== undefined) {
    const wanted = [...new Set(expect.diagnostics)].sort()
    const got = [...new Set(diagnostics.map(({ rule }) => rule))].sort()
    if (wanted.join() !== got.join())
      found.push(
        `diagnostics: expected [${wanted.join(', ')}], got [${diagnostics.length ? diagnostics.map(showDiagnostic).join('; ') : 'none'}]`,
      )
  }
  for (const position of expect.at ?? []) {
    const any: readonly Position[] = Array.isArray(position) ? position : [position as Position]
    if (!any.some((one) => diagnostics.some((diagnostic) => isAt(one, diagnostic)))) {
      found.push(
        `at: expected ${any.map((one) => `${one.rule} at ${one.line}:${one.column ?? 'any'}`).join(' or ')}, got [${diagnostics.map(showDiagnostic).join('; ')}]`,
      )
    }
  }
  if (expect.refused === true) {
    if (diagnostics.length === 0) found.push(`expected to be refused with a diagnostic, but ${describe(outcome)}`)
    else if (outcome.seconds > REFUSAL_SECONDS)
      found.push(`refused only after ${outcome.seconds.toFixed(1)} s, within ${REFUSAL_SECONDS} s expected`)
  }
  return found
}

/** A list stands for any of its values; what the position leaves out is not compared. */
function isAt(position: Position, diagnostic: Diagnostic): boolean {
  const holds = (wanted: unknown, actual: unknown): boolean =>
    wanted === undefined || (Array.isArray(wanted) ? wanted.includes(actual) : wanted === actual)
  return holds(position.rule, diagnostic.rule) && holds(position.line, diagnostic.line) && holds(position.column, diagnostic.column)
}

function execution(expect: Expectation, outcome: Outcome, { look }: CheckOptions): string[] {
  if (expect.status === 'refused') return outcome.kind === 'refused' ? [] : [`expected the input to be refused, but ${describe(outcome)}`]
  if (outcome.kind !== 'ended') return [describe(outcome)]
  const found: string[] = []
  const wrongStatus =
    expect.status !== undefined
      ? outcome.status !== expect.status
      : expect.error !== undefined
        ? outcome.status === 'succeeded'
        : outcome.status !== 'succeeded'
  if (wrongStatus)
    found.push(
      `status: expected ${expect.status ?? (expect.error ? 'a failure' : 'succeeded')}, got ${outcome.status}${outcome.error ? ` with ${show(outcome.error)}` : ''}`,
    )
  if ('output' in expect && (!wrongStatus || outcome.output !== undefined)) {
    const differs = difference(expect.output!, outcome.output, look)
    if (differs) found.push(`output: ${differs}`)
  }
  if (expect.error !== undefined) {
    const differs = expect.deep === true ? missingAtAnyDepth(expect.error, outcome.error, look) : missing(expect.error, outcome.error, look)
    if (differs) found.push(`error: ${differs}`)
  }
  if (outcome.nodes)
    for (const [id, wanted] of Object.entries(expect.nodes ?? {})) found.push(...nodeDifferences(id, wanted, outcome.nodes.get(id), look))
  return found
}

function missingAtAnyDepth(expected: JsonObject, error: Json | undefined, look: Look): string | undefined {
  for (let cause: unknown = error; typeof cause === 'object' && cause !== null; cause = (cause as JsonObject)['cause']) {
    if (missing(expected, cause as JsonObject, look) === undefined) return undefined
  }
  return `expected ${show(expected)} at any depth of cause, got ${show(error)}`
}

function nodeDifferences(id: string, wanted: JsonObject | null, record: NodeRecord | undefined, look: Look): string[] {
  if (wanted === null) return record ? [`node ${id}: expected no record, got one with status ${record.status}`] : []
  if (!record) return [`node ${id}: has no record`]
  const found: string[] = []
  for (const [field, value] of Object.entries(wanted)) {
    const actual = (record as unknown as JsonObject)[field]
    let differs: string | undefined
    // The order of the names has no meaning.
    if (field === 'unresolved' && Array.isArray(value))
      differs = difference([...value].sort(), [...((actual as Json[] | undefined) ?? [])].sort(), look)
    else if (field === 'input' || field === 'output') differs = difference(value, actual, look)
    else differs = missing(value, actual, look)
    if (differs) found.push(`node ${id}: ${field}: ${differs}`)
  }
  return found
}

function describe(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'invalid':
      return `the definition was refused: ${outcome.diagnostics.map(showDiagnostic).join('; ')}`
    case 'refused':
      return `the input was refused: ${outcome.reason}`
    case 'ended':
      return `the execution ${outcome.status}${outcome.error ? ` with ${show(outcome.error)}` : ''}`
    case 'running':
      return `still running after ${outcome.seconds.toFixed(0)} s`
    case 'broken':
      return `the engine threw ${outcome.reason}`
  }
}

const showDiagnostic = ({ rule, line, column, message }: Diagnostic): string =>
  `${rule}${line === undefined ? '' : ` at ${line}:${column}`} (${message})`
