/** Answers of routes, as `response` has them. They are for the document and for tests: no answer is checked while the server runs. */
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { listOf } from './common.ts'
import { named } from './registry.ts'

/** Headers of answers that the document names. */
export const ANSWER_HEADERS = {
  location: 'Where what was made is.',
  etag: 'Of the definition, strong; for If-Match.',
  'retry-after': 'Seconds.',
  vary: 'What else the answer depends on.',
  'x-function-status': 'The status of the function.',
  'x-function-log': 'The end of its log, as base64, where X-Log-Type asked for it.',
} as const

export type AnswerHeader = keyof typeof ANSWER_HEADERS

/** A JSON answer: `202: answer('started', executionSummary, 'location')`. */
export function answer<Schema extends z.ZodType>(description: string, schema: Schema, ...headers: readonly AnswerHeader[]) {
  return { description, headers, content: { 'application/json': { schema } } } as const
}

/** An answer of another media type. */
export function textAnswer(description: string, mediaType: string, example: string, ...headers: readonly AnswerHeader[]) {
  // a schema of events is held to each of them by some, to the text by others
  const text = mediaType === 'text/event-stream' ? z.unknown() : z.string()
  const schema = text.meta({ examples: [example] }) as unknown as z.ZodType<string | Readable>
  return { description, headers, content: { [mediaType]: { schema } } } as const
}

/** An answer without a body. The library that makes the document wants some content of it, which is taken out there. */
export function emptyAnswer(description: string, ...headers: readonly AnswerHeader[]) {
  return { description, headers, isEmpty: true, content: { 'application/json': { schema: z.unknown() } } } as const
}

export const processStatus = named('Liveness', z.strictObject({ status: z.literal('ok') }).meta({ examples: [{ status: 'ok' }] }))
export const readiness = named(
  'Readiness',
  z
    .strictObject({
      status: z.enum(['ready', 'degraded']).meta({ description: '`degraded`: something is missing that it can do without.' }),
      dependencies: z.record(
        z.string(),
        z.strictObject({
          state: z.enum(['ok', 'recovering', 'failed']),
          left: z.int().optional().meta({ description: 'Executions that are still to be read.' }),
          required: z.boolean().optional(),
          reason: z.string().optional().meta({ description: 'Of a broker that is away: its words.' }),
        }),
      ),
      triggers: listOf(
        z.strictObject({
          flow: z.string(),
          name: z.string(),
          state: z.enum(['running', 'paused', 'connecting', 'reconnecting', 'failed']),
          reason: z.string().optional().meta({ description: 'What is wrong with it.' }),
        }),
      )
        .optional()
        .meta({ description: 'For which this process brings events; absent: there are none.' }),
    })
    .meta({ examples: [{ status: 'ready', dependencies: { store: { state: 'ok' } } }] }),
)
