import type { CloudEvent } from '../../dsl/cloud-event.ts'

export type { CloudEvent }

/** Where events go. `publish` resolves when the event is safe there; the same event may come twice. */
export interface Channel {
  publish(event: CloudEvent): Promise<void>
}
