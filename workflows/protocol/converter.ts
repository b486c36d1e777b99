/**
 * How values become payloads, in the sandbox as on clients and workers: JSON, by the encoder that V8 brings along (the SDK's own is written
 * in JavaScript, and takes 35 ms for a MiB). Loaded by path: `payloadConverter` is the name that the SDK looks for.
 */
import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common'
import { budget } from './budget.ts'
import { inlineLimit } from './limits.ts'

/** Encodings of our own. */
export const ENCODING = { json: 'json/plain', plan: 'fnflow/plan', reference: 'fnflow/reference' } as const
/** Metadata: bytes up to which the payload may stay in the history. */
export const INLINE_KEY = 'inline'

/** Marks our own kinds of values: this module may be there twice, built and not, and `instanceof` would know only its own. */
const KIND = Symbol.for('fnflow.payload')

/** A plan by its hash: what stands in a history. The codec puts the plan's text in its place. */
export class PlanRef {
  readonly [KIND] = 'plan'
  readonly hash: string
  constructor(hash: string) {
    this.hash = hash
  }
}

/** A plan that has come in, as text: who has it in a cache need not parse it. */
export class PlanText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A value of which only so many bytes may stay in the history. */
export class Sized {
  readonly [KIND] = 'sized'
  readonly value: unknown
  readonly inline: number
  constructor(value: unknown, inline: number) {
    this.value = value
    this.inline = inline
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const JSON_ENCODING = encoder.encode(ENCODING.json)
const PLAN_ENCODING = encoder.encode(ENCODING.plan)
/** What a reference takes of the history. */
const REFERENCE_BYTES = 200
const INLINE = inlineLimit(0)

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && b.every((byte, at) => a[at] === byte)
}

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (value as { readonly [KIND]?: unknown })[KIND] : undefined
}

export const payloadConverter: PayloadConverter = {
  toPayload(value: unknown): Payload {
    if (value === undefined || value instanceof Uint8Array) return defaultPayloadConverter.toPayload(value)
    const kind = kindOf(value)
    if (kind === 'plan') return { metadata: { encoding: PLAN_ENCODING }, data: encoder.encode((value as PlanRef).hash) }
    const { value: plain, inline } = kind === 'sized' ? (value as Sized) : { value, inline: inlineLimit(budget.used) }
    const data = encoder.encode(JSON.stringify(plain))
    budget.used += data.length > inline ? REFERENCE_BYTES : data.length
    if (inline === INLINE || data.length <= inline) return { metadata: { encoding: JSON_ENCODING }, data }
    return { metadata: { encoding: JSON_ENCODING, [INLINE_KEY]: encoder.encode(String(inline)) }, data }
  },
  fromPayload<T>(payload: Payload): T {
    const { metadata, data } = payload
    const encoding = metadata?.['encoding']
    if (data && encoding) {
      if (isSame(encoding, JSON_ENCODING)) {
        budget.used += data.length > INLINE ? REFERENCE_BYTES : data.length
        return JSON.parse(decoder.decode(data)) as T
      }
      if (isSame(encoding, PLAN_ENCODING)) return new PlanText(decoder.decode(data)) as T
    }
    return defaultPayloadConverter.fromPayload(payload)
  },
}
