/** What several subjects have in common. The same schemas check requests, type the routes, and make the OpenAPI document. */
import { z } from 'zod'
import type { Json } from '../../../dsl/json.ts'
import { named } from './registry.ts'

/** Any JSON value, members called `__proto__` included: it is handed on as it was parsed. (`z.json()` would walk it, and has no name in the document.) */
export const anyJson = named('Json', z.unknown().meta({ description: 'Any JSON value.' })) as unknown as z.ZodType<Json | undefined>

/** Arrays as the engine gives them. */
export function listOf<Item extends z.ZodType>(item: Item): z.ZodType<readonly z.output<Item>[], readonly z.input<Item>[]> {
  return z.array(item) as unknown as z.ZodType<readonly z.output<Item>[], readonly z.input<Item>[]>
}

/** One page of a list. */
export function pageOf<Item extends z.ZodType>(id: string, item: Item, example: NoInfer<z.input<Item>>) {
  const nextCursor = z.string().optional().meta({ description: 'For `cursor` of the next request; absent on the last page.' })
  return named(id, z.strictObject({ items: listOf(item), nextCursor }).meta({ examples: [{ items: [example] }] }))
}

/** Of a query: a whole number, as text. */
export function wholeNumber(minimum: number, maximum: number, description: string) {
  return z
    .unknown()
    .meta({ type: 'integer', minimum, maximum, description })
    .refine((value) => typeof value === 'string' && /^-?\d{1,15}$/.test(value), 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(minimum).max(maximum))
}

export const limit = wholeNumber(1, 200, 'How many at most; default 50.')
/** Seconds. */
export const waitSeconds = wholeNumber(0, 60, 'Seconds: answers as soon as the execution has ended, or after them.')
export const cursor = z.string().max(500).meta({ description: '`nextCursor` of the page before.' })

const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** Of a query: a time, as text; milliseconds since 1970 in the end. */
export function instant(description: string) {
  return z
    .string()
    .meta({ description: `${description} Milliseconds since 1970, or ISO 8601 with a time zone.`, examples: ['2026-07-01T00:00:00Z'] })
    .transform((text) => (/^\d{1,15}$/.test(text) ? Number(text) : ISO_TIME.test(text) ? Date.parse(text) : Number.NaN))
    .refine((ms) => !Number.isNaN(ms), 'must be a time: milliseconds since 1970, or such as 2026-07-01T12:00:00Z')
}

/** Epoch milliseconds. */
export const time = z
  .int()
  .min(0)
  .meta({ description: 'Milliseconds since 1970.', examples: [1782900000000] })

export const flowName = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'Name of a flow.', examples: ['order'] })
export const versionName = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'A version or alias.', examples: ['latest'] })
export const executionId = z
  .string()
  .min(1)
  .max(128)
  .meta({ description: 'Id of an execution.', examples: ['0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef'] })
export const nodePlace = z
  .string()
  .min(1)
  .max(500)
  .meta({ description: 'A node, by its id or place.', examples: ['charge'] })

/** Headers of a request for a stream of events. */
export function lastEventId(description: string) {
  return z.object({
    'last-event-id': z
      .string()
      .max(100)
      .optional()
      .meta({ description, examples: ['4'] }),
  })
}

/** A query for a page of a list. */
export const pageQuery = z.strictObject({ limit: limit.optional(), cursor: cursor.optional() })

/** A query that takes nothing. */
export const noQuery = z.strictObject({})
