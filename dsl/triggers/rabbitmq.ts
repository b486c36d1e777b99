import { parseDuration } from '../duration.ts'
import type { JsonObject } from '../json.ts'
import { duration, text, type Z } from '../nodes/fields.ts'
import { batchOf, checkBroker } from './broker.ts'
import { batch, common, connection, deadLetter, format } from './fields.ts'
import { defineTrigger, msOf, type RawTrigger, type TriggerCheck } from './kind.ts'

const DEFAULT_PREFETCH = 100
const DEFAULT_DEDUPE_MS = 7 * 86_400_000
/** Messages of a batch stay unacknowledged so long; a broker closes the channel of those that do for half an hour. */
const LONGEST_WINDOW_MS = 10 * 60_000

/** Starts the flow for the messages of a queue of RabbitMQ (triggers.md, 2). */
export const rabbitmq = defineTrigger({
  kind: 'rabbitmq',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('rabbitmq'),
      ...common(z),
      connection: connection(z),
      vhost: text(z, 'The virtual host; that of the connection by default.').optional(),
      exchange: text(z, 'The exchange that the queue is bound to; none: the queue is read as it is.').optional(),
      exchangeType: z
        .enum(['fanout', 'direct', 'topic', 'headers'])
        .meta({ description: 'The kind of the exchange.', default: 'fanout' })
        .optional(),
      routingKey: text(z, 'Of the binding.').optional(),
      bindingArguments: z
        .record(z.string(), z.unknown())
        .meta({
          description: 'Of the binding to an exchange of type headers: what a message must have, and x-match.',
          expected: 'an object such as { x-match: all, kind: order }',
        })
        .optional(),
      queue: text(z, 'The queue.'),
      declare: z.boolean().meta({ description: 'Makes the queue if it is not there.', default: false }).optional(),
      arguments: z
        .record(z.string(), z.unknown())
        .meta({ description: 'Of the queue, such as x-queue-type: quorum.', expected: 'an object' })
        .optional(),
      prefetch: z
        .int()
        .min(1)
        .max(65_535)
        .meta({ description: 'Messages that are taken and not acknowledged.', default: DEFAULT_PREFETCH })
        .optional(),
      dedupeWindow: duration(z, 'So long the ids of messages are remembered.').meta({ default: '7d' }).optional(),
      ...batch(z),
      ...format(z),
      ...deadLetter(z),
    }),
  check: checkRabbitmq,
  compile: (trigger, base) => ({
    type: 'rabbitmq',
    ...base,
    connection: trigger.connection,
    ...(trigger.vhost === undefined ? {} : { vhost: trigger.vhost }),
    ...(trigger.exchange === undefined ? {} : { exchange: trigger.exchange }),
    exchangeType: trigger.exchangeType ?? 'fanout',
    ...(trigger.routingKey === undefined ? {} : { routingKey: trigger.routingKey }),
    ...(trigger.bindingArguments === undefined ? {} : { bindingArguments: trigger.bindingArguments as JsonObject }),
    queue: trigger.queue,
    declare: trigger.declare ?? false,
    ...(trigger.arguments === undefined ? {} : { arguments: trigger.arguments as JsonObject }),
    // fewer than a batch takes would never fill one
    prefetch: Math.max(trigger.prefetch ?? DEFAULT_PREFETCH, trigger.batch?.size ?? 1),
    dedupeWindowMs: msOf(trigger.dedupeWindow, DEFAULT_DEDUPE_MS),
    ...batchOf(trigger.batch),
    format: trigger.format ?? 'auto',
  }),
})

function checkRabbitmq(trigger: RawTrigger, check: TriggerCheck): void {
  checkBroker(trigger, check)
  const { batch, exchange } = trigger
  const window = typeof batch === 'object' && batch !== null ? (batch as { readonly window?: unknown }).window : undefined
  const ms = typeof window === 'number' || typeof window === 'string' ? parseDuration(window) : undefined
  if (ms !== undefined && ms > LONGEST_WINDOW_MS)
    check.report('schema', ['batch', 'window'], '"batch.window" is 10m at most: the broker waits for the acknowledgement of its messages')
  for (const key of ['routingKey', 'bindingArguments'])
    if (exchange === undefined && trigger[key] !== undefined)
      check.report('schema', [key], `"${key}" is of the binding to an "exchange", and there is none; give one, or leave it out`, 'key')
}
