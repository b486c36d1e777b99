import { z } from 'zod'
import { anyJson, cursor, executionId, flowName, instant, limit, listOf, pageOf, time, versionName } from './common.ts'
import { errorDocument } from './errors.ts'
import { named } from './registry.ts'

export const executionName = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,128}$/, 'must be 1 to 128 of A-Z a-z 0-9 _ . -')
  .meta({ description: 'Unique per flow for 90 days.', examples: ['order-17'] })

export const executionStatus = named(
  'ExecutionStatus',
  z.enum(['running', 'succeeded', 'failed', 'cancelled', 'timedOut']).meta({ description: 'State of an execution.' }),
)

const SUMMARY = {
  id: executionId,
  flow: z.string(),
  version: z.string(),
  revision: z.string().optional().meta({ description: 'Hash of the definition that it runs.' }),
  mode: z.enum(['standard', 'express']),
  name: z.string().optional().meta({ description: 'That its start gave.' }),
  status: executionStatus,
  startedAt: time,
  endedAt: time.optional(),
  error: errorDocument.optional(),
  parent: z
    .strictObject({ execution: z.string(), node: z.string() })
    .optional()
    .meta({ description: 'Of a child: the node that has started it.' }),
  retryOf: z.string().optional().meta({ description: 'The execution that this one retries or runs again.' }),
  trigger: z.strictObject({ type: z.string(), name: z.string().optional() }).optional(),
  problems: listOf(z.string()).optional().meta({ description: 'On a cluster: what keeps it from going on, with the remedy.' }),
}

const EXAMPLE = {
  id: '0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef',
  flow: 'order',
  version: 'latest',
  revision: '53c45f322a3cac3c126fe9e805b1ea7f8f0be302',
  mode: 'standard',
  status: 'succeeded',
  startedAt: 1782900000000,
  endedAt: 1782900000420,
  trigger: { type: 'api' },
} as const

export const executionSummary = named(
  'ExecutionSummary',
  z.strictObject(SUMMARY).meta({ description: 'An execution without its input and output.', examples: [EXAMPLE] }),
)

export const execution = named(
  'Execution',
  z.strictObject({ ...SUMMARY, input: anyJson.optional(), output: anyJson.optional() }).meta({
    description: 'An execution, whole.',
    examples: [{ ...EXAMPLE, input: { orderId: 17 }, output: { charged: true } }],
  }),
)

export const executionPage = pageOf('ExecutionPage', executionSummary, EXAMPLE)

export const executionFilter = {
  flow: z
    .union([flowName, z.array(flowName).max(100)])
    .optional()
    .meta({ description: 'A flow; may be given several times.' }),
  status: z
    .union([executionStatus, z.array(executionStatus).max(5)])
    .optional()
    .meta({ description: 'A state; may be given several times.' }),
  trigger: z
    .string()
    .min(1)
    .max(300)
    .optional()
    .meta({ description: 'What started it: a type (`retry`), or type and name (`cron/nightly`).' }),
  startedAfter: instant('Started then or later.').optional(),
  startedBefore: instant('Started before.').optional(),
  parent: executionId.optional(),
  name: executionName.optional(),
}

export const executionQuery = z.strictObject({ ...executionFilter, limit: limit.optional(), cursor: cursor.optional() })

export const startBody = named(
  'StartExecution',
  z
    .strictObject({
      input: anyJson.optional().meta({ description: 'Default: {}.' }),
      name: executionName.optional().meta({
        description:
          'Unique per flow for 90 days: the same name and input again are the same execution, another input is 409. Not of express flows.',
      }),
      version: versionName.optional().meta({ description: 'A version or alias; default: latest.' }),
    })
    .meta({ description: 'What an execution is started with.', examples: [{ input: { orderId: 17 } }] }),
)

export const syncStartBody = named(
  'StartSyncExecution',
  z
    .strictObject({
      input: anyJson.optional().meta({ description: 'Default: {}.' }),
      version: versionName.optional().meta({ description: 'A version or alias; default: latest.' }),
    })
    .meta({ description: 'What an express execution is started with.', examples: [{ input: { orderId: 17 } }] }),
)

export const syncAnswer = named(
  'SyncExecution',
  z.strictObject({ execution: executionSummary, output: anyJson }).meta({
    description: 'An express execution that has succeeded.',
    examples: [{ execution: { ...EXAMPLE, mode: 'express' }, output: { charged: true } }],
  }),
)

export const rerunBody = named(
  'RerunExecution',
  z
    .strictObject({
      from: z.string().min(1).max(200).optional().meta({ description: 'The node from which on it runs again; default: the start.' }),
      input: anyJson.optional().meta({ description: 'Replaces the input of `from`.' }),
      version: versionName.optional().meta({ description: "Another version of the flow; default: the execution's own definition." }),
      dryRun: z.boolean().optional().meta({ description: 'Only say what would run again.' }),
    })
    .meta({ examples: [{ from: 'charge', dryRun: true }] }),
)

export const rerunPlan = named(
  'RerunPlan',
  z
    .strictObject({
      kept: listOf(z.strictObject({ node: z.string() })),
      again: listOf(z.strictObject({ node: z.string(), reason: z.string() })),
    })
    .meta({
      description: 'What a rerun would keep, and what it would run again.',
      examples: [{ kept: [{ node: 'check' }], again: [{ node: 'charge', reason: 'the rerun begins here' }] }],
    }),
)
