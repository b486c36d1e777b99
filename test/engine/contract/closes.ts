import { expect } from 'vitest'
import { pause, type Call, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

const closed = { code: 'engine-closed', status: 503 }

export function closes(bench: Bench): void {
  bench.alone('close: what waits is answered, what comes later is refused, twice is once; what ran goes on the next time', async (l) => {
    await l.deploy(
      { flow: l.name('hold'), start: 'e', nodes: { e: l.fn('held') } },
      { flow: l.name('exhold'), mode: 'express', start: 'e', nodes: { e: l.fn('held2') } },
    )
    const h = l.name('h')
    const execution = await l.start('hold', { id: h })
    const { engine } = l
    const stream = engine.events(h)[Symbol.asyncIterator]()
    const streamed = Promise.allSettled([
      (async () => {
        while ((await stream.next()).done !== true) continue
      })(),
    ])
    const waits = Promise.allSettled([execution.result(), engine.run(l.name('exhold')), engine.invoke(l.ref('held2'), 1)])
    await l.calls.called('held')
    await l.calls.called('held2', 2)
    await pause(20)
    const start = Promise.allSettled([l.start('hold', { id: l.name('late') })])
    const closing = Promise.all([engine.close(), engine.close()])
    expect(await waits).toMatchObject([{ reason: closed }, { reason: { executionStatus: 'cancelled' } }, { reason: closed }])
    expect(await streamed).toMatchObject([{ reason: closed }])
    const calls: (() => Promise<unknown>)[] = [
      () => engine.start(l.name('hold')),
      () => engine.run(l.name('exhold')),
      () => engine.deploy({}),
      () => engine.describe(h),
      () => engine.nodes(h),
      () => engine.list(),
      () => engine.logs(h),
      () => engine.stop(h),
      () => engine.retry(h),
      () => engine.rerun(h),
      () => engine.result(h),
      () => engine.execution(h),
      () => engine.callback('x', { status: 'succeeded' }),
      () => engine.invoke(l.ref('held'), 1),
      () => engine.events(h)[Symbol.asyncIterator]().next(),
      () => execution.result(),
      () => execution.describe(),
      () => execution.stop(),
    ]
    for (const call of calls) expect(await rejection(call()), call.toString()).toMatchObject(closed)
    await closing
    await engine.close()
    expect(l.calls.all.every(({ signal }) => signal.aborted)).toBe(true)
    const [late] = await start
    const before = l.calls.of('held').length
    await l.own({})
    ;(await l.calls.called('held', before + 1)).resolve('after')
    const more = await l.calls.called('held', before + (late!.status === 'fulfilled' ? 2 : 1))
    more.resolve('after')
    expect(await l.engine.result(h)).toBe('after')
    // acknowledged means kept
    if (late!.status === 'fulfilled') expect(await l.engine.result(l.name('late'))).toBe('after')
    else expect(late!.reason).toMatchObject(closed)
  })

  bench.alone(
    'what waits and what is in the middle of a retry goes on with the next engine, and nothing that had ended is called again',
    async (l) => {
      await l.deploy(
        {
          flow: l.name('f'),
          start: 'one',
          nodes: {
            one: l.fn('a', { next: 'two' }),
            two: l.fn('b', { onError: 'x', next: 'w' }),
            x: { type: 'error', retry: { interval: 1, max: 2 } },
            w: { type: 'wait', seconds: 0.5, next: 'three' },
            three: l.fn('c', { next: 'k' }),
            k: { type: 'subflow', flow: l.name('kid') },
          },
        },
        { flow: l.name('kid'), start: 'w', nodes: { w: { type: 'wait', seconds: 0.5, next: 'e' }, e: l.fn('echo') } },
      )
      l.calls.failing.add('b')
      const execution = await l.start('f', { input: 1 })
      await l.reached(execution.id, 'two', 'retrying')
      l.calls.failing.clear()
      await l.restart()
      expect(await l.engine.result(execution.id)).toEqual({ c: { b: { a: 1 } } })
      expect(l.calls.all.map(({ name, attempt }) => `${name} ${attempt}`)).toEqual(['a 1', 'b 1', 'b 2', 'c 1', 'echo 1'])
      expect(Object.values(await l.records(execution.id)).map(({ place, status, attempts }) => `${place} ${status} ${attempts}`)).toEqual([
        'one succeeded 1',
        'two succeeded 2',
        'w succeeded 1',
        'three succeeded 1',
        'k succeeded 1',
      ])
    },
  )

  bench.alone('an express child of a standard flow is started again by the next engine, under its id', async (l) => {
    await l.deploy(
      { flow: l.name('quick'), mode: 'express', start: 'h', nodes: { h: l.fn('held', { params: { id: '$$.execution.id' } }) } },
      { flow: l.name('parent'), start: 'k', nodes: { k: { type: 'subflow', flow: l.name('quick') } } },
    )
    const execution = await l.start('parent')
    const first = await l.calls.called('held')
    await l.restart()
    const second = (await Promise.race([l.calls.called('held', 2), l.engine.result(execution.id)])) as Call
    expect([second.event, second.requestId]).toEqual([first.event, first.requestId])
    second.resolve('again')
    expect(await l.engine.result(execution.id)).toBe('again')
  })

  bench.alone('an engine that is closed at once, and one that was never used, close', async (l) => {
    const { engine } = l
    await engine.close()
    await l.own({})
    expect(await rejection(l.engine.describe('nobody'))).toMatchObject({ code: 'execution-not-found' })
  })
}
