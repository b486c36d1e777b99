import type { JsonObject } from '../json.ts'
import { text, type Z } from '../nodes/fields.ts'
import { common, deadLetter } from './fields.ts'
import { defineTrigger } from './kind.ts'

/** Starts the flow for the events of a connector of one's own, which is registered with the engine. */
export const custom = defineTrigger({
  kind: 'custom',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('custom'),
      ...common(z),
      kind: text(z, 'The name under which the connector is registered.'),
      options: z
        .record(z.string(), z.unknown())
        .meta({ description: 'What the connector wants to know; it checks them itself.', expected: 'an object' })
        .optional(),
      ...deadLetter(z),
    }),
  check({ kind, options, deadLetter: channel }, check) {
    if (typeof kind === 'string') check.usesConnector(kind, options ?? {}, ['kind'], ['options'])
    if (typeof channel === 'string') check.usesChannel(channel, ['deadLetter'])
  },
  compile: (trigger, base) => ({ type: 'custom', ...base, kind: trigger.kind, options: (trigger.options ?? {}) as JsonObject }),
})
