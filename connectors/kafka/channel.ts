/** An event channel over Kafka: CloudEvents by the Kafka binding, in binary mode or structured. */
import { EventTooLarge, type Channel, type CloudEvent } from '../channels/contract.ts'
import type { KafkaChannelOptions } from '../channels/options.ts'
import { pause } from '../triggers/backoff.ts'
import type { Publication, Publisher } from './publisher.ts'
import { isRefusal, isTooLarge, reasonOf } from './reason.ts'

/** How long an event is tried, altogether: less than what an `event` node has for one publication on a cluster. */
const TRIED_MS = 45_000
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000

export interface KafkaChannelServices {
  readonly publisher: Publisher
  /** What is known of the connection: undefined where it works. */
  tell(trouble: unknown): void
  readonly closed: AbortSignal
}

/** What is away is tried again under the same id; what the broker refuses is final. */
export function kafkaChannel(options: KafkaChannelOptions, { publisher, tell, closed }: KafkaChannelServices): Channel {
  return {
    async publish(event) {
      const publication = publicationOf(options, event)
      const until = Date.now() + TRIED_MS
      for (let attempt = 0; ; attempt++) {
        try {
          await publisher.publish(publication, Math.max(1, until - Date.now()))
          tell(undefined)
          return
        } catch (error) {
          // of a dead letter the bytes are left out then
          if (isTooLarge(error)) throw new EventTooLarge(reasonOf(error))
          tell(error)
          const wait = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2)
          if (isRefusal(error) || closed.aborted || Date.now() + wait > until) throw new Error(reasonOf(error), { cause: error })
          await pause(wait, closed)
        }
      }
    },
  }
}

function publicationOf({ topic, mode = 'binary' }: KafkaChannelOptions, event: CloudEvent): Publication {
  const { data, datacontenttype, ...attributes } = event
  const { id } = event
  const key = event.partitionkey ?? event.subject ?? null
  if (mode === 'structured') {
    const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' }
    return { id, topic, key, value: Buffer.from(JSON.stringify(event)), headers }
  }
  const said = Object.entries(attributes).map(([name, value]) => [`ce_${name}`, value])
  const headers = { ...Object.fromEntries(said), 'content-type': datacontenttype }
  return { id, topic, key, value: Buffer.from(JSON.stringify(data)), headers }
}
