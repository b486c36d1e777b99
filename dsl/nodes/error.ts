import type { Step } from '../core/step-type.ts'
import { parseDuration } from '../duration.ts'
import { type Z, duration, expression, label, nodeRef } from './fields.ts'
import { defineNode } from './node.ts'
import { member, nextOfEach } from './raw.ts'

const MIN_INTERVAL_MS = 1000
const MAX_INTERVAL_MS = 30_000

/** Never entered: the core evaluates it where the node that refers to it has its result (flow-language.md, 5). */
const step: Step = {
  start: (run) => {
    throw new Error(`error node ${run.node.id} was entered`)
  },
}

export const errorNode = defineNode({
  kind: 'error',
  step,
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('error'),
      ...label(z),
      retry: z
        .strictObject({
          when: expression(z, 'Of the result; by default: if the node failed.').optional(),
          interval: duration(z, 'Before each retry, 1 to 30 s; 1 s by default.').meta({ rule: 'retry-range' }).optional(),
          max: z.int().min(1).max(8).meta({ description: 'How many retries, 1 to 8.', default: 3, rule: 'retry-range' }).optional(),
          backoff: z.number().min(1).max(10).meta({ description: 'Factor on the interval, from retry to retry.', default: 1 }).optional(),
        })
        .meta({ description: 'Runs the node again.' })
        .optional(),
      catch: z
        .array(
          z.strictObject({
            when: expression(z, 'Of the result; by default: if the node failed.').optional(),
            next: nodeRef(z, 'Where the flow goes on.'),
          }),
        )
        .max(10)
        .meta({ description: 'The first whose condition holds is taken.', expected: 'a list of at most 10 branches { when, next }' })
        .optional(),
    }),
  hasNext: false,
  mayFail: false,
  references: (node) => nextOfEach(node, 'catch', 'catch'),
  check(node, check) {
    const interval = member(node['retry'], 'interval')
    if (typeof interval !== 'string' && typeof interval !== 'number') return
    const ms = parseDuration(interval)
    if (ms !== undefined && (ms < MIN_INTERVAL_MS || ms > MAX_INTERVAL_MS)) {
      check.report('retry-range', ['retry', 'interval'], 'the interval between retries must be 1 to 30 seconds')
    }
  },
  compile: (node, { base }) => ({
    ...base,
    type: 'error',
    ...(node.retry === undefined
      ? {}
      : {
          retry: {
            ...(node.retry.when === undefined ? {} : { when: node.retry.when }),
            intervalMs: node.retry.interval === undefined ? MIN_INTERVAL_MS : parseDuration(node.retry.interval)!,
            max: node.retry.max ?? 3,
            backoff: node.retry.backoff ?? 1,
          },
        }),
    catch: (node.catch ?? []).map(({ when, next }) => (when === undefined ? { next } : { when, next })),
  }),
})
