import { expect } from 'vitest'
import { rejection } from '../calls.ts'
import type { Bench } from './bench.ts'
import { callsSince, type Stage } from './stage.ts'

/** Every kind of node, half of them inside others. */
function everything({ name, fn, ask, subject }: Stage): object {
  // one after the other where nobody can say which answer comes first
  const concurrency = subject.answersInOrder ? 0 : 1
  return {
    flow: name('all'),
    start: 'first',
    nodes: {
      first: fn('a', { next: 'pick' }),
      pick: {
        type: 'condition',
        branches: [
          { when: '$.a.n == 1', next: 'caught' },
          { default: true, next: 'never' },
        ],
      },
      never: fn('b'),
      caught: fn('b', { onError: 'x', next: 'never' }),
      x: { type: 'error', catch: [{ next: 'kid' }] },
      kid: { type: 'subflow', flow: name('kid'), params: { k: 1 }, next: 'ask' },
      ask: ask('echo', { next: 'both' }),
      both: {
        type: 'service',
        execution: 'parallel',
        // the loop needs a list behind the service
        nodes: { one: fn('a', { params: {} }), two: fn('echo', { params: { list: [0, 1, 2, 3] } }) },
        next: 'fork',
      },
      fork: { type: 'parallel', branches: ['left', 'right'] },
      left: fn('a', { params: { left: 2 }, next: 'join' }),
      right: {
        type: 'loop',
        items: '$.list',
        as: 'i',
        tolerate: 1,
        concurrency,
        nodes: { inner: fn('a', { params: { i: '$.i' }, next: 'inner2' }), inner2: fn('f') },
        next: 'join',
      },
      join: {
        type: 'pass',
        params: { left: '$.result[0]', right: '$.result[1]', caught: '$$.nodes.caught.output.errorType', ask: '$$.nodes.ask.output' },
      },
    },
  }
}

