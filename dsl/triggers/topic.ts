import type { Z } from '../nodes/fields.ts'
import { common, deadLetter } from './fields.ts'
import { defineTrigger } from './kind.ts'

const TOPIC_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$'

/** Starts the flow for each message of a topic (triggers.md, 2). */
export const topic = defineTrigger({
  kind: 'topic',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('topic'),
      ...common(z),
      topic: z.string().regex(new RegExp(TOPIC_PATTERN)).meta({
        description: 'The topic that it is subscribed to.',
        expected: 'a name of at most 255 letters, digits, _ . and - that begins with a letter or digit',
      }),
      ...deadLetter(z),
    }),
  check(trigger, check) {
    const { deadLetter: channel } = trigger
    if (typeof channel === 'string') check.usesChannel(channel, ['deadLetter'])
  },
  compile: (trigger, base) => ({ type: 'topic', ...base, topic: trigger.topic }),
})
