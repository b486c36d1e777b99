/** Counts of ended executions by flow and hour, and of their durations by buckets: what `GET /v1/statistics` is made of, without reading executions. */
import type { ExecutionStatus, StatisticsItem, StatisticsOptions } from './api.ts'
import { EngineError } from './errors.ts'
import { checkKeys } from './intake.ts'

export const HOUR_MS = 3_600_000
const PERIOD_MS = { hour: HOUR_MS, day: 24 * HOUR_MS, all: Infinity } as const
const OPTIONS: ReadonlySet<string> = new Set(['flow', 'from', 'to', 'period'])
const MOST_PERIODS = 1000
const MOST_FLOWS = 1000
/** Buckets of durations a factor of 2: a bucket's middle is within 5 % of what is in it. */
const PER_OCTAVE = 8

/** So many executions of a flow ended in an hour, in a state, after about the same time. */
export interface StatisticsRow {
  readonly flow: string
  /** Hours since 1970. */
  readonly hour: number
  readonly status: ExecutionStatus
  readonly bucket: number
  readonly count: number
}

/** Hours from one up to another, and the flows that are wanted; absent: all. */
export interface StatisticsRange {
  readonly flows?: readonly string[]
  readonly from: number
  readonly to: number
}

/** Bucket of a duration in ms. */
export function bucketOf(ms: number): number {
  return ms < 1 ? 0 : Math.floor(Math.log2(ms) * PER_OCTAVE) + 1
}

/** The middle of a bucket, ms. */
function durationOf(bucket: number): number {
  return bucket === 0 ? 0 : Math.round(2 ** ((bucket - 0.5) / PER_OCTAVE))
}

/** Throws EngineError `bad-option`. */
export function checkStatistics(options: StatisticsOptions, now = Date.now()) {
  checkKeys(options, OPTIONS, 'statistics')
  const { flow, period = 'day' } = options
  if (!Object.hasOwn(PERIOD_MS, period)) throw new EngineError('bad-option', `period must be hour, day or all, not ${String(period)}`)
  const to = timeOf(options.to ?? now, 'to')
  const from = timeOf(options.from ?? to - (period === 'hour' ? 1 : 7) * PERIOD_MS.day, 'from')
  if (from >= to) throw new EngineError('bad-option', 'from must be before to')
  if ((to - from) / PERIOD_MS[period] > MOST_PERIODS)
    throw new EngineError('bad-option', `these are more than ${MOST_PERIODS} periods; take longer ones, or a shorter time`)
  const flows = flow === undefined ? undefined : [...new Set([flow].flat())]
  if (flows !== undefined && flows.length > MOST_FLOWS) throw new EngineError('bad-option', `at most ${MOST_FLOWS} flows at a time`)
  const range: StatisticsRange = {
    from: Math.floor(from / HOUR_MS),
    to: Math.ceil(to / HOUR_MS),
    ...(flows === undefined ? {} : { flows }),
  }
  return { range, periodMs: PERIOD_MS[period] }
}

/** By flow, then by time; periods without executions are left out. Rows may come in any order. */
export function statisticsOf(rows: Iterable<StatisticsRow>, { from, to }: StatisticsRange, periodMs: number): StatisticsItem[] {
  const periods = new Map<string, { flow: string; start: number; failures: number; buckets: Map<number, number> }>()
  for (const { flow, hour, status, bucket, count } of rows) {
    const start = periodMs === Infinity ? from * HOUR_MS : Math.floor((hour * HOUR_MS) / periodMs) * periodMs
    const key = `${start} ${flow}`
    const period = periods.get(key) ?? { flow, start, failures: 0, buckets: new Map<number, number>() }
    periods.set(key, period)
    if (status === 'failed' || status === 'timedOut') period.failures += count
    period.buckets.set(bucket, (period.buckets.get(bucket) ?? 0) + count)
  }
  return [...periods.values()]
    .sort((a, b) => (a.flow < b.flow ? -1 : a.flow > b.flow ? 1 : a.start - b.start))
    .map(({ flow, start, failures, buckets }) => {
      const sorted = [...buckets].sort(([a], [b]) => a - b)
      const executions = sorted.reduce((sum, [, count]) => sum + count, 0)
      const at = (share: number): number => {
        let left = Math.ceil(executions * share)
        return durationOf(sorted.find(([, count]) => (left -= count) <= 0)?.[0] ?? 0)
      }
      const end = periodMs === Infinity ? to * HOUR_MS : start + periodMs
      return { flow, from: start, to: end, executions, failures, p50: at(0.5), p95: at(0.95) }
    })
}

function timeOf(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new EngineError('bad-option', `${what} must be a time in epoch milliseconds, not ${String(value)}`)
  return value as number
}
