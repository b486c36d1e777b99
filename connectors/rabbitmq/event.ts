import { hash } from 'node:crypto'
import { setMember, type Json, type JsonObject } from '../../dsl/json.ts'
import type { EventFormat } from '../../dsl/plan.ts'
import { decodeBytes, type Decoded } from '../format.ts'
import type { BrokerMessage } from './port.ts'

const REGION = 'local'
/** A trace context that executions take; any other is left out. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
const DEEPEST = 32

/** A message that was read, in the words of the event document. */
export interface Reading {
  readonly exchange: string
  readonly message: Json
  readonly metadata: JsonObject
}

/**
 * Reads a message.
 *
 * @throws NotInFormat
 */
export function readMessage(message: BrokerMessage, format: EventFormat): Reading {
  const { exchange, routingKey, messageId, redelivered, headers, body, contentType } = message
  const { value, isBase64 } = decoded(body, format, contentType)
  return {
    exchange,
    message: value,
    metadata: {
      messageId: messageId ?? null,
      routingKey,
      headers: tableOf(headers, DEEPEST),
      redelivered,
      ...(isBase64 ? { encoding: 'base64' } : {}),
    },
  }
}

/** The event document of one message or of several (triggers.md, 2): one record for each run of messages of one exchange, so that their order is kept. */
export function rabbitmqEvent(readings: readonly Reading[], instance: string, at: number): JsonObject {
  const records: { exchange: string; instance_id: string; messages: Json[]; metadata: Json[] }[] = []
  for (const { exchange, message, metadata } of readings) {
    let record = records.at(-1)
    if (record?.exchange !== exchange) records.push((record = { exchange, instance_id: instance, messages: [], metadata: [] }))
    record.messages.push(message)
    record.metadata.push(metadata)
  }
  return { event_version: 'v1.0', event_time: Math.floor(at / 1000), trigger_type: 'RABBITMQ', region: REGION, records }
}

/** Names a message for good: its queue, its id and its body; undefined where it has no id, and so cannot be told from another one. */
export function keyOf(queue: string, { messageId, body }: BrokerMessage): readonly [string, string, string] | undefined {
  return messageId === undefined ? undefined : [queue, messageId, hash('sha256', body, 'hex')]
}

/** The same in few bytes, for the ledger. */
export function ledgerKeyOf(key: readonly string[]): string {
  return hash('sha256', JSON.stringify(key), 'base64url')
}

export function traceparentOf({ headers }: BrokerMessage): string | undefined {
  const { traceparent } = headers
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined
}

/** What the sender says counts for `auto` alone, and only where it keeps a text from being parsed. */
function decoded(body: Buffer, format: EventFormat, contentType: string | undefined): Decoded {
  return decodeBytes(body, format, contentType?.startsWith('text/plain') === true ? 'text' : undefined)
}

/** A field table as JSON: bytes as `{ value, encoding: 'base64' }`, times as ISO 8601, numbers that JSON has not as texts. */
function tableOf(table: Readonly<Record<string, unknown>>, levels: number): JsonObject {
  const object: JsonObject = {}
  for (const [name, value] of Object.entries(table)) setMember(object, name, fieldOf(value, levels - 1))
  return object
}

function fieldOf(value: unknown, levels: number): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'bigint':
      return String(value)
  }
  // more than any sender means
  if (value === null || typeof value !== 'object' || levels === 0) return null
  if (Buffer.isBuffer(value)) return { value: value.toString('base64'), encoding: 'base64' }
  if (Array.isArray(value)) return value.map((one) => fieldOf(one, levels - 1))
  if ('!' in value && 'value' in value) return tagged(value['!'], value.value, levels)
  return tableOf(value as Readonly<Record<string, unknown>>, levels)
}

/** amqplib's form of what JavaScript has no type for. */
function tagged(type: unknown, value: unknown, levels: number): Json {
  if (type === 'timestamp' && typeof value === 'number') {
    const time = new Date(value * 1000)
    return Number.isNaN(time.getTime()) ? value : time.toISOString()
  }
  if (type === 'decimal') {
    const { digits, places } = (value ?? {}) as { readonly digits?: unknown; readonly places?: unknown }
    if (typeof digits === 'number' && typeof places === 'number') return fieldOf(Number(`${digits}e-${places}`), levels)
  }
  return fieldOf(value, levels)
}
