import { expect, it } from 'vitest'
import type { BatchRecord } from '../../engine/batches/api.ts'
import { Lab, until } from './lab.ts'

const COUNT = 300

/** Kills the engine when some of a batch is done, three times; resolves to what it is in the end. */
async function killed(l: Lab, id: string): Promise<BatchRecord> {
  const get = (): Promise<BatchRecord> => l.engine.batches.get(id)
  for (let kill = 1; kill <= 3; kill++) {
    await until(async () => {
      const { total, succeeded, failed } = await get()
      return total === COUNT && succeeded + failed >= kill * 40
    }, `a part of the batch before kill ${kill}`)
    await l.crash()
  }
  await until(async () => (await get()).status === 'completed', 'the end of the batch')
  return get()
}

it('a batch whose process is killed goes on where it was, and does nothing twice', { timeout: 60_000 }, async () => {
  const l = await Lab.open([
    { flow: 'bad', start: 'a', nodes: { a: { type: 'function', function: 'a' } } },
    { flow: 'good', start: 'a', nodes: { a: { type: 'pass' } } },
  ])
  l.failing.add('a')
  await Promise.all(Array.from({ length: COUNT }, (_, at) => l.engine.start('bad', { id: `e${at}` })))
  await l.engine.start('good', { id: 'other' })
  await until(async () => (await l.engine.list({ status: 'running' })).items.length === 0, 'all have failed')

  const { id } = await l.engine.batches.create({ action: 'retry', filter: { flow: 'bad', status: 'failed' }, id: 'b' })
  // the same id is the same batch
  await l.engine.batches.create({ action: 'retry', filter: { flow: 'bad', status: 'failed' }, id: 'b' })
  expect(await killed(l, id)).toMatchObject({ total: COUNT, succeeded: COUNT, failed: 0, errors: [] })
  await until(async () => (await l.engine.list({ status: 'running' })).items.length === 0, 'the retries have failed')
  const retried: string[] = []
  for (let cursor: string | undefined; ;) {
    const page = await l.engine.list({ trigger: 'retry', limit: 200, ...(cursor === undefined ? {} : { cursor }) })
    retried.push(...page.items.map(({ retryOf }) => retryOf as string))
    cursor = page.nextCursor
    if (cursor === undefined) break
  }
  expect(retried.sort()).toEqual(Array.from({ length: COUNT }, (_, at) => `e${at}`).sort())

  const deletion = await l.engine.batches.create({ action: 'delete', filter: { flow: 'bad', trigger: 'retry' } })
  expect(await killed(l, deletion.id)).toMatchObject({ total: COUNT, succeeded: COUNT, failed: 0 })
  expect((await l.engine.list({ trigger: 'retry' })).items).toEqual([])
  expect((await l.engine.list({ flow: 'good' })).items).toHaveLength(1)
  await l.end()
})
