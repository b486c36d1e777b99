/** Event channels as they are configured (triggers.md, 3). */
export type ChannelOptions = OwnChannelOptions | BrokerChannelOptions

/** Of channels over a connection, whose kind is the channel's: checked by that kind. */
export type BrokerChannelOptions = KafkaChannelOptions | RabbitmqChannelOptions

export interface KafkaChannelOptions {
  readonly connection: string
  readonly topic: string
  /** `binary` (default): the data is the value, and headers `ce_…` say the rest; `structured`: the whole event is the value. */
  readonly mode?: 'binary' | 'structured'
}

export interface RabbitmqChannelOptions {
  readonly connection: string
  /** '' is the default exchange. */
  readonly exchange: string
  readonly routingKey?: string
  /** Default `/`. */
  readonly vhost?: string
  /** `structured` (default): the whole event is the body; `binary`: the data is, and headers `cloudEvents:…` say the rest. */
  readonly mode?: 'binary' | 'structured'
}

/** Of channels that need no connection. */
export type OwnChannelOptions =
  | { readonly kind: 'log' }
  | {
      readonly kind: 'http'
      readonly url: string
      /** `binary` (default): the data is the body, and headers `ce-…` say the rest; `structured`: the whole event is the body. */
      readonly mode?: 'binary' | 'structured'
      /** `whsec_…`, shared with the receiver: requests are signed as Standard Webhooks says. */
      readonly secret?: string
      /** Sent with each event, such as `authorization`. */
      readonly headers?: Readonly<Record<string, string>>
    }
  | { readonly kind: 'topic'; readonly topic: string }

export const CHANNEL_KINDS = ['log', 'http', 'topic'] as const
