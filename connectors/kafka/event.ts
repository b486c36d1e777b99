/** The event document of Kafka's records (triggers.md, 2). */
import type { Json, JsonObject } from '../../dsl/json.ts'
import type { EventFormat } from '../../dsl/plan.ts'
import { decodeBytes } from '../format.ts'

/** A record as the client gives it. */
export interface KafkaRecord {
  readonly offset: string
  /** Epoch ms. */
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, HeaderValue | HeaderValue[] | undefined>>
}

type HeaderValue = Buffer | string

/** A record's part of an event document. */
export interface Part {
  readonly message: Json
  readonly metadata: JsonObject
}

/** Throws NotInFormat. A record without a value (a tombstone) is null, whatever the format. */
export function partOf({ offset, timestamp, key, value, headers = {} }: KafkaRecord, format: EventFormat): Part {
  const message = value === null ? { value: null, isBase64: false } : decodeBytes(value, format)
  const named = key === null ? null : decodeBytes(key, 'auto', 'text')
  const all = Object.entries(headers).flatMap(([name, header]) => (header === undefined ? [] : [[name, headerOf(header)] as const]))
  return {
    message: message.value,
    metadata: {
      offset: Number(offset),
      timestamp: Number(timestamp),
      key: named === null ? null : named.value,
      ...(named?.isBase64 ? { keyEncoding: 'base64' } : {}),
      headers: Object.fromEntries(all),
      ...(message.isBase64 ? { encoding: 'base64' } : {}),
    },
  }
}

/** One that is no UTF-8 is `{ value, encoding }`; one that stands there several times is a list. */
function headerOf(header: HeaderValue | HeaderValue[]): Json {
  if (Array.isArray(header)) return header.map((each) => headerOf(each))
  if (typeof header === 'string') return header
  const { value, isBase64 } = decodeBytes(header, 'auto', 'text')
  return isBase64 ? { value, encoding: 'base64' } : value
}

/** The event of records of one partition. It has the time of the first record: a redelivery makes the same document. */
export function kafkaEvent(connection: string, topic: string, partition: number, parts: readonly Part[]): JsonObject {
  const first = parts[0]?.metadata['timestamp']
  return {
    event_version: 'v1.0',
    event_time: Math.floor(Number(first ?? 0) / 1000),
    trigger_type: 'KAFKA',
    region: 'local',
    instance_id: connection,
    records: [
      {
        topic_id: topic,
        partition,
        messages: parts.map(({ message }) => message),
        metadata: parts.map(({ metadata }) => metadata),
      },
    ],
  }
}

/** W3C trace context, where a record has one. */
export function traceparentOf({ headers }: KafkaRecord): string | undefined {
  const header = headers?.['traceparent']
  const one = Array.isArray(header) ? header[0] : header
  return one === undefined ? undefined : one.toString()
}

/** Of a header that says what the value is. */
export function contentTypeOf({ headers }: KafkaRecord): string | undefined {
  const header = headers?.['content-type']
  const one = Array.isArray(header) ? header[0] : header
  return one === undefined ? undefined : one.toString()
}
