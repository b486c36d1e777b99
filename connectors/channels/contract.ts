import type { CloudEvent } from '../../dsl/cloud-event.ts'

export type { CloudEvent }

/** Where events go. `publish` resolves when the event is safe there; the same event may come twice. Rejects with {@link EventTooLarge}, or anything else. */
export interface Channel {
  /** @param sees The only flows that the event may start; absent: any. For channels that start flows. */
  publish(event: CloudEvent, sees?: readonly string[]): Promise<void>
}

/** Thrown for an event that the channel would never take, for its size alone: of a dead letter the bytes are left out then. */
export class EventTooLarge extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'EventTooLarge'
  }
}
