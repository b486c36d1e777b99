import { z } from 'zod'
import { flowName, instant, listOf, time } from './common.ts'
import { named } from './registry.ts'

export const statisticsQuery = z.strictObject({
  flow: z
    .union([flowName, z.array(flowName).max(100)])
    .optional()
    .meta({ description: 'A flow; may be given several times.' }),
  from: instant('Taken to full hours; default: a week before `to`, for hours a day.').optional(),
  to: instant('Default: now.').optional(),
  period: z.enum(['hour', 'day', 'all']).optional().meta({ description: 'In UTC; default: day. At most 1,000 periods.' }),
})

const count = z.int().min(0)

export const statistics = named(
  'Statistics',
  z
    .strictObject({
      items: listOf(
        z.strictObject({
          flow: z.string(),
          from: time,
          to: time,
          executions: count.meta({ description: 'That ended in the period.' }),
          failures: count.meta({ description: 'Of these, those that failed or timed out.' }),
          p50: count.meta({ description: 'Milliseconds, within 5 %.' }),
          p95: count,
        }),
      ),
    })
    .meta({
      examples: [
        { items: [{ flow: 'order', from: 1782864000000, to: 1782950400000, executions: 1200, failures: 3, p50: 420, p95: 1310 }] },
      ],
    }),
)
