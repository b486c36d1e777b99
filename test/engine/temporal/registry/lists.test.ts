import { beforeAll, describe, expect, test } from 'vitest'
import type { ExecutionRecord, ExecutionStatus } from '../../../../engine/api.ts'
import { listQuery } from '../../../../engine/temporal/registry/record-lists.ts'
import type { EndedRecord, RecordFilter } from '../../../../engine/temporal/registry/types.ts'
import { ended, registryLab, withClient } from './lab.ts'

const lab = registryLab()
const STATUSES = ['succeeded', 'failed', 'cancelled', 'timedOut'] as const
const FLOWS = ['orders', 'bills', 'mails']

/** Deterministic, with many equal times. */
const records: readonly EndedRecord[] = Array.from({ length: 400 }, (_, at) =>
  ended(`e${(at * 7919) % 1000}`, {
    flow: FLOWS[(at * 31) % 3]!,
    status: at % 10 < 7 ? 'succeeded' : STATUSES[1 + (at % 3)]!,
    startedAt: 1000 + Math.floor(at / 5) * 3,
    endedAt: 5000,
    ...(at % 4 === 1 ? { parent: { execution: `p${at % 3}`, node: 'n' } } : {}),
    ...(at % 4 === 2 ? { trigger: { type: 'cron', name: `t${at % 3}` } } : {}),
    ...(at % 8 === 3 ? { trigger: { type: 'retry' } } : {}),
    ...(at % 16 === 5 ? { name: `n${at % 3}` } : {}),
    ...(at % 16 === 7 ? { trigger: { type: 'api' } } : {}),
  }),
)

function expected(filter: RecordFilter): string[] {
  return records
    .filter((record) => filter.flows?.includes(record.flow) ?? true)
    .filter((record) => filter.statuses?.includes(record.status) ?? true)
    .filter((record) => filter.parent === undefined || record.parent?.execution === filter.parent)
    .filter((record) => filter.trigger === undefined || record.trigger?.type === filter.trigger.type)
    .filter((record) => filter.trigger?.name === undefined || record.trigger?.name === filter.trigger.name)
    .filter((record) => filter.name === undefined || record.name === filter.name)
    .filter((record) => filter.startedAfter === undefined || record.startedAt >= filter.startedAfter)
    .filter((record) => filter.startedBefore === undefined || record.startedAt < filter.startedBefore)
    .filter(({ startedAt, id }) => {
      if (filter.before === undefined) return true
      return startedAt < filter.before.startedAt || (startedAt === filter.before.startedAt && id < filter.before.id)
    })
    .toSorted((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1))
    .slice(0, filter.limit)
    .map(({ id }) => id)
}

describe('a list', () => {
  const scope = 'lists'
  beforeAll(async () => {
    const registry = await lab.open({ scope })
    await registry.saveRecords(records)
    // of another scope: never shown
    await (await lab.open({ scope: 'another' })).saveRecords(records.map((record) => ({ ...record, id: `x${record.id}` })))
    await lab.sql('ANALYZE fnflow.executions')
  })

  const filters: Omit<RecordFilter, 'limit'>[] = []
  for (const flows of [undefined, ['bills'], ['bills', 'none', 'a\0'], [...FLOWS], []])
    for (const statuses of [undefined, ['failed'], ['succeeded', 'timedOut'], [...STATUSES], ['running'], []] satisfies (
      readonly ExecutionStatus[] | undefined
    )[])
      for (const origin of [
        {},
        { parent: 'p1' },
        { parent: 'none' },
        { trigger: { type: 'cron', name: 't2' } },
        { trigger: { type: 'cron' } },
        { trigger: { type: 'retry' } },
        { trigger: { type: 'api' } },
        { name: 'n2' },
        { name: 'n2', parent: 'p2', trigger: { type: 'retry' } },
        { trigger: { type: 'cron', name: 'a\0' } },
        { parent: 'p1', trigger: { type: 'cron', name: 't2' } },
      ])
        for (const time of [
          {},
          { startedAfter: 1100 },
          { startedAfter: 1050, startedBefore: 1100 },
          { before: { startedAt: 1120, id: 'e500' } },
        ])
          filters.push({ ...(flows === undefined ? {} : { flows }), ...(statuses === undefined ? {} : { statuses }), ...origin, ...time })

  test('shows what its filter says, newest first, page by page', async () => {
    const registry = await lab.open({ scope })
    for (const filter of filters) {
      const all = (await registry.list({ ...filter, limit: 1000 })).map(({ id }) => id)
      expect(all, JSON.stringify(filter)).toEqual(expected({ ...filter, limit: 1000 }))
    }
    const pages: ExecutionRecord[] = []
    for (;;) {
      const last = pages.at(-1)
      const page = await registry.list({ limit: 17, ...(last === undefined ? {} : { before: last }) })
      pages.push(...page)
      if (page.length < 17) break
    }
    expect(pages.map(({ id }) => id)).toEqual(expected({ limit: 1000 }))
  })

  test('reads no data, and no more than its page', async () => {
    const registry = await lab.open({ scope })
    expect((await registry.list({ limit: 3 })).every((record) => !('input' in record) && !('output' in record))).toBe(true)
    const [{ key } = { key: 0 }] = await lab.sql<{ key: number }>('SELECT key FROM fnflow.scopes WHERE name = $1', [scope])
    await withClient(lab.url(), async (client) => {
      // a table this small is read whole for less
      await client.query('SET enable_seqscan = off')
      await client.query('SET enable_bitmapscan = off')
      for (const filter of filters) {
        const query = listQuery(key, { ...filter, limit: 3 })
        if (query === null) continue
        const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${query.sql}`, [...query.values])
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
        const shown = `${JSON.stringify(filter)}\n${plan}`
        expect(plan, shown).toMatch(/Index Scan Backward using executions_(status|flow|origin|name|trigger)/)
        expect(plan, shown).not.toMatch(/Seq Scan|Bitmap/)
        const { name, parent, trigger, flows } = filter
        const byOrigin = parent !== undefined || trigger?.name !== undefined
        const byType = trigger !== undefined && trigger.type !== 'api'
        const index = name !== undefined ? 'name' : byOrigin ? 'origin' : byType ? 'trigger' : flows !== undefined ? 'flow' : 'status'
        for (const [, used] of plan.matchAll(/using executions_(\w+)/g)) expect(used, shown).toBe(index)
        // every range is read no further than the page, so that what is merged or sorted above is a few rows
        for (const [, above] of plan.matchAll(/(.*)\n.*Index Scan/g)) expect(above, shown).toMatch(/Limit/)
      }
    })
  })
})
