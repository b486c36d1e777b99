import { z } from 'zod'

/** A number of seconds, or `1h30m`. */
const seconds = (least: number, most: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? (durationSeconds(value) ?? value) : value),
    z.number({ error: 'expected a number of seconds, or a duration such as 1m30s' }).min(least).max(most),
  )

const whole = (least: number, most: number) => z.int().min(least).max(most)

const variableName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'names of variables are letters, digits and _, the first a letter')

const variables = z.record(
  variableName,
  z.union([z.string(), z.number(), z.boolean()], { error: 'expected text, a number, true or false' }),
)

const secrets = z.record(variableName, z.strictObject({ from: z.enum(['env', 'file']), name: z.string().min(1) }))

const concurrency = z.strictObject({
  perInstance: whole(1, 1000).default(1),
  maxInstances: z
    .int()
    .refine((count) => count === -1 || (count >= 1 && count <= 1000), 'expected 1 to 1000, or -1 for no limit')
    .default(400),
  reserved: whole(0, 1000).default(0),
  idleTimeout: seconds(0, 86_400).default(60),
})

const asynchronous = z.strictObject({
  maxRetries: whole(0, 3).default(1),
  maxAge: seconds(60, 86_400).default(21_600),
  onSuccess: z.unknown().optional(),
  onFailure: z.unknown().optional(),
  deadLetter: z.unknown().optional(),
})

/** One function as functions.yaml has it (functions.md, 1); unknown keys are refused. Durations come out in seconds. */
export const functionSchema = z.strictObject({
  app: z.string().default('default'),
  runtime: z.string(),
  code: z.string().min(1).optional(),
  handler: z.string().min(1).optional(),
  initializer: z.string().min(1).optional(),
  initializerTimeout: seconds(1, 300).default(30),
  timeout: seconds(1, 259_200).default(3),
  memory: whole(1, 1_048_576).default(128),
  port: z.union([whole(1, 65_535), z.literal('auto')], { error: 'expected a port, or auto' }).optional(),
  url: z.string().optional(),
  environment: z.strictObject({ variables: variables.default({}), secrets: secrets.default({}) }).prefault({}),
  concurrency: concurrency.prefault({}),
  quota: z.number().min(0).nullable().default(null),
  async: asynchronous.nullable().prefault({}),
  gpu: z
    .strictObject({ type: z.string(), memory: whole(1, 1024) })
    .nullable()
    .default(null),
})

export type WrittenFunction = z.output<typeof functionSchema>

/** The keys that a mapping of the file may have, by its place within a function (`''`: the function itself). */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(functionSchema.shape),
  environment: ['variables', 'secrets'],
  concurrency: Object.keys(concurrency.shape),
  async: Object.keys(asynchronous.shape),
  gpu: ['type', 'memory'],
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of `1h30m`; undefined if it is no duration. */
function durationSeconds(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return undefined
  let sum = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g))
    sum += Number(amount) * (UNIT_SECONDS[unit as string] as number)
  // Sums of fractions of a second are kept to the microsecond.
  return Math.round(sum * 1e6) / 1e6
}
