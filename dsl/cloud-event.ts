import type { Json } from './json.ts'

/** A CloudEvent 1.0 as `event` nodes publish it (triggers.md, 3). */
export interface CloudEvent {
  readonly specversion: '1.0'
  /** Execution id + `/` + the node's place: the same when it is published again. */
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject?: string
  /** By the extension "partitioning": events that have the same keep their order where the channel has one. */
  readonly partitionkey?: string
  /** RFC 3339. */
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly data: Json
}
