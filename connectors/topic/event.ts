import type { Json, JsonObject } from '../../dsl/json.ts'

/** A message of a topic. */
export interface TopicMessage {
  readonly message: Json
  readonly subject?: string
  readonly attributes?: JsonObject
}

/** A message that was published. */
export interface PublishedMessage extends TopicMessage {
  readonly id: string
  readonly topic: string
  /** Epoch ms. */
  readonly at: number
}

/** The event that a subscribed flow gets (triggers.md, 2): the notification service's. */
export function topicEvent(flow: string, trigger: string, published: PublishedMessage): JsonObject {
  const { id, topic, at, message, subject, attributes } = published
  return {
    record: [
      {
        event_version: '1.0',
        event_subscription_urn: `urn:fnflow:flow:${flow}:${trigger}`,
        smn: {
          topic_urn: `urn:fnflow:topic:${topic}`,
          timestamp: new Date(at).toISOString(),
          message,
          message_id: id,
          subject: subject ?? null,
          type: 'notification',
          message_attributes: attributes ?? null,
        },
      },
    ],
  }
}
