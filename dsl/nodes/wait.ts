import { checkExpress } from './express.ts'
import { common, jsonPath, next, type Z } from './fields.ts'
import { defineNode } from './node.ts'

const DEFAULT_SECONDS = 60

export const wait = defineNode({
  kind: 'wait',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('wait'),
      ...common(z),
      seconds: z
        .union([z.number(), jsonPath(z, 'A path to a number.')])
        .meta({ description: 'How long to wait.', default: DEFAULT_SECONDS, expected: 'a number of seconds or a JSONPath to one' })
        .optional(),
      until: z
        .string()
        .meta({
          description: 'An ISO 8601 time, or a JSONPath to one.',
          format: 'time-or-jsonpath',
          expected: 'an ISO 8601 time such as "2030-01-31T12:00:00Z", or a JSONPath to one',
        })
        .optional(),
      ...next(z),
    }),
  hasNext: true,
  mayFail: false,
  check(node, check) {
    if (node['seconds'] !== undefined && node['until'] !== undefined) {
      check.report('schema', ['until'], 'both "seconds" and "until"; keep one of them', 'key')
    }
    if (typeof node['seconds'] === 'number') checkExpress(node['seconds'], ['seconds'], check)
  },
  compile: (node, { base }) => ({
    ...base,
    type: 'wait',
    ...(node.until === undefined ? { seconds: node.seconds ?? DEFAULT_SECONDS } : { until: node.until }),
  }),
})
