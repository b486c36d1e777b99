import { hash, randomUUID } from 'node:crypto'
import { PAYLOAD_LIMIT } from '../../dsl/json-copy.ts'
import type { PlanRabbitmqTrigger } from '../../dsl/plan.ts'
import { NotInFormat } from '../format.ts'
import type { TriggerEvent } from '../triggers/contract.ts'
import type { Arrival } from './arrival.ts'
import { rabbitmqEvent, traceparentOf, type Reading } from './event.ts'

/** Of the event document around the messages of a batch, a record for each message at worst. */
const ENVELOPE_BYTES = 1024
const RECORD_BYTES = 512

/**
 * How many of the arrivals make the next event: one; or of a batch as many as it has or fit, once it is full, or the first has waited for its window.
 * 0: none yet.
 */
export function dueOf(arrivals: readonly Arrival[], { batch }: PlanRabbitmqTrigger, now: number): number {
  const [first] = arrivals
  if (first === undefined) return 0
  if (batch === undefined || first.reading instanceof NotInFormat) return 1
  let bytes = ENVELOPE_BYTES
  let count = 0
  for (const arrival of arrivals) {
    // it goes alone, behind those before it
    if (arrival.reading instanceof NotInFormat) return count
    bytes += arrival.jsonBytes + RECORD_BYTES
    if (bytes > PAYLOAD_LIMIT) return Math.max(count, 1)
    count += 1
    if (count === batch.size) return count
  }
  return now - first.at >= batch.windowMs ? count : 0
}

/** The event of one message, or of a batch. */
export function eventOf(unit: readonly [Arrival, ...Arrival[]], trigger: PlanRabbitmqTrigger, at: number): TriggerEvent {
  const { queue, connection, batch, dedupeWindowMs } = trigger
  const [first] = unit
  const keys = unit.flatMap(({ ledgerKey }) => ledgerKey ?? [])
  const traceparent = unit.map(({ message }) => traceparentOf(message)).find((one) => one !== undefined)
  const common = {
    place: first.placeIn(queue),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(keys.length === 0 ? {} : { messages: { keys, keepMs: dedupeWindowMs } }),
  }
  const { reading, message, key } = first
  const original = {
    original: { bytes: message.body, ...(message.contentType === undefined ? {} : { contentType: message.contentType }) },
  }
  if (reading instanceof NotInFormat) return { ...common, ...original, key: key ?? null, event: null, poison: reading }
  const event = rabbitmqEvent(
    unit.map((arrival) => arrival.reading as Reading),
    connection,
    at,
  )
  if (batch === undefined) return { ...common, ...original, key: key ?? null, event }
  return { ...common, ...(unit.length === 1 ? original : {}), key: ['batch', queue, batchName(unit)], event }
}

/** Follows from its messages; one that nothing names makes it a batch of its own. */
function batchName(unit: readonly Arrival[]): string {
  return hash('sha256', unit.map(({ ledgerKey }) => ledgerKey ?? randomUUID()).join('\n'), 'base64url')
}
