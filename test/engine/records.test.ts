import { expect, it } from 'vitest'
import type { ExecutionEvent } from '../../engine/api.ts'
import { keysSql } from '../../engine/embedded/listing.ts'
import { LINES_AS_WRITTEN, LINES_BY_TIME } from '../../engine/embedded/reader.ts'
import { stretches } from '../../engine/embedded/list-queries.ts'
import { checkList } from '../../engine/list-options.ts'
import { hostOf, Lab, pause } from './lab.ts'

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })

it('every list goes by an index: no scan of the table, no sort', async () => {
  const l = await Lab.open([{ flow: 'mini', start: 'm', nodes: { m: fn('echo') } }])
  await l.engine.run('mini')
  const { store } = hostOf(l.engine)
  for (const options of [
    {},
    { flow: 'mini' },
    { flow: ['mini', 'maxi'] },
    { status: 'running' },
    { status: 'failed', flow: 'sad' },
    { status: ['running', 'failed'] },
    { parent: 'p', flow: 'mini' },
    { status: ['succeeded'], flow: 'mini' },
    { trigger: 'retry' },
    { trigger: 'cron/nightly', status: 'failed' },
    { trigger: 'cron', flow: 'mini' },
    { trigger: 'api' },
    { parent: 'p', trigger: 'api', status: 'failed' },
    { name: 'n', flow: 'mini' },
    { name: 'n', flow: 'mini', trigger: 'retry', status: 'running', parent: 'p' },
  ] as const) {
    for (const stretch of stretches(store, checkList(options).filter)) {
      const { sql, values } = keysSql(stretch, 1, 1e9, 10)
      const plan = store
        .all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values)
        .map(({ detail }) => detail)
        .join('; ')
      expect(plan, JSON.stringify(options)).toMatch(/SEARCH/)
      // what is looked through is the bounded part behind the index
      expect(plan.replaceAll('SCAN (subquery-1)', '').replaceAll('SCAN s', ''), JSON.stringify(options)).not.toMatch(/SCAN|TEMP B-TREE/)
      if (stretch.table !== 'executions' || stretch.where !== '')
        expect(plan, JSON.stringify(options)).toMatch(/USING (COVERING )?INDEX|PRIMARY KEY \(type/)
    }
  }
  await l.end()
})

it('a page of lines goes by an index from where the last one ended, by time and as written: a long log is not sorted for each', async () => {
  const l = await Lab.open([{ flow: 'mini', start: 'm', nodes: { m: fn('echo') } }])
  await l.engine.run('mini')
  const { store } = hostOf(l.engine)
  for (const [sql, by] of [
    [LINES_AS_WRITTEN, 'logs_written (execution=? AND rowid>?)'],
    [LINES_BY_TIME, 'logs_time (execution=? AND time>?)'],
  ] as const) {
    const plan = store.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, 1, 0, 0, 10).map(({ detail }) => detail)
    expect(plan).toEqual([expect.stringContaining(by)])
  }
  await l.end()
})

async function collect(events: AsyncIterable<ExecutionEvent>, into: ExecutionEvent[] = []): Promise<ExecutionEvent[]> {
  for await (const event of events) into.push(event)
  return into
}
it('a store that fails, and an engine that closes, end the streams and the waits with an error', async () => {
  const own = await Lab.open([{ flow: 'h', start: 'h', nodes: { h: fn('held') } }])
  await own.engine.start('h', { id: 'h' })
  await own.called('held')
  const waits = Promise.allSettled([collect(own.engine.events('h')), own.engine.result('h')])
  await pause(20)
  const { journal } = hostOf(own.engine)
  journal.write(() => {
    throw new Error('no more')
  })
  expect(await waits).toMatchObject([{ reason: { code: 'store-failed' } }, { reason: { code: 'store-failed' } }])
  await expect(own.engine.stop('h')).rejects.toMatchObject({ code: 'store-failed' })
  expect(own.callsOf('held')[0]!.signal.aborted).toBe(true)
  // by itself it goes on, with the same request
  const again = await own.called('held', 2)
  expect(again.requestId).toBe(own.callsOf('held')[0]!.requestId)
  const closing = Promise.allSettled([collect(own.engine.events('h')), own.engine.result('h')])
  await pause(20)
  await own.end()
  expect(await closing).toMatchObject([{ reason: { code: 'engine-closed' } }, { reason: { code: 'engine-closed' } }])
})
