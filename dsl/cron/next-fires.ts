import { scheduleOf } from './schedule.ts'

export interface NextFiresOptions {
  /** IANA zone of an expression that names none; default UTC. */
  readonly zone?: string
  /** The ticks behind it are meant: a date, epoch milliseconds, or a text that Date reads. Periods of `@every` begin here. */
  readonly from: Date | number | string
  /** How many; default 1. */
  readonly count?: number
}

const MOST = 10_000

/**
 * When a cron expression of a `timer` trigger fires: the next ticks behind `from`, in epoch milliseconds. Fewer than `count` where it never fires again.
 *
 * @throws CronSyntaxError
 * @throws RangeError for a zone, a time or a count that cannot be
 */
export function nextFires(expression: string, { zone = 'UTC', from, count = 1 }: NextFiresOptions): number[] {
  const time = new Date(from).getTime()
  if (Number.isNaN(time)) throw new RangeError(`from must be a time, not ${String(from).slice(0, 80)}`)
  if (!Number.isInteger(count) || count < 0 || count > MOST)
    throw new RangeError(`count must be a whole number from 0 to ${MOST}, not ${String(count)}`)
  const schedule = scheduleOf(expression, { zone, origin: time })
  const ticks: number[] = []
  for (let tick = time; ticks.length < count;) {
    const next = schedule.after(tick)
    if (next === undefined) break
    ticks.push((tick = next))
  }
  return ticks
}
