import { text, type Z } from '../nodes/fields.ts'
import { batch, common, connection, deadLetter, format } from './fields.ts'
import { defineTrigger, msOf } from './kind.ts'

/** Until a batch that is not full starts. */
export const DEFAULT_WINDOW_MS = 1000

/** Starts the flow for the records of topics of Kafka (triggers.md, 2). */
export const kafka = defineTrigger({
  kind: 'kafka',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('kafka'),
      ...common(z),
      connection: connection(z),
      topics: z
        .array(text(z, 'A topic.'))
        .min(1)
        .max(100)
        .meta({ description: 'The topics that are read.', expected: 'a list of 1 to 100 topics' }),
      groupId: text(z, 'The consumer group; processes of one group share the partitions.'),
      from: z.enum(['latest', 'earliest']).meta({ description: 'Where it begins when it is first enabled.', default: 'latest' }).optional(),
      ...batch(z),
      ...format(z),
      ...deadLetter(z),
    }),
  check(trigger, check) {
    const { connection: name, deadLetter: channel } = trigger
    if (typeof name === 'string') check.usesConnection(name, ['connection'])
    if (typeof channel === 'string') check.usesChannel(channel, ['deadLetter'])
  },
  compile: (trigger, base) => ({
    type: 'kafka',
    ...base,
    connection: trigger.connection,
    topics: trigger.topics,
    groupId: trigger.groupId,
    from: trigger.from ?? 'latest',
    ...(trigger.batch === undefined
      ? {}
      : { batch: { size: trigger.batch.size, windowMs: msOf(trigger.batch.window, DEFAULT_WINDOW_MS) } }),
    format: trigger.format ?? 'auto',
  }),
})
