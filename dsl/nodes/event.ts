import type { Json } from '../json.ts'
import { common, next, onError, text, type Z } from './fields.ts'
import { defineNode } from './node.ts'

export const event = defineNode({
  kind: 'event',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('event'),
      channel: text(z, 'A configured event channel.'),
      ...common(z),
      source: text(z, 'CloudEvents source.').optional(),
      data: z.unknown().meta({ description: "Template of the event's data; the node's input by default.", format: 'template' }).optional(),
      subject: text(z, 'CloudEvents subject.').optional(),
      eventType: text(z, 'CloudEvents type.').optional(),
      ...next(z),
      ...onError(z),
    }),
  hasNext: true,
  mayFail: true,
  check(node, check) {
    if (typeof node['channel'] === 'string') check.usesChannel(node['channel'], ['channel'])
  },
  compile: (node, { base }) => ({
    ...base,
    type: 'event',
    channel: node.channel,
    ...(node.source === undefined ? {} : { source: node.source }),
    ...(node.data === undefined ? {} : { data: node.data as Json }),
    ...(node.subject === undefined ? {} : { subject: node.subject }),
    ...(node.eventType === undefined ? {} : { eventType: node.eventType }),
  }),
})
