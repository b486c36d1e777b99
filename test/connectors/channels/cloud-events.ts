/** CloudEvents as an independent reader sees them: the SDK of the specification, which refuses what is none. */
import { HTTP, type CloudEvent, type CloudEventV1 } from 'cloudevents'

/** Reads a message, binary or structured. Throws for what is no CloudEvent. */
export function readCloudEvent(headers: Readonly<Record<string, string>>, body: string): CloudEventV1<unknown> {
  const message = { headers: { ...headers }, body }
  if (!HTTP.isEvent(message)) throw new Error(`no CloudEvent: ${JSON.stringify(headers)}`)
  const event = HTTP.toEvent(message) as CloudEvent
  event.validate()
  return event.toJSON() as unknown as CloudEventV1<unknown>
}
