import { duration, expression, params, text, type Z } from '../nodes/fields.ts'

const TRIGGER_NAME_PATTERN = '^[A-Za-z_][A-Za-z0-9_-]{0,63}$'
const VERSION_PATTERN = '^[A-Za-z0-9._$-]{1,63}$'

/** Of one flow. */
export const MOST_TRIGGERS = 10

/** Executions that a trigger has started and that have not ended, where the definition says nothing. */
export const DEFAULT_IN_FLIGHT = 100
const MOST_IN_FLIGHT = 100_000

/** What every kind has (triggers.md, 1). */
export const common = (z: Z) => ({
  name: z.string().regex(new RegExp(TRIGGER_NAME_PATTERN)).meta({
    description: "The trigger's name, unique in the flow.",
    expected: 'a name of at most 64 letters, digits, _ and - that begins with a letter or _',
  }),
  version: z
    .string()
    .regex(new RegExp(VERSION_PATTERN))
    .meta({
      description: 'The version or alias of the flow that it starts; the latest by default.',
      expected: 'the name of a version or an alias',
    })
    .optional(),
  filter: expression(z, 'Events for which it is false are skipped.').optional(),
  input: params(z, "Shapes the execution's input from the event; the event by default.").optional(),
  maxInFlight: z
    .int()
    .min(1)
    .max(MOST_IN_FLIGHT)
    .meta({ description: 'Executions of this trigger that run at one time.', default: DEFAULT_IN_FLIGHT })
    .optional(),
})

/** Of kinds whose events come from elsewhere: an event that can start nothing goes to this channel. */
export const deadLetter = (z: Z) => ({
  deadLetter: text(z, 'Event channel for events that cannot start the flow; without one they are logged and skipped.').optional(),
})

/** How the bytes of a message or a body become JSON. */
export const format = (z: Z) => ({
  format: z
    .enum(['auto', 'json', 'text', 'base64'])
    .meta({ description: 'auto: JSON parsed, else a text, else base64.', default: 'auto' })
    .optional(),
})

/** Of kinds that read from a broker. */
export const batch = (z: Z) => ({
  batch: z
    .strictObject({
      size: z.int().min(1).max(10_000).meta({ description: 'Records of one execution at most.' }),
      window: duration(z, 'After it a batch starts even if it is not full.').optional(),
    })
    .meta({ description: 'One execution for several records.', expected: 'an object { size, window }' })
    .optional(),
})

export const connection = (z: Z) => text(z, 'A connection of the configuration.')
