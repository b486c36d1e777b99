/** Problem documents as answers of routes. */
import { z } from 'zod'
import { PROBLEM_STATUS, type ProblemCode } from '../problem.ts'
import { listOf } from './common.ts'
import { diagnostic, errorDocument } from './errors.ts'
import { executionSummary } from './executions.ts'
import { named } from './registry.ts'

export const problemCode = named(
  'ProblemCode',
  z.enum(Object.keys(PROBLEM_STATUS) as [ProblemCode, ...ProblemCode[]]).meta({ description: 'What is wrong, for programs.' }),
)

/** RFC 9457. */
export const problem = named(
  'Problem',
  z
    .looseObject({
      type: z.string().meta({ description: '`urn:fnflow:problem:` and the code.' }),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      code: problemCode,
      diagnostics: listOf(diagnostic).optional().meta({ description: 'Of `flow-invalid` and `function-invalid`: every finding.' }),
      line: z.int().optional().meta({ description: 'Of what does not parse, from 1.' }),
      column: z.int().optional(),
      error: errorDocument.optional().meta({ description: 'Of `execution-failed` and `execution-timed-out`.' }),
      execution: executionSummary.optional(),
    })
    .meta({ description: 'A problem document (RFC 9457).' }),
)

/** What any route may answer. */
const ANYWHERE = [
  'bad-request',
  'unauthorized',
  'forbidden',
  'request-timeout',
  'headers-too-large',
  'rate-limited',
  'internal-error',
  'shutting-down',
  'store-failed',
  'temporal-unavailable',
] as const satisfies readonly ProblemCode[]

/** What any route with a JSON body may answer. */
export const BODY_PROBLEMS = [
  'malformed-json',
  'invalid-body',
  'payload-too-deep',
  'payload-too-large',
  'unsupported-media-type',
] as const satisfies readonly ProblemCode[]

export interface ProblemAnswer {
  readonly description: string
  readonly content: { readonly 'application/problem+json': { readonly schema: typeof problem } }
  /** The codes of this status. */
  readonly codes: readonly ProblemCode[]
}

/**
 * The answers of a route that are problems, by status: `response: { 200: …, ...problems('flow-not-found') }`. What any route may answer is there by
 * itself. The type is empty on purpose: it must not widen what the route's handler may return.
 */
export function problems(...codes: readonly ProblemCode[]): Readonly<Record<never, never>> {
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of new Set([...codes, ...ANYWHERE])) {
    const status = PROBLEM_STATUS[code]
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  return Object.fromEntries([...byStatus].map(([status, all]) => [status, problemAnswer(all)]))
}

function problemAnswer(codes: readonly ProblemCode[]): ProblemAnswer {
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    content: { 'application/problem+json': { schema: problem } },
    codes,
  }
}
