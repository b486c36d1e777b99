import type { Json } from '../dsl/json.ts'
import { hasHugeNumber } from '../dsl/huge-number.ts'
import type { EventFormat } from '../dsl/plan.ts'

export interface Decoded {
  readonly value: Json
  readonly isBase64: boolean
}

/** Thrown for bytes that are not what the trigger's `format` says. */
export class NotInFormat extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NotInFormat'
  }
}

/**
 * Bytes as JSON has them, by a trigger's `format`. `auto`: JSON parsed, else a text, else base64.
 *
 * @param looksLike What the sender says that they are, where it says something: a JSON that is called a text stays one.
 * @throws NotInFormat
 */
export function decodeBytes(bytes: Uint8Array, format: EventFormat, looksLike?: 'json' | 'text' | 'binary'): Decoded {
  if (format === 'base64') return base64Of(bytes)
  if (format === 'json') {
    const text = textOf(bytes)
    if (text === undefined) throw new NotInFormat('it is no UTF-8')
    const parsed = jsonOf(text)
    if (parsed === undefined) throw new NotInFormat('it is no JSON, or has a number that is beyond 1.8e308')
    return parsed
  }
  const text = looksLike === 'binary' && format === 'auto' ? undefined : textOf(bytes)
  if (text === undefined) {
    if (format === 'text') throw new NotInFormat('it is no text in UTF-8')
    return base64Of(bytes)
  }
  const parsed = format === 'auto' && looksLike !== 'text' ? jsonOf(text) : undefined
  return parsed ?? { value: text, isBase64: false }
}

function base64Of(bytes: Uint8Array): Decoded {
  return { value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'), isBase64: true }
}

/** Undefined for what is no JSON, and for numbers that would not come out as they are written: as nothing, not as null. */
function jsonOf(text: string): Decoded | undefined {
  if (text === '') return undefined
  try {
    const value = JSON.parse(text) as Json
    return hasHugeNumber(text, value) ? undefined : { value, isBase64: false }
  } catch {
    return undefined
  }
}

/** Undefined where they are no UTF-8. A byte order mark is part of the text. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