export function retries(bench: Bench): void {
  bench.it('a retry takes over what had succeeded, whatever kind it is, and the rest runs as it would have', async (l) => {
    const gates: number[] = []
    const broken = new Set([1, 2])
    l.on('f', ({ a }: { a: { i: number } }) => {
      gates.push(a.i)
      if (broken.has(a.i)) throw new RangeError(`no ${a.i}`)
      return { passed: a.i }
    })
    await l.deploy({ flow: l.name('kid'), start: 'k', nodes: { k: l.fn('c') } }, everything(l))
    const calls = callsSince(l)
    const one = l.name('one')
    l.calls.failing.add('b')
    await l.start('all', { id: one, input: { n: 1 } })
    const { token } = await l.waiting()
    expect(await rejection(l.engine.retry(one))).toMatchObject({ code: 'execution-running', status: 409 })
    await l.engine.callback(token, { status: 'succeeded', output: { said: 'yes' } })
    expect(await rejection(l.engine.result(one))).toMatchObject({ error: { errorType: 'RangeError' } })
    const inOrder = l.subject.answersInOrder
    expect(calls()).toEqual({ a: inOrder ? 7 : 6, b: 1, c: 1, echo: 2 })

    const before = await l.records(one)
    expect(before['fork']).toMatchObject({ status: 'failed' })
    expect(before['fork[1]/right']).toMatchObject({ status: 'failed', iterations: { total: 4, succeeded: 1, failed: 2, running: 0 } })

    // still broken, though elsewhere: the retry of the retry takes over from both
    broken.delete(1)
    broken.add(3)
    const again = await l.engine.retry(one)
    expect(await again.describe()).toMatchObject({ retryOf: one, trigger: { type: 'retry' }, flow: l.name('all') })
    expect(await rejection(again.result())).toMatchObject({ error: { errorType: 'RangeError', errorMessage: 'no 3' } })
    expect((await l.records(again.id))['fork[1]/right']).toMatchObject({ iterations: { succeeded: 2, failed: 2 } })
    broken.clear()
    const two = await l.engine.retry(again.id)
    const output = await two.result()
    expect(gates).toEqual([0, 1, 2, 1, 2, 3, 2, 3])
    expect(calls()).toEqual(inOrder ? {} : { a: 1 })
    expect(output).toEqual({
      left: { a: { left: 2 } },
      right: { result: [{ passed: 0 }, { passed: 1 }, { passed: 2 }, { passed: 3 }] },
      caught: 'Broken',
      ask: { said: 'yes' },
    })
    const after = await l.records(two.id)
    expect(Object.fromEntries(Object.values(after).map(({ place, status, attempts }) => [place, `${status} ${attempts}`]))).toEqual({
      first: 'succeeded 1',
      pick: 'succeeded 1',
      caught: 'caught 1',
      kid: 'succeeded 1',
      ask: 'succeeded 1',
      both: 'succeeded 1',
      fork: 'succeeded 1',
      'fork[0]/left': 'succeeded 1',
      'fork[1]/right': 'succeeded 1',
      join: 'succeeded 1',
    })
    expect(after['first']).toMatchObject({ input: { n: 1 }, output: { a: { n: 1 } } })
    expect(await rejection(l.engine.retry(two.id))).toMatchObject({ code: 'execution-not-failed', status: 409 })
    expect(await rejection(l.engine.retry('nobody'))).toMatchObject({ code: 'execution-not-found' })
  })

  bench.alone('cancelled and timed out executions are retried from what had not ended; one retry at a time, over a crash', async (l) => {
    await l.deploy(
      {
        flow: l.name('t'),
        timeout: 0.5,
        start: 'f',
        nodes: { f: l.fn('a', { next: 'h' }), h: l.fn('held', { next: 'e' }), e: l.fn('echo') },
      },
      { flow: l.name('s'), start: 'f', nodes: { f: l.fn('a', { next: 'h' }), h: l.fn('held') } },
    )
    const [t, s] = [l.name('t'), l.name('s')]
    await l.start('t', { id: t, input: 1 })
    expect(await rejection(l.engine.result(t))).toMatchObject({ executionStatus: 'timedOut' })
    await l.deploy({ flow: l.name('t'), timeout: 600, start: 'p', nodes: { p: { type: 'pass' } } })
    const held = l.calls.of('held').length
    const again = await l.engine.retry(t)
    // the timeout starts anew, in the definition that it was started with
    ;(await l.calls.called('held', held + 1)).resolve('now')
    expect(await again.result()).toBe('now')

    await l.start('s', { id: s, input: 2 })
    await l.calls.called('held', held + 2)
    await l.engine.stop(s)
    const running = await l.engine.retry(s)
    expect(await rejection(l.engine.retry(s))).toMatchObject({ code: 'retry-running', status: 409 })
    await l.calls.called('held', held + 3)
    await l.interrupt()
    expect(await rejection(l.engine.retry(s))).toMatchObject({ code: 'retry-running' })
    ;(await l.calls.called('held', held + 4)).resolve('at last')
    expect(await l.engine.result(running.id)).toBe('at last')
    expect(l.calls.of('a').map(({ event }) => event as unknown)).toEqual([1, 2])
    // a retry that has ended is no longer in the way
    await (await l.engine.retry(s)).stop()
  })

  bench.it('many retries of one execution at the same moment are one', async (l) => {
    await l.deploy({ flow: l.name('f'), start: 'a', nodes: { a: l.fn('a', { next: 'h' }), h: l.fn('held') } })
    l.calls.failing.add('a')
    const { id } = await l.start('f')
    expect(await rejection(l.engine.result(id))).toMatchObject({ error: { errorType: 'Broken' } })
    l.calls.failing.clear()
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => l.engine.retry(id)))
    const made = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(made).toHaveLength(1)
    if (l.subject.startsInOrder) expect(asked[0]!.status).toBe('fulfilled')
    for (const one of asked) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'retry-running' })
    ;(await l.calls.called('held')).resolve('done')
    expect(await made[0]!.result()).toBe('done')
    expect(l.calls.of('held')).toHaveLength(1)
  })

  bench.it('a service takes over its inner functions, and a retry by its error node starts it from nothing', async (l) => {
    await l.deploy(
      {
        flow: l.name('v'),
        start: 'v',
        nodes: {
          v: { type: 'service', nodes: { one: l.fn('a', { next: 'two' }), two: l.fn('b', { next: 'three' }), three: l.fn('c') } },
        },
      },
      {
        flow: l.name('again'),
        start: 'v',
        nodes: {
          v: { type: 'service', nodes: { one: l.fn('a', { next: 'two' }), two: l.fn('b') }, onError: 'x' },
          x: { type: 'error', retry: { interval: 1, max: 1 } },
        },
      },
    )
    const calls = callsSince(l)
    l.calls.failing.add('b')
    const [v, again] = [l.name('v'), l.name('again')]
    await l.start('v', { id: v, input: 0 })
    await l.start('again', { id: again, input: 0 })
    expect(await rejection(l.engine.result(v))).toMatchObject({ error: { errorType: 'Broken' } })
    expect(await rejection(l.engine.result(again))).toMatchObject({ error: { errorType: 'Broken', attempt: 1 } })
    expect(calls()).toEqual({ a: 3, b: 3 })
    l.calls.failing.clear()
    expect(await (await l.engine.retry(v)).result()).toEqual({ c: { b: { a: 0 } } })
    // of the second run what had succeeded is taken over
    expect(await (await l.engine.retry(again)).result()).toEqual({ b: { a: 0 } })
    expect(calls()).toEqual({ b: 2, c: 1 })
  })

  bench.it('a failed child is started anew, under an id of its own', async (l) => {
    await l.deploy(
      { flow: l.name('kid'), start: 'k', nodes: { k: l.fn('b') } },
      { flow: l.name('p'), start: 's', nodes: { s: { type: 'subflow', flow: l.name('kid') } } },
    )
    l.calls.failing.add('b')
    const p = l.name('p')
    await l.start('p', { id: p, input: 1 })
    expect(await rejection(l.engine.result(p))).toMatchObject({ error: { errorType: 'SubflowFailed', cause: { errorType: 'Broken' } } })
    l.calls.failing.clear()
    expect(await (await l.engine.retry(p)).result()).toEqual({ b: 1 })
    await l.shows(async () => expect(await l.statuses('kid')).toEqual(['succeeded', 'failed']))
  })

  bench.it('a retry keeps input and trigger of its own kind, and can be stopped and retried itself', async (l) => {
    await l.deploy({
      flow: l.name('f'),
      start: 'p',
      nodes: { p: { type: 'pass', params: { t: '$$.trigger.type', i: '$$.execution.input' }, next: 'h' }, h: l.fn('held') },
    })
    const first = await l.start('f', { input: { n: 1 }, trigger: { type: 'cron', name: 'nightly' } })
    await l.calls.called('held')
    await first.stop()
    const second = await l.engine.retry(first.id)
    const call = await l.calls.called('held', 2)
    // what was passed on is taken over
    expect(call.event).toEqual({ t: 'cron', i: { n: 1 } })
    await second.stop()
    const third = await l.engine.retry(second.id)
    const last = await l.calls.called('held', 3)
    last.resolve(3)
    expect(await third.result()).toBe(3)
    const records = await Promise.all([first, second, third].map((execution) => execution.describe()))
    expect(records.map(({ input, trigger, retryOf, status }) => ({ input, trigger, retryOf, status }))).toEqual([
      { input: { n: 1 }, trigger: { type: 'cron', name: 'nightly' }, retryOf: undefined, status: 'cancelled' },
      { input: { n: 1 }, trigger: { type: 'retry' }, retryOf: first.id, status: 'cancelled' },
      { input: { n: 1 }, trigger: { type: 'retry' }, retryOf: second.id, status: 'succeeded' },
    ])
  })
}
