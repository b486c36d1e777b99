import { expect } from 'vitest'
import { until, type Call, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

const cancelled = { executionStatus: 'cancelled', error: { status: 499, errorType: 'Cancelled' } }

export function stops(bench: Bench): void {
  bench.it('everything that waits ends: function, wait, retry interval, callback, and the nodes say so', async (l) => {
    await l.deploy({
      flow: l.name('s'),
      start: 'p',
      nodes: {
        p: { type: 'parallel', branches: ['f', 'w', 'r', 'c'] },
        f: l.fn('held'),
        w: { type: 'wait', seconds: 600 },
        r: l.fn('a', { onError: 'x' }),
        x: { type: 'error', retry: { interval: 30 } },
        c: l.ask('echo'),
      },
    })
    const id = l.name('s')
    l.calls.failing.add('a')
    await l.start('s', { id, input: {} })
    const { token } = await l.waiting()
    const call = await l.calls.called('held')
    await l.reached(id, 'p[2]/r', 'retrying')
    await l.reached(id, 'p[3]/c', 'waiting')
    const live = await l.records(id)
    expect(Object.values(live).map(({ place, status }) => [place, status])).toEqual([
      ['p', 'running'],
      ['p[0]/f', 'running'],
      ['p[1]/w', 'waiting'],
      ['p[2]/r', 'retrying'],
      ['p[3]/c', 'waiting'],
    ])
    const result = Promise.allSettled([l.engine.result(id)])
    await l.engine.stop(id)
    expect(await result).toMatchObject([{ reason: cancelled }])
    await l.aborted(call)
    expect(new Set(Object.values(await l.records(id)).map(({ status }) => status))).toEqual(new Set(['cancelled']))
    expect(await rejection(l.engine.stop(id))).toMatchObject({ code: 'execution-not-running', status: 409 })
    expect(await rejection(l.engine.stop('nobody'))).toMatchObject({ code: 'execution-not-found' })
    expect(await rejection(l.engine.callback(token, { status: 'succeeded' }))).toMatchObject({ code: 'callback-expired' })
    // what comes in late changes nothing
    call.resolve('late')
    expect(await l.engine.describe(id)).toMatchObject({ status: 'cancelled', error: cancelled.error })
  })

  bench.alone('a stopped execution stays so over a crash', async (l) => {
    await l.deploy({ flow: l.name('s'), start: 'c', nodes: { c: l.ask('echo') } })
    const execution = await l.start('s', { id: l.name('s') })
    const { token } = await l.waiting()
    await execution.stop()
    const record = await execution.describe()
    expect(record).toMatchObject({ status: 'cancelled', error: cancelled.error })
    await l.interrupt()
    expect(await l.engine.describe(l.name('s'))).toEqual(record)
    expect(await rejection(l.engine.result(l.name('s')))).toMatchObject(cancelled)
    expect(await rejection(l.engine.stop(l.name('s')))).toMatchObject({ code: 'execution-not-running' })
    expect(await rejection(l.engine.callback(token, { status: 'succeeded' }))).toMatchObject({ code: 'callback-expired' })
  })

  bench.alone('children that are waited for stop too, down to the last, over a crash; others live on', async (l) => {
    const [leaf, middle, quick] = [l.name('leaf'), l.name('middle'), l.name('quick')]
    await l.deploy(
      { flow: leaf, start: 'w', nodes: { w: { type: 'wait', seconds: 600 } } },
      { flow: middle, start: 'k', nodes: { k: { type: 'subflow', flow: leaf } } },
      { flow: quick, mode: 'express', start: 'h', nodes: { h: l.fn('held') } },
      {
        flow: l.name('top'),
        start: 'p',
        nodes: {
          p: { type: 'parallel', branches: ['m', 'q', 'free'] },
          m: { type: 'subflow', flow: middle },
          q: { type: 'subflow', flow: quick },
          free: { type: 'subflow', flow: leaf, wait: false },
        },
      },
    )
    await l.start('top', { id: l.name('top') })
    const first = await l.calls.called('held')
    await until(async () => (await l.statuses('leaf')).length === 2, 'the leaves')
    // the middle is folded anew: it knows its child by its place alone
    await l.interrupt()
    const second = (await Promise.race([l.calls.called('held', 2), l.engine.result(l.name('top'))])) as Call
    expect(second.requestId).toBe(first.requestId)
    await l.engine.stop(l.name('top'))
    await until(async () => (await l.engine.list({ status: 'running' })).items.length === 1, 'the children end')
    await l.shows(async () => {
      const { items } = await l.engine.list()
      const seen = await Promise.all(items.map(async ({ id }) => l.engine.describe(id)))
      expect(seen.map(({ flow, parent, status }) => [flow, parent?.node, status]).sort()).toEqual([
        [leaf, 'k', 'cancelled'],
        [leaf, 'p[2]/free', 'running'],
        [middle, 'p[0]/m', 'cancelled'],
        [l.name('top'), undefined, 'cancelled'],
      ])
    })
    await l.aborted(first, second)
  })

  bench.it('what is asked for in the turn of the start counts, and a stop that comes twice is one', async (l) => {
    await l.deploy({ flow: l.name('h'), start: 'h', nodes: { h: l.fn('held') } })
    const id = l.name('h')
    await l.start('h', { id })
    const stops = await Promise.allSettled([l.engine.stop(id), l.engine.stop(id), l.engine.stop(id)])
    expect(stops.some(({ status }) => status === 'fulfilled')).toBe(true)
    for (const stop of stops) if (stop.status === 'rejected') expect(stop.reason).toMatchObject({ code: 'execution-not-running' })
    expect(await rejection(l.engine.result(id))).toMatchObject(cancelled)
    expect(await l.engine.describe(id)).toMatchObject({ status: 'cancelled' })
  })

  bench.it('an execution that has ended can no longer be stopped, however it ended', async (l) => {
    l.calls.failing.add('a')
    await l.deploy(
      { flow: l.name('good'), start: 'e', nodes: { e: l.fn('echo') } },
      { flow: l.name('bad'), start: 'e', nodes: { e: l.fn('a') } },
    )
    for (const [flow, status] of [
      ['good', 'succeeded'],
      ['bad', 'failed'],
    ] as const) {
      const execution = await l.start(flow)
      await execution.result().catch(() => undefined)
      expect(await rejection(execution.stop())).toMatchObject({
        code: 'execution-not-running',
        status: 409,
        message: expect.stringMatching(new RegExp(`${execution.id}.*${status}`)),
      })
      expect((await execution.describe()).status).toBe(status)
    }
  })

  bench.it('an express execution stops with its children, and only once', async (l) => {
    await l.deploy(
      { flow: l.name('leaf'), start: 'w', nodes: { w: { type: 'wait', seconds: 60 } } },
      { flow: l.name('e'), mode: 'express', start: 'k', nodes: { k: { type: 'subflow', flow: l.name('leaf') } } },
    )
    const execution = await l.start('e')
    await until(async () => (await l.statuses('leaf')).length === 1, 'the child')
    await execution.stop()
    expect(await rejection(execution.result())).toMatchObject(cancelled)
    expect(await rejection(execution.stop())).toMatchObject({ code: 'execution-not-running' })
    await until(async () => (await l.statuses('leaf'))[0] === 'cancelled', 'the child ends')
  })
}
