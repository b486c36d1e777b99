import { expect, it, onTestFinished } from 'vitest'
import { hostOf, Lab, until } from './lab.ts'

async function lab(flows: readonly object[]): Promise<Lab> {
  const made = await Lab.open(flows)
  onTestFinished(() => made.end())
  return made
}

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })
const cancelled = { executionStatus: 'cancelled', error: { status: 499, errorType: 'Cancelled' } }

it('nothing of a stopped execution is left in the store, and nothing that comes late, over a crash too', async () => {
  const l = await lab([
    {
      flow: 's',
      timeout: 600,
      start: 'p',
      nodes: {
        p: { type: 'parallel', branches: ['f', 'w', 'r', 'c'] },
        f: fn('held'),
        w: { type: 'wait', seconds: 600 },
        r: fn('a', { onError: 'x' }),
        x: { type: 'error', retry: { interval: 30 } },
        c: { type: 'callback', function: 'echo' },
      },
    },
  ])
  l.failing.add('a')
  await l.engine.start('s', { id: 's', input: {} })
  await l.waiting()
  const call = await l.called('held')
  const timers = (): unknown[] => hostOf(l.engine).store.all('SELECT * FROM timers')
  await until(() => timers().length === 4, 'flow, wait, retry and callback have one each')
  await l.engine.stop('s')
  expect(timers()).toEqual([])
  call.resolve('late')
  await l.crash()
  expect(await l.engine.describe('s')).toMatchObject({ status: 'cancelled', error: cancelled.error })
  expect(timers()).toEqual([])
})

it('a loop with 1,000 running iterations stops at once, before and after its batch is committed', async () => {
  const l = await lab([{ flow: 'l', start: 'each', nodes: { each: { type: 'loop', items: '$', nodes: { n: fn('held') } } } }])
  const input = Array.from({ length: 1000 }, (_, at) => at)
  await l.engine.start('l', { id: 'l', input })
  await l.called('held', 1000)
  l.callsOf('held')[3]!.resolve('three')
  const began = Date.now()
  await l.engine.stop('l')
  expect(Date.now() - began).toBeLessThan(1000)
  expect(l.callsOf('held').filter(({ signal }) => signal.aborted)).toHaveLength(999)
  expect((await l.records('l'))['each']).toMatchObject({ status: 'cancelled', iterations: { total: 1000, failed: 0, running: 0 } })
  // asked for in the turn of the start
  const start = l.engine.start('l', { id: 'same-turn', input })
  await l.engine.stop('same-turn')
  await start
  await expect(l.engine.result('same-turn')).rejects.toMatchObject(cancelled)
  expect(l.callsOf('held')).toHaveLength(1000)
})
