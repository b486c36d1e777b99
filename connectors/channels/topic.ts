import type { JsonObject } from '../../dsl/json.ts'
import type { TopicMessage } from '../topic/event.ts'
import type { Channel, CloudEvent } from './contract.ts'

/** A channel whose events are messages of a topic: one flow's events start another. */
export function topicChannel(publish: (id: string, message: TopicMessage) => Promise<unknown>): Channel {
  return {
    async publish(event) {
      // the same event is the same message, so that it starts nothing twice
      await publish(event.id, messageOf(event))
    },
  }
}

function messageOf({ data, subject, id, source, type, time }: CloudEvent): TopicMessage {
  const attributes: JsonObject = { id, source, type, time }
  return { message: data, ...(subject === undefined ? {} : { subject }), attributes }
}
