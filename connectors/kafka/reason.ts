/** What a failure of kafkajs means: to people, and to whoever tries again. */

/** Thrown for a topic that is not there; by kafkajs it would say which only in its details. */
export class UnknownTopic extends Error {
  readonly type = 'UNKNOWN_TOPIC_OR_PARTITION'
  constructor(topic: string) {
    super(`the broker knows no topic ${topic}`)
    this.name = 'UnknownTopic'
  }
}

interface Failure {
  readonly name?: string
  readonly type?: string
  readonly message?: string
  readonly cause?: unknown
}

/** Names and protocol types of failures that no repetition mends by itself: somebody has to. */
const REFUSALS = new Set([
  'KafkaJSSASLAuthenticationError',
  'KafkaJSNotImplemented',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_SESSION_TIMEOUT',
  'INVALID_GROUP_ID',
  'INVALID_RECORD',
])
const OF_TOPIC = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'INVALID_TOPIC_EXCEPTION',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_GROUP_ID',
  'INVALID_RECORD',
])
const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])
/** Of one message, or of some together. */
const OF_SOME_MESSAGE = new Set([...TOO_LARGE, 'INVALID_RECORD', 'INVALID_TIMESTAMP', 'CORRUPT_MESSAGE'])
/** Answers of a broker that say nothing of what was sent to it. */
const OF_CONNECTION = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'CLUSTER_AUTHORIZATION_FAILED',
  'BROKER_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
])
const REBALANCES = new Set(['REBALANCE_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])

/** As kafkajs has it, for each codec that it needs and has not got. */
const UNREAD = /^(Snappy|LZ4) compression not implemented$/i

/** A failure and what it was caused by, outermost first. */
function* chainOf(error: unknown): Generator<Failure, void, undefined> {
  for (let depth = 0; depth < 10 && typeof error === 'object' && error !== null; depth++) {
    yield error
    error = (error as Failure).cause
  }
}

function isAmong(error: unknown, names: ReadonlySet<string>): boolean {
  for (const { name = '', type = '' } of chainOf(error)) if (names.has(name) || names.has(type)) return true
  return false
}

/** The broker's own words, as far as there are any; the user's password is in none of kafkajs's messages. */
export function reasonOf(error: unknown): string {
  let reason = String(error)
  for (const { message } of chainOf(error)) if (typeof message === 'string' && message !== '') reason = message
  const [, codec] = UNREAD.exec(reason) ?? []
  if (codec !== undefined)
    return `${reason}: records of ${codec.toLowerCase()} cannot be read; let producers use gzip, zstd or no compression, or set compression.type of the topic, and seek past those that are there`
  return reason.replace(/^Connection error: /, '')
}

/** True where somebody has to mend something: credentials, a topic, a right. */
export function isRefusal(error: unknown): boolean {
  return isAmong(error, REFUSALS) || isTlsFailure(error)
}

export function isUnknownTopic(error: unknown): boolean {
  return isAmong(error, new Set(['UNKNOWN_TOPIC_OR_PARTITION']))
}

/** It is no matter of the connection: others use it. */
export function isOfTopic(error: unknown): boolean {
  return isAmong(error, OF_TOPIC)
}

/** What the broker has said of what was sent, or of its topics: others may go through. */
export function isOfMessages(error: unknown): boolean {
  return isAmong(error, new Set(['KafkaJSProtocolError'])) && !isAmong(error, OF_CONNECTION)
}

/** What the broker has said of messages, and not of their topic. */
export function isOfSomeMessage(error: unknown): boolean {
  return isAmong(error, OF_SOME_MESSAGE)
}

export function isTooLarge(error: unknown): boolean {
  return isAmong(error, TOO_LARGE)
}

/** The group assigns its partitions anew. */
export function isRebalance(error: unknown): boolean {
  return isAmong(error, REBALANCES)
}

function isTlsFailure(error: unknown): boolean {
  return /certificate|self[- ]signed|ssl alert|wrong version number|altname/i.test(reasonOf(error))
}
