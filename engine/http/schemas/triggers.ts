import { z } from 'zod'
import type { SeekTarget } from '../../../connectors/triggers/contract.ts'
import type { Json } from '../../../dsl/json.ts'
import { anyJson, executionId, pageOf, time } from './common.ts'
import { named } from './registry.ts'

export const triggerName = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'Name of a trigger of the flow.', examples: ['hook'] })

const count = z.int().min(0)

const EXAMPLE = {
  flow: 'order',
  name: 'hook',
  type: 'http',
  enabled: true,
  state: 'running',
  lag: 0,
  inFlight: 2,
  lastEventAt: 1782900000000,
  counts: { started: 17, filtered: 3, deduplicated: 1, deadLettered: 0, skipped: 0, lost: 0, withoutId: 0 },
} as const

export const trigger = named(
  'Trigger',
  z
    .strictObject({
      flow: z.string(),
      name: z.string(),
      type: z.enum(['timer', 'kafka', 'rabbitmq', 'http', 'topic', 'custom']),
      enabled: z.boolean(),
      state: z.enum(['running', 'paused', 'connecting', 'reconnecting', 'failed', 'disabled']),
      error: z.strictObject({ message: z.string(), since: time }).optional(),
      lag: count.meta({ description: 'Events that wait where they come from.' }),
      inFlight: count.meta({ description: 'Executions that it has started here and that have not ended.' }),
      lastEventAt: time.nullable(),
      nextFires: z.array(time).max(5).meta({ description: 'Of timers: when they fire next; of one that is disabled never.' }).optional(),
      counts: z.strictObject({
        started: count,
        filtered: count,
        deduplicated: count.meta({ description: 'Events that came again.' }),
        deadLettered: count,
        skipped: count.meta({ description: 'Events that could not start the flow.' }),
        lost: count,
        withoutId: count,
      }),
    })
    .meta({ description: 'What starts a flow by itself.', examples: [EXAMPLE] }),
)

export const triggerPage = pageOf('TriggerPage', trigger, EXAMPLE)

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/

/** Where a trigger is to go on. */
export const seekBody = named(
  'SeekTrigger',
  z
    .strictObject({
      to: z.union([z.string().max(100), time, z.record(z.string().max(1000), anyJson)]).meta({
        description:
          '`earliest`, `latest`, a time (milliseconds since 1970, or ISO 8601 with a time zone), or the places of single parts, such as `{ "main/orders/0": 42 }`.',
      }),
    })
    .meta({ examples: [{ to: 'earliest' }] }),
)

/** What is asked for; undefined for a text that is none of it. */
export function seekTarget(to: z.output<typeof seekBody>['to']): SeekTarget | undefined {
  if (to === 'earliest' || to === 'latest') return to
  if (typeof to === 'object') return { offsets: to as Record<string, Json> }
  const ms = typeof to === 'number' ? to : MOMENT.test(to) ? Date.parse(to) : Number.NaN
  return Number.isNaN(ms) ? undefined : { time: ms }
}

export const fireBody = named(
  'FireTrigger',
  z
    .strictObject({ event: anyJson.optional().meta({ description: 'The event document; default: {}.' }) })
    .meta({ examples: [{ event: { body: { amount: 5 } } }] }),
)

export const started = named(
  'StartedExecution',
  z.strictObject({ executionId }).meta({ examples: [{ executionId: '0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef' }] }),
)

export const topicName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/)
  .meta({ description: 'Name of a topic.', examples: ['alarms'] })

export const messageBody = named(
  'TopicMessage',
  z
    .strictObject({
      message: anyJson,
      subject: z.string().max(512).optional(),
      attributes: z.record(z.string(), z.unknown()).optional().meta({ description: 'Handed on with the message.' }),
    })
    .refine((body) => Object.hasOwn(body, 'message'), { message: 'message is missing: any JSON value', path: ['message'] })
    .meta({
      description: 'A message for the flows that are subscribed to a topic.',
      examples: [{ message: { disk: 'full' }, subject: 'alarm' }],
    }),
)

export const publishedMessage = named(
  'PublishedMessage',
  z
    .strictObject({ messageId: z.string(), executions: count.meta({ description: 'How many it has started.' }) })
    .meta({ examples: [{ messageId: '0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef', executions: 2 }] }),
)
