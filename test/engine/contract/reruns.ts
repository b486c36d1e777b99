import { expect } from 'vitest'
import { rejection } from '../calls.ts'
import type { Bench } from './bench.ts'
import { callsSince } from './stage.ts'

export function reruns(bench: Bench): void {
  bench.it('rerun: from a node on, with another input; what does not lie behind it is kept', async (l) => {
    await l.deploy({
      flow: l.name('r'),
      start: 'first',
      nodes: {
        first: l.fn('a', { next: 'fork' }),
        fork: { type: 'parallel', branches: ['left', 'right'] },
        left: {
          type: 'condition',
          branches: [
            { when: '$.go == true', next: 'join' },
            { default: true, next: 'stay' },
          ],
        },
        stay: l.fn('b'),
        right: l.fn('c', { next: 'join' }),
        join: l.fn('echo', { next: 'each' }),
        each: { type: 'loop', items: '$.result', nodes: { stay: l.fn('echo', { params: { item: '$.item' } }) }, next: 'last' },
        last: { type: 'pass' },
      },
    })
    const calls = callsSince(l)
    const r = l.name('r')
    await l.start('r', { id: r, input: 0 })
    await l.engine.result(r)
    expect(calls()).toEqual({ a: 1, b: 1, c: 1, echo: 3 })

    // `stay` ends its branch: what lies behind the parallel lies behind it all the same. The loop has a node of that name, too.
    const plan = await l.engine.rerun(r, { from: 'stay', dryRun: true })
    expect(plan.kept.map(({ node }) => node).sort()).toEqual(['first', 'left', 'right'])
    expect(plan.again.map(({ node, reason }) => `${node}: ${reason}`).sort()).toEqual([
      'each: it lies behind stay',
      'fork: it holds stay',
      'join: it lies behind stay',
      'last: it lies behind stay',
      'stay: it runs again from here',
    ])
    expect(calls()).toEqual({})
    const again = await l.engine.rerun(r, { from: 'stay', input: { other: 1 } })
    expect(await again.result()).toEqual({ result: [{ item: { b: { other: 1 } } }, { item: { c: { a: 0 } } }] })
    expect(calls()).toEqual({ b: 1, echo: 3 })
    expect(await again.describe()).toMatchObject({ retryOf: r, trigger: { type: 'rerun' } })

    const loop = await l.engine.rerun(r, { from: 'each', input: { result: [1] } })
    expect(await loop.result()).toEqual({ result: [{ item: 1 }] })
    expect(calls()).toEqual({ echo: 1 })

    // a retry, or a rerun of something later, keeps the input that a rerun was given
    l.calls.failing.add('b')
    const failed = await l.engine.rerun(r, { from: 'stay', input: { kept: 1 } })
    expect(await rejection(failed.result())).toMatchObject({ error: { errorType: 'Broken' } })
    l.calls.failing.clear()
    const retried = await l.engine.retry(failed.id)
    expect(await retried.result()).toMatchObject({ result: [{ item: { b: { kept: 1 } } }, expect.anything()] })

    expect(await rejection(l.engine.rerun(r, { from: 'nowhere' }))).toMatchObject({ code: 'node-not-reached', status: 422 })
    expect(await rejection(l.engine.rerun(r, { from: 'constructor' }))).toMatchObject({ code: 'node-not-reached' })
    expect(await rejection(l.engine.rerun(r, { form: 'join' } as never))).toMatchObject({ code: 'bad-option' })
    expect(await rejection(l.engine.rerun(r, { version: '7' }))).toMatchObject({ code: 'version-not-found' })
    expect(await rejection(l.engine.rerun('nobody'))).toMatchObject({ code: 'execution-not-found' })
  })

  bench.it(
    'rerun on a changed definition: what has changed runs again with what lies behind it, the containers around it too',
    async (l) => {
      const flow = (more: object, right: object = l.fn('c')): object => ({
        flow: l.name('v'),
        start: 'first',
        nodes: {
          first: l.fn('a', { next: 'fork' }),
          fork: { type: 'parallel', branches: ['left', 'right'] },
          left: l.fn('b', { next: 'join', ...more }),
          right: { ...right, next: 'join' },
          join: { type: 'pass' },
        },
      })
      await l.deploy(flow({}))
      const calls = callsSince(l)
      const v = l.name('v')
      await l.start('v', { id: v, input: 1 })
      await l.engine.result(v)
      calls()
      await l.deploy(flow({ params: { new: true } }))
      const plan = await l.engine.rerun(v, { from: 'join', version: 'latest', dryRun: true })
      expect(plan.kept.map(({ node }) => node).sort()).toEqual(['first', 'right'])
      const again = await l.engine.rerun(v, { from: 'join', version: 'latest' })
      expect(await again.result()).toEqual({ result: [{ b: { new: true } }, { c: { a: 1 } }] })
      expect(calls()).toEqual({ b: 1 })
      // without a version it is its own definition that runs
      const own = await l.engine.rerun(v, { from: 'left' })
      expect(await own.result()).toEqual({ result: [{ b: { a: 1 } }, { c: { a: 1 } }] })
      expect(calls()).toEqual({ b: 1 })
      await l.shows(async () => expect(await l.statuses('v')).toEqual(['succeeded', 'succeeded', 'succeeded']))
    },
  )

  bench.it('rerun of the whole, of what succeeded and of what was stopped; not of what runs; more than one at a time', async (l) => {
    await l.deploy({ flow: l.name('f'), start: 'e', nodes: { e: l.fn('echo', { next: 'h' }), h: l.fn('held') } })
    const first = await l.start('f', { input: { n: 1 } })
    const call = await l.calls.called('held')
    expect(await rejection(l.engine.rerun(first.id))).toMatchObject({ code: 'execution-running', status: 409 })
    expect(await rejection(l.engine.rerun(first.id, { dryRun: true }))).toMatchObject({ code: 'execution-running' })
    call.resolve(1)
    await first.result()
    const [one, two] = await Promise.all([l.engine.rerun(first.id), l.engine.rerun(first.id, { input: { n: 2 } })])
    await l.calls.called('held', 3)
    const inputs = l.calls.of('held').map(({ event }) => JSON.stringify(event))
    expect(inputs.slice(1).sort()).toEqual(['{"n":1}', '{"n":2}'])
    await one.stop()
    for (const { resolve } of l.calls.of('held')) resolve(3)
    expect(await two.result()).toBe(3)
    expect(await two.describe()).toMatchObject({ retryOf: first.id, trigger: { type: 'rerun' }, input: { n: 1 } })
    const third = await l.engine.rerun(one.id, { from: 'h', input: 'direct' })
    const last = await l.calls.called('held', 4)
    expect(last.event).toBe('direct')
    last.resolve(4)
    expect(await third.result()).toBe(4)
    expect(l.calls.of('echo')).toHaveLength(3)
    expect(await rejection(l.engine.rerun(first.id, { input: 1n as never }))).toMatchObject({ code: 'bad-input' })
  })
}
