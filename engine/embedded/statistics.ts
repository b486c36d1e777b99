import type { ExecutionStatus } from '../api.ts'
import { bucketOf, HOUR_MS, type StatisticsRange, type StatisticsRow } from '../statistics.ts'
import type { Store } from './store.ts'

/** Counts an execution that has ended, in the transaction of its end. */
export function countEnd(store: Store, flow: string, status: ExecutionStatus, startedAt: number, endedAt: number): void {
  const sql = `INSERT INTO statistics (flow, hour, status, bucket, count) VALUES (?,?,?,?,1)
    ON CONFLICT (flow, hour, status, bucket) DO UPDATE SET count = count + 1`
  store.run(sql, flow, Math.floor(endedAt / HOUR_MS), status, bucketOf(endedAt - startedAt))
}

export function statisticsRows(store: Store, { flows, from, to }: StatisticsRange): StatisticsRow[] {
  const sql = 'SELECT flow, hour, status, bucket, count FROM statistics WHERE flow = ? AND hour >= ? AND hour < ?'
  return (flows ?? flowsOf(store)).flatMap((flow) => store.all<StatisticsRow>(sql, flow, from, to))
}

/** From one flow to the next by the key. */
function flowsOf(store: Store): string[] {
  const flows: string[] = []
  for (let after = ''; ;) {
    const next = store.get<{ flow: string }>('SELECT flow FROM statistics WHERE flow > ? ORDER BY flow LIMIT 1', after)
    if (next === undefined) return flows
    flows.push((after = next.flow))
  }
}
