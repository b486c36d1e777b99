import type { JsonObject } from '../../dsl/json.ts'
import type { TopicMessage } from '../topic/event.ts'
import type { Channel, CloudEvent } from './contract.ts'

/** A channel whose events are messages of a topic: one flow's events start another. */
export function topicChannel(publish: (id: string, message: TopicMessage, sees?: readonly string[]) => Promise<unknown>): Channel {
  return {
    async publish(event, sees) {
      // the same event is the same message, so that it starts nothing twice
      await publish(event.id, messageOf(event), sees)
    },
  }
}

function messageOf({ data, subject, id, source, type, time }: CloudEvent): TopicMessage {
  const attributes: JsonObject = { id, source, type, time }
  return { message: data, ...(subject === undefined ? {} : { subject }), attributes }
}
