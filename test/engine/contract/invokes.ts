import { expect } from 'vitest'
import { rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

export function invokes(bench: Bench): void {
  bench.it('invoke: results, error documents, unknown functions, abort', async (l) => {
    l.on('f', () => Promise.reject(new TypeError('no')))
    expect(await l.engine.invoke(l.ref('echo'), { x: 1 })).toEqual({ x: 1 })
    expect(await l.engine.invoke(`${l.ref('echo')}:latest`, 2)).toBe(2)
    expect(await rejection(l.engine.invoke(l.ref('f'), {}))).toMatchObject({ error: { status: 430, errorType: 'TypeError' } })
    expect(await rejection(l.engine.invoke('gone', {}))).toMatchObject({ error: { status: 435, errorType: 'FunctionNotFound' } })
    expect(await rejection(l.engine.invoke(`${l.ref('echo')}:7`, {}))).toMatchObject({ error: { status: 442 } })
    expect(await rejection(l.engine.invoke(l.ref('echo'), 'x'.repeat(7e6)))).toMatchObject({
      error: { status: 406, errorType: 'PayloadTooLarge' },
    })
    expect(await rejection(l.engine.invoke(7 as never, {}))).toMatchObject({ code: 'bad-option' })
    const aborting = new AbortController()
    const aborted = Promise.allSettled([l.engine.invoke(l.ref('held'), {}, { signal: aborting.signal })])
    const call = await l.calls.called('held')
    aborting.abort()
    expect(await aborted).toMatchObject([{ reason: { error: { status: 499 } } }])
    expect(call.signal.aborted).toBe(true)
    expect(await rejection(l.engine.invoke(l.ref('held'), {}, { signal: AbortSignal.abort() }))).toMatchObject({ error: { status: 499 } })
    expect(l.calls.of('held')).toHaveLength(1)
  })

  bench.alone(
    'a function without app is in the app default',
    async (l) => {
      expect(await l.engine.invoke('plain', 1)).toEqual({ plain: 1 })
      expect(await l.engine.invoke('default/plain:latest', 2)).toEqual({ plain: 2 })
      expect(await l.engine.invoke('default/plain:$LATEST', 3)).toEqual({ plain: 3 })
      await l.deploy({ flow: l.name('f'), start: 'f', nodes: { f: { type: 'function', function: 'plain' } } })
      expect(await l.engine.run(l.name('f'), { input: 4 })).toEqual({ plain: 4 })
    },
    { functions: { plain: (event: unknown) => ({ plain: event }) } },
  )

  bench.it('an attempt has a request id of its own, every delivery and every retry by the error node', async (l) => {
    await l.deploy({
      flow: l.name('f'),
      start: 'n',
      nodes: {
        n: l.fn('a', { onError: 'x', next: 'm' }),
        x: { type: 'error', retry: { interval: 1, max: 1 } },
        m: l.fn('echo', { invoke: 'async' }),
      },
    })
    l.calls.failing.add('a')
    const execution = await l.start('f', { input: 0 })
    await l.reached(execution.id, 'n', 'retrying')
    l.calls.failing.clear()
    expect(await execution.result()).toEqual({ a: 0 })
    const calls = [...l.calls.of('a'), ...l.calls.of('echo')]
    expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 1])
    expect(new Set(calls.map(({ requestId }) => requestId)).size).toBe(3)
    expect(await l.records(execution.id)).toMatchObject({ n: { status: 'succeeded', attempts: 2 }, m: { attempts: 1, output: { a: 0 } } })
  })

  bench.it('async: the same answers, failures and timeouts as sync', async (l) => {
    await l.deploy({
      flow: l.name('f'),
      start: 'p',
      nodes: {
        p: { type: 'parallel', branches: ['one', 'two', 'three'] },
        one: l.fn('echo', { invoke: 'async' }),
        two: l.fn('a', { invoke: 'async', onError: 'x', next: 'same' }),
        same: { type: 'pass' },
        x: { type: 'error', catch: [{ next: 'caught' }] },
        caught: { type: 'pass', params: { type: '$.errorType', status: '$.status', function: '$.function' } },
        three: l.fn('held', { invoke: 'async', timeout: 1, onError: 'y' }),
        y: { type: 'error', catch: [{ next: 'late' }] },
        late: { type: 'pass', params: { type: '$.errorType', status: '$.status' } },
      },
    })
    l.calls.failing.add('a')
    expect(await l.engine.run(l.name('f'), { input: 1 })).toEqual({
      result: [1, { type: 'Broken', status: 430, function: `${l.ref('a')}:latest` }, { type: 'FunctionTimeout', status: 433 }],
    })
    await l.aborted(...l.calls.of('held'))
  })
}
