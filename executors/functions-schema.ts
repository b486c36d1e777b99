import { z } from 'zod'

/** A number of seconds, or `1h30m`. */
const seconds = (least: number, most: number) => {
  const error = `expected ${least} to ${most} seconds, as a number or as a duration such as 1m30s`
  return z.preprocess(
    (value) => (typeof value === 'string' ? (durationSeconds(value) ?? value) : value),
    z.number({ error }).min(least, { error }).max(most, { error }),
  )
}

const whole = (least: number, most: number) => {
  const error = `expected a whole number from ${least} to ${most}`
  return z.int({ error }).min(least, { error }).max(most, { error })
}

const text = (what: string) => z.string({ error: `expected ${what}` }).min(1, { error: `expected ${what}` })

const RESERVED = /^(?:SCF_|QCLOUD_|TENCENTCLOUD_|RUNTIME_)/

const variableName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]*$/, ': names of variables are letters, digits and _, the first a letter')
  .refine(
    (name) => !RESERVED.test(name),
    ' is reserved: names beginning with SCF_, QCLOUD_, TENCENTCLOUD_ or RUNTIME_ are the runtime’s; choose another',
  )

const variables = z.record(
  variableName,
  z.union([z.string(), z.number(), z.boolean()], { error: 'expected text, a number, true or false' }),
  { error: 'expected a mapping of names to values' },
)

const secrets = z.record(
  variableName,
  z.strictObject(
    { from: z.enum(['env', 'file'], { error: 'expected env or file' }), name: text('the name of a variable of the machine, or of a file') },
    { error: 'expected where the secret is found, such as { from: env, name: API_KEY }' },
  ),
  { error: 'expected a mapping of names to where each secret is found' },
)

const instancesError = 'expected a whole number from 1 to 1000, or -1 for no limit'

const concurrency = z.strictObject(
  {
    perInstance: whole(1, 1000).default(1),
    maxInstances: z
      .int({ error: instancesError })
      .refine((count) => count === -1 || (count >= 1 && count <= 1000), instancesError)
      .default(400),
    reserved: whole(0, 1000).default(0),
    idleTimeout: seconds(0, 86_400).default(60),
  },
  { error: 'expected a mapping, such as { maxInstances: 10 }' },
)

const asynchronous = z.strictObject(
  {
    maxRetries: whole(0, 3).default(1),
    maxAge: seconds(60, 86_400).default(21_600),
    onSuccess: z.unknown().optional(),
    onFailure: z.unknown().optional(),
    deadLetter: z.unknown().optional(),
  },
  { error: 'expected a mapping, such as { maxRetries: 1 }' },
)

const environment = z.strictObject(
  { variables: variables.default({}), secrets: secrets.default({}) },
  { error: 'expected a mapping with variables and secrets' },
)

/** Part of a task queue's name. */
const queuePart = (what: string) => {
  const error = `expected ${what}: letters, digits and _ . -, at most 60`
  return z.string({ error }).regex(/^[A-Za-z0-9_.-]{1,60}$/, { error })
}

const gpu = z.strictObject(
  { type: queuePart('nvidia or a model, such as nvidia-t4'), memory: whole(1, 1024) },
  { error: 'expected a mapping, such as { type: nvidia, memory: 4 }' },
)

/** One function as functions.yaml has it (functions.md, 1); unknown keys are refused. Durations come out in seconds. */
export const functionSchema = z.strictObject(
  {
    app: text('the name of an app').default('default'),
    runtime: text('the name of a runtime, such as python or nodejs'),
    code: text('the folder of the code, relative to this file').optional(),
    handler: text('file.function, such as index.handler').optional(),
    initializer: text('file.function, such as index.init').optional(),
    initializerTimeout: seconds(1, 300).default(30),
    timeout: seconds(1, 259_200).default(3),
    memory: whole(1, 1_048_576).default(128),
    port: z.union([whole(1, 65_535), z.literal('auto')], { error: 'expected a port from 1 to 65535, or auto' }).optional(),
    url: text('a URL').optional(),
    environment: environment.prefault({}),
    concurrency: concurrency.prefault({}),
    quota: z.number({ error: 'expected a number of MB' }).min(0, { error: 'expected 0 or more MB' }).nullable().default(null),
    async: asynchronous.nullable().prefault({}),
    pool: queuePart('the name of a pool of workers').optional(),
    gpu: gpu.nullable().default(null),
  },
  { error: 'expected a mapping, such as { runtime: python, code: ./folder, handler: index.handler }' },
)

export type WrittenFunction = z.output<typeof functionSchema>

/** The keys that a mapping of the file may have, by its place within a function (`''`: the function itself). */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(functionSchema.shape),
  environment: Object.keys(environment.shape),
  concurrency: Object.keys(concurrency.shape),
  async: Object.keys(asynchronous.shape),
  gpu: Object.keys(gpu.shape),
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
