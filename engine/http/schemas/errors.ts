import { z } from 'zod'
import { RULES } from '../../../dsl/diagnostics.ts'
import { listOf } from './common.ts'
import { named } from './registry.ts'

/** What a failed invocation, node or execution yields. Stack traces stay in the engine. */
export const errorDocument = named(
  'ErrorDocument',
  z
    .strictObject({
      status: z.int().meta({ description: 'As functions have it: 430 for code that threw, 433 for a timeout …' }),
      errorType: z.string(),
      errorMessage: z.string(),
      function: z.string().optional().meta({ description: '`app/name:qualifier`, where a function was invoked.' }),
      attempt: z.int().optional(),
      get cause() {
        return errorDocument.optional()
      },
    })
    .meta({
      description: 'What a failed function, node or execution yields.',
      examples: [
        { status: 430, errorType: 'CardDeclined', errorMessage: 'the card was declined', function: 'default/charge:latest', attempt: 1 },
      ],
    }),
)

/** One finding about a definition. */
export const diagnostic = named(
  'Diagnostic',
  z
    .strictObject({
      rule: z.enum(RULES),
      severity: z.enum(['error', 'warning']),
      message: z.string(),
      path: listOf(z.union([z.string(), z.int()])).meta({ description: 'Keys and indexes from the root of the definition.' }),
      line: z.int().optional().meta({ description: 'From 1.' }),
      column: z.int().optional().meta({ description: 'From 1.' }),
    })
    .meta({
      description: 'One finding about a definition.',
      examples: [
        {
          rule: 'unknown-node',
          severity: 'error',
          message: 'there is no node "chrage"; did you mean "charge"?',
          path: ['nodes', 'check', 'next'],
          line: 5,
          column: 11,
        },
      ],
    }),
)
