import { expect, it, onTestFinished } from 'vitest'
import { hostOf, Lab, until } from './lab.ts'

async function lab(flows: readonly object[]): Promise<Lab> {
  const made = await Lab.open(flows)
  onTestFinished(() => made.end())
  return made
}

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })
const cancelled = { executionStatus: 'cancelled', error: { status: 499, errorType: 'Cancelled' } }

it('everything that waits ends: function, wait, retry interval, callback, and the nodes say so', async () => {
  const l = await lab([
    {
      flow: 's',
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
  const { token } = await l.waiting()
  const call = await l.called('held')
  await until(async () => (await l.records('s'))['p[2]/r']?.status === 'retrying', 'retrying')
  const live = await l.records('s')
  expect(Object.values(live).map(({ place, status }) => [place, status])).toEqual([
    ['p', 'running'],
    ['p[0]/f', 'running'],
    ['p[1]/w', 'waiting'],
    ['p[2]/r', 'retrying'],
    ['p[3]/c', 'waiting'],
  ])
  const result = l.engine.result('s')
  await l.engine.stop('s')
  await expect(result).rejects.toMatchObject(cancelled)
  expect(call.signal.aborted).toBe(true)
  expect(new Set(Object.values(await l.records('s')).map(({ status }) => status))).toEqual(new Set(['cancelled']))
  await expect(l.engine.stop('s')).rejects.toMatchObject({ code: 'execution-not-running', status: 409 })
  await expect(l.engine.stop('nobody')).rejects.toMatchObject({ code: 'execution-not-found' })
  await expect(l.engine.callback(token, { status: 'succeeded' })).rejects.toMatchObject({ code: 'callback-expired' })
  // what comes in late changes nothing
  call.resolve('late')
  await l.crash()
  expect(await l.engine.describe('s')).toMatchObject({ status: 'cancelled', error: cancelled.error })
  const { store } = hostOf(l.engine)
  expect(store.all('SELECT * FROM timers')).toEqual([])
})

it('children that are waited for stop too, down to the last; others live on', async () => {
  const l = await lab([
    { flow: 'leaf', start: 'w', nodes: { w: { type: 'wait', seconds: 600 } } },
    { flow: 'middle', start: 'k', nodes: { k: { type: 'subflow', flow: 'leaf' } } },
    { flow: 'quick', mode: 'express', start: 'h', nodes: { h: fn('held') } },
    {
      flow: 'top',
      start: 'p',
      nodes: {
        p: { type: 'parallel', branches: ['m', 'q', 'free'] },
        m: { type: 'subflow', flow: 'middle' },
        q: { type: 'subflow', flow: 'quick' },
        free: { type: 'subflow', flow: 'leaf', wait: false },
      },
    },
  ])
  await l.engine.start('top', { id: 'top' })
  const quick = await l.called('held')
  await until(async () => (await l.engine.list({ flow: 'leaf' })).items.length === 2, 'the leaves')
  // the middle is folded anew: it knows its child by its place alone
  await l.crash()
  await l.called('held', 2)
  await l.engine.stop('top')
  await until(async () => (await l.engine.list({ status: 'running' })).items.length === 1, 'the children end')
  const { items } = await l.engine.list()
  expect(items.map(({ flow, parent, status }) => [flow, parent?.node, status]).sort()).toEqual([
    ['leaf', 'k', 'cancelled'],
    ['leaf', 'p[2]/free', 'running'],
    ['middle', 'p[0]/m', 'cancelled'],
    ['top', undefined, 'cancelled'],
  ])
  expect(quick.signal.aborted).toBe(true)
  expect(l.callsOf('held')[1]!.signal.aborted).toBe(true)
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

it('an express execution stops with its children, and only once', async () => {
  const l = await lab([
    { flow: 'leaf', start: 'w', nodes: { w: { type: 'wait', seconds: 60 } } },
    { flow: 'e', mode: 'express', start: 'k', nodes: { k: { type: 'subflow', flow: 'leaf' } } },
  ])
  const execution = await l.engine.start('e')
  await until(async () => (await l.engine.list({ flow: 'leaf' })).items.length === 1, 'the child')
  await execution.stop()
  await expect(execution.result()).rejects.toMatchObject(cancelled)
  await expect(execution.stop()).rejects.toMatchObject({ code: 'execution-not-running' })
  await until(async () => (await l.engine.list({ flow: 'leaf' })).items[0]?.status === 'cancelled', 'the child ends')
})
