import { z } from 'zod'
import { anyJson } from './common.ts'
import { named } from './registry.ts'

export const callbackToken = z
  .string()
  .min(1)
  .max(200)
  .meta({ description: 'The secret that the function was handed.', examples: ['k3Jx…'] })

export const callbackBody = named(
  'CallbackResult',
  z
    .discriminatedUnion('status', [
      z.strictObject({ status: z.literal('succeeded'), output: anyJson.optional() }),
      z.strictObject({
        status: z.literal('failed'),
        error: z.strictObject({ errorType: z.string().optional(), errorMessage: z.string().optional() }).optional(),
      }),
    ])
    .meta({
      description: 'How what a callback node waits for has ended.',
      examples: [
        { status: 'succeeded', output: { approved: true } },
        { status: 'failed', error: { errorType: 'Refused', errorMessage: 'too expensive' } },
      ],
    }),
)

export const callbackTaken = named(
  'CallbackTaken',
  z.strictObject({ status: z.literal('taken') }).meta({ examples: [{ status: 'taken' }] }),
)
