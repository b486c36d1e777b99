import { text, type Z } from '../nodes/fields.ts'
import { batchOf, checkBroker } from './broker.ts'
import { batch, common, connection, deadLetter, format } from './fields.ts'
import { defineTrigger } from './kind.ts'

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
    checkBroker(trigger, check)
    const { connection, groupId } = trigger
    if (typeof connection === 'string' && typeof groupId === 'string') check.usesGroup(connection, groupId, ['groupId'])
  },
  compile: (trigger, base) => ({
    type: 'kafka',
    ...base,
    connection: trigger.connection,
    topics: trigger.topics,
    groupId: trigger.groupId,
    from: trigger.from ?? 'latest',
    ...batchOf(trigger.batch),
    format: trigger.format ?? 'auto',
  }),
})
