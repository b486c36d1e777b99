import { duration, params, text, type Z } from '../nodes/fields.ts'
import { CronSyntaxError } from '../cron/errors.ts'
import { parseCron } from '../cron/expression.ts'
import { WallClock } from '../cron/wall-clock.ts'
import { common } from './fields.ts'
import { defineTrigger, msOf, type RawTrigger, type TriggerCheck } from './kind.ts'

const DEFAULT_CATCH_UP_MS = 60_000

/** Starts the flow at times (triggers.md, 2). */
export const timer = defineTrigger({
  kind: 'timer',
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('timer'),
      ...common(z),
      cron: text(z, 'Six fields, seconds first; or @every 1h30m, @daily and their like; CRON_TZ=Zone before it.'),
      input: params(z, "The execution's input."),
      catchUp: duration(z, 'Ticks that were missed and are younger than this fire on return.').meta({ default: '1m' }).optional(),
      overlap: z
        .enum(['queue', 'skip'])
        .meta({ description: 'What becomes of a tick while maxInFlight executions run.', default: 'queue' })
        .optional(),
    }),
  check: checkTimer,
  compile: (trigger, base) => ({
    type: 'timer',
    ...base,
    cron: trigger.cron,
    catchUpMs: msOf(trigger.catchUp, DEFAULT_CATCH_UP_MS),
    overlap: trigger.overlap ?? 'queue',
  }),
})

function checkTimer({ cron }: RawTrigger, check: TriggerCheck): void {
  if (typeof cron !== 'string') return
  try {
    const { when } = parseCron(cron)
    if ('fields' in when && !new WallClock(when.fields).everFires)
      check.warn('cron-syntax', ['cron'], '"cron" never fires: none of its months has a day of that number')
  } catch (error) {
    if (!(error instanceof CronSyntaxError)) throw error
    check.report('cron-syntax', ['cron'], `"cron" is no cron expression: ${error.message}`)
  }
}
