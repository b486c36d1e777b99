/** What requests may hold. The same schemas check them, type the routes, and make the OpenAPI document. */
import { z } from 'zod'
import type { Json } from '../../dsl/json.ts'

/** Any JSON value, members called `__proto__` included: it is handed on as it was parsed. */
export const anyJson = z.unknown().meta({ description: 'any JSON value' }) as unknown as z.ZodType<Json | undefined>

export const flowName = z.string().min(1).max(64)
export const executionId = z.string().min(1).max(128)

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(least).max(most))

export const limit = wholeNumber(1, 200)
export const offset = wholeNumber(0, Number.MAX_SAFE_INTEGER)
/** Seconds. */
export const waitSeconds = wholeNumber(0, 60)

export const executionStatus = z.enum(['running', 'succeeded', 'failed', 'cancelled', 'timedOut'])

export const startBody = z.strictObject({
  input: anyJson.optional(),
  version: z.string().min(1).max(64).optional(),
})

export const rerunBody = z.strictObject({
  from: z.string().min(1).max(200).optional(),
  input: anyJson.optional(),
  version: z.string().min(1).max(64).optional(),
  dryRun: z.boolean().optional(),
})

export const callbackBody = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('succeeded'), output: anyJson.optional() }),
  z.strictObject({
    status: z.literal('failed'),
    error: z.strictObject({ errorType: z.string().optional(), errorMessage: z.string().optional() }).optional(),
  }),
])
