/** What callers hand in, checked and copied: nothing of theirs stays in the engine, and nothing unfit reaches the journal. */
import { STATUS, type ErrorDocument } from '../dsl/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../dsl/json.ts'
import { copyJson, JsonCopyError, PAYLOAD_LIMIT } from '../dsl/json-copy.ts'
import type { CallbackResult, StartOptions } from './api.ts'
import { EngineError } from './errors.ts'

const ID = /^[A-Za-z0-9_.-]{1,128}$/
const START_OPTIONS: ReadonlySet<string> = new Set([
  'input',
  'id',
  'name',
  'trigger',
  'traceparent',
  'signal',
  'mode',
  'onNode',
  'unlisted',
])
/** W3C Trace Context, version 00; ids of zeros alone are none. */
export const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Copies what comes in, within the limits of flow-language.md, 6. Throws EngineError `payload-too-large`, `payload-too-deep`, `bad-input`. */
export function takeInput(input: unknown, what = 'input'): Json {
  if (input === undefined) return {}
  try {
    return copyJson(input, PAYLOAD_LIMIT)
  } catch (error) {
    if (!(error instanceof JsonCopyError)) throw error
    const code = error.reason === 'too-large' ? 'payload-too-large' : error.reason === 'too-deep' ? 'payload-too-deep' : 'bad-input'
    throw new EngineError(code, `the ${what} is refused: ${error.message}`, { cause: error })
  }
}

/** Throws EngineError `bad-option` for an option that the call does not have. */
export function checkKeys(options: object, known: ReadonlySet<string>, what: string): void {
  if (typeof options !== 'object' || options === null) throw new EngineError('bad-option', `the options of ${what} must be an object`)
  for (const key in options) {
    if (!known.has(key)) throw new EngineError('bad-option', `${what} has no option ${key}; it has ${[...known].join(', ')}`)
  }
}

/** Throws EngineError `bad-option`, or `aborted` if the signal already is. */
export function checkStart(options: StartOptions): void {
  checkKeys(options, START_OPTIONS, 'start')
  const { id, name, signal, mode, onNode, traceparent, unlisted } = options
  if (mode !== undefined && mode !== 'express') throw new EngineError('bad-option', 'mode must be express, or not be given')
  checkId(id)
  if (name !== undefined && (typeof name !== 'string' || !ID.test(name)))
    throw new EngineError('bad-option', `name ${shown(name)} is not 1 to 128 of A-Z a-z 0-9 _ . -`)
  checkTrace(traceparent)
  if (onNode !== undefined && typeof onNode !== 'function') throw new EngineError('bad-option', 'onNode must be a function')
  if (unlisted !== undefined && typeof unlisted !== 'boolean') throw new EngineError('bad-option', 'unlisted must be true or false')
  checkSignal(signal)
  if (signal?.aborted === true) throw new EngineError('aborted', 'the signal is aborted; nothing was started', { cause: signal.reason })
}

/** Throws EngineError `bad-option`. */
export function checkTrace(traceparent: unknown): void {
  if (traceparent !== undefined && !(typeof traceparent === 'string' && TRACEPARENT.test(traceparent)))
    throw new EngineError('bad-option', 'traceparent must be a trace context, such as 00-<32 hex digits>-<16 hex digits>-01')
}

/** Throws EngineError `bad-option`. */
export function checkId(id: unknown): void {
  if (id !== undefined && (typeof id !== 'string' || !ID.test(id)))
    throw new EngineError('bad-option', `id ${shown(id)} is not 1 to 128 of A-Z a-z 0-9 _ . -`)
}

/** Throws EngineError `bad-option`. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new EngineError('bad-option', 'signal must be an AbortSignal')
}

/** What starts most executions: nothing of it need be copied or kept twice. */
export const API_TRIGGER = Object.freeze({ type: 'api' })

/** What started an execution, copied. Throws EngineError `bad-option`, or as {@link takeInput}. */
export function takeTrigger(trigger: unknown): NonNullable<StartOptions['trigger']> {
  if (trigger === API_TRIGGER) return API_TRIGGER
  const copy = triggerCopy(trigger)
  if (!isJsonObject(copy) || typeof copy['type'] !== 'string' || (copy['name'] !== undefined && typeof copy['name'] !== 'string'))
    throw new EngineError('bad-option', 'trigger must be { type, name?, event? } with type and name strings')
  return copy as unknown as NonNullable<StartOptions['trigger']>
}

/** The limit is that of the event: what is around it does not count. */
function triggerCopy(trigger: unknown): Json {
  try {
    return takeInput(trigger, 'trigger')
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'payload-too-large')) throw error
    const { event, ...around } = trigger as { readonly event?: unknown }
    return { ...(takeInput(around, 'trigger') as JsonObject), event: takeInput(event ?? null, 'event') }
  }
}

/** The answer to a callback: its output, or the error document that it makes of its node. Throws EngineError `bad-input`, or as {@link takeInput}. */
export function takeAnswer(result: CallbackResult): { readonly ok: boolean; readonly value: Json } {
  const status = isObject(result) ? result.status : undefined
  if (status === 'succeeded') return { ok: true, value: takeInput((result as { output?: Json }).output ?? null, 'output') }
  if (status === 'failed') return { ok: false, value: refusal((result as { error?: unknown }).error) }
  throw new EngineError('bad-input', 'a callback is answered with { status: "succeeded", output } or { status: "failed", error }')
}

/** What the caller gives beside the usual fields is kept. */
function refusal(error: unknown): Json {
  if (error !== undefined && error !== null && !isObject(error))
    throw new EngineError('bad-input', 'the error of a callback must be an object { errorType, errorMessage }')
  const { status, errorType, errorMessage } = (error ?? {}) as Partial<ErrorDocument>
  return takeInput(
    {
      ...error,
      status: Number.isInteger(status) ? status : STATUS.codeThrew,
      errorType: typeof errorType === 'string' ? errorType : 'CallbackFailed',
      errorMessage: typeof errorMessage === 'string' ? errorMessage : 'the callback reported a failure',
    },
    'error',
  )
}

function isObject(value: unknown): value is object & { readonly status?: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 140)) : typeof value
}
