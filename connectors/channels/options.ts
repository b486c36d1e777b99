/** Event channels as they are configured (triggers.md, 3). Of kind `kafka` and `rabbitmq` there will be more. */
export type ChannelOptions =
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
