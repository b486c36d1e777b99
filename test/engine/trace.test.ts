import { expect, it } from 'vitest'
import { createEngine } from '../../engine/create-engine.ts'
import { folderWith } from '../cli/support.ts'

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

it('an execution keeps its trace behind a restart, whether something triggered it or not', async () => {
  const store = folderWith()
  const functions = { trace: (_event: unknown, { traceparent }: { traceparent?: string }) => ({ trace: traceparent ?? null }) }
  const first = await createEngine({ store, functions })
  const nodes = { w: { type: 'wait', seconds: 1, next: 'a' }, a: { type: 'function', function: 'trace' } }
  await first.deploy({ flow: 'later', start: 'w', nodes })
  const plain = await first.start('later', { traceparent: TRACE })
  const triggered = await first.start('later', { traceparent: TRACE, trigger: { type: 'http', name: 'hook' } })
  const without = await first.start('later')
  await first.close()
  const second = await createEngine({ store, functions })
  const ids = [plain.id, triggered.id, without.id]
  expect(await Promise.all(ids.map((id) => second.result(id)))).toEqual([{ trace: TRACE }, { trace: TRACE }, { trace: null }])
  expect((await Promise.all(ids.map((id) => second.describe(id)))).map(({ trigger }) => trigger)).toEqual([
    undefined,
    { type: 'http', name: 'hook' },
    undefined,
  ])
  await expect(second.start('later', { traceparent: 'mine' })).rejects.toMatchObject({ code: 'bad-option' })
  await second.close()
})
