import { z } from 'zod'
import { executionId, flowName, listOf, time } from './common.ts'
import { executionName, executionStatus } from './executions.ts'
import { named } from './registry.ts'

const action = z.enum(['stop', 'retry', 'delete'])
const ID = '0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef'

export const batchId = z
  .string()
  .min(1)
  .max(128)
  .meta({ description: 'Id of a batch.', examples: [ID] })

/** Milliseconds since 1970, or a text. */
const instantOfBody = z
  .union([z.int().min(0), z.iso.datetime({ offset: true })])
  .transform((value) => (typeof value === 'number' ? value : Date.parse(value)))
  .meta({ description: 'Milliseconds since 1970, or ISO 8601 with a time zone.', examples: ['2026-07-01T00:00:00Z'] })

export const batchBody = named(
  'StartBatch',
  z
    .strictObject({
      action,
      filter: z
        .strictObject({
          flow: z.union([flowName, z.array(flowName).min(1).max(100)]).optional(),
          status: z.union([executionStatus, z.array(executionStatus).min(1).max(5)]).optional(),
          trigger: z.string().min(1).max(300).optional(),
          startedAfter: instantOfBody.optional(),
          startedBefore: instantOfBody.optional(),
          parent: executionId.optional(),
          name: executionName.optional(),
        })
        .refine((filter) => Object.keys(filter).length > 0, 'must not be empty: say what executions are meant')
        .meta({ description: 'As of the list of executions, with at least one member.' }),
    })
    .meta({ examples: [{ action: 'retry', filter: { flow: 'order', status: ['failed', 'timedOut'] } }] }),
)

const count = z.int().min(0)

export const batch = named(
  'Batch',
  z
    .strictObject({
      id: batchId,
      action,
      status: z.enum(['running', 'completed']),
      total: count.meta({ description: 'Executions that matched when it began; grows while they are looked up.' }),
      succeeded: count,
      failed: count,
      errors: listOf(z.strictObject({ execution: executionId, code: z.string(), message: z.string() })).meta({
        description: 'Why it failed for some: the first hundred.',
      }),
      createdAt: time,
      endedAt: time.optional(),
    })
    .meta({
      description: 'Something that is done to many executions.',
      examples: [{ id: ID, action: 'retry', status: 'running', total: 17, succeeded: 5, failed: 0, errors: [], createdAt: 1782900000000 }],
    }),
)
