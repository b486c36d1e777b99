import { expect } from 'vitest'
import { until, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

export function subflows(bench: Bench): void {
  bench.it('a child that is waited for gives its output, and knows its parent', async (l) => {
    const [kid, parent] = [l.name('kid'), l.name('parent')]
    await l.deploy(
      { flow: kid, start: 'p', nodes: { p: { type: 'pass', params: { got: '$', input: '$$.execution.input', flow: '$$.flow.name' } } } },
      {
        flow: parent,
        start: 'k',
        nodes: { k: { type: 'subflow', flow: `${kid}:latest`, params: { n: '$.n' }, next: 'end' }, end: { type: 'end' } },
      },
    )
    const execution = await l.start('parent', { input: { n: 1 } })
    expect(await execution.result()).toEqual({ got: { n: 1 }, input: { n: 1 }, flow: kid })
    await l.shows(async () => expect(await l.statuses('kid')).toEqual(['succeeded']))
    const [child] = (await l.engine.list({ parent: execution.id })).items
    expect(await l.engine.describe(child!.id)).toEqual({
      id: child!.id,
      flow: kid,
      version: 'latest',
      revision: expect.any(String) as unknown,
      mode: 'standard',
      status: 'succeeded',
      startedAt: expect.any(Number) as unknown,
      endedAt: expect.any(Number) as unknown,
      input: { n: 1 },
      output: { got: { n: 1 }, input: { n: 1 }, flow: kid },
      parent: { execution: execution.id, node: 'k' },
    })
    expect((await l.records(execution.id))['k']).toMatchObject({ status: 'succeeded', attempts: 1, input: { n: 1 } })
  })

  bench.it('a child that is not waited for lives on whatever happens to its parent', async (l) => {
    await l.deploy(
      { flow: l.name('kid'), start: 'h', nodes: { h: l.fn('held') } },
      {
        flow: l.name('parent'),
        start: 'k',
        nodes: { k: { type: 'subflow', flow: l.name('kid'), wait: false, next: 'w' }, w: { type: 'wait', seconds: 600 } },
      },
    )
    const parent = await l.start('parent')
    const call = await l.calls.called('held')
    await l.reached(parent.id, 'w', 'waiting')
    const { executionId } = (await l.records(parent.id))['k']!.output as { executionId: string }
    await parent.stop()
    expect(await l.engine.describe(executionId)).toMatchObject({ status: 'running', parent: { execution: parent.id, node: 'k' } })
    call.resolve('lives')
    expect(await l.engine.result(executionId)).toBe('lives')
    expect(call.signal.aborted).toBe(false)
  })

  bench.it('a parent waits in state waiting, and its record names the child that it waits for', async (l) => {
    await l.deploy(
      { flow: l.name('kid'), start: 'h', nodes: { h: l.fn('held') } },
      { flow: l.name('parent'), start: 'k', nodes: { k: { type: 'subflow', flow: l.name('kid') } } },
    )
    const parent = await l.start('parent')
    const call = await l.calls.called('held')
    await l.reached(parent.id, 'k', 'waiting')
    await until(async () => (await l.engine.list({ parent: parent.id, status: 'running' })).items.length === 1, 'the child is listed')
    call.resolve(1)
    expect(await parent.result()).toBe(1)
  })

  bench.it('how a child ends is how its node fails', async (l) => {
    l.calls.failing.add('a')
    const child = (name: string, more: object): object => ({ flow: l.name(name), ...more })
    await l.deploy(
      child('fails', { start: 'f', nodes: { f: l.fn('a') } }),
      child('late', { timeout: 0.3, start: 'w', nodes: { w: { type: 'wait', seconds: 600 } } }),
      child('stopped', { start: 'h', nodes: { h: l.fn('held') } }),
    )
    for (const [kid, cause] of [
      ['fails', { errorType: 'Broken', status: 430 }],
      ['late', { errorType: 'FlowTimeout', status: 433 }],
      ['stopped', { errorType: 'Cancelled', status: 499 }],
    ] as const) {
      await l.deploy({
        flow: l.name(`of-${kid}`),
        start: 'k',
        nodes: {
          k: { type: 'subflow', flow: l.name(kid), onError: 'x' },
          x: { type: 'error', catch: [{ when: "$.errorType == 'SubflowFailed'", next: 'caught' }] },
          caught: { type: 'pass' },
        },
      })
      const parent = await l.start(`of-${kid}`)
      if (kid === 'stopped') {
        await l.calls.called('held')
        const stopped = async (): Promise<boolean> => {
          const [running] = (await l.engine.list({ parent: parent.id })).items
          if (running === undefined) return false
          await l.engine.stop(running.id)
          return true
        }
        await until(stopped, 'the child is listed')
      }
      expect(await parent.result(), kid).toMatchObject({ errorType: 'SubflowFailed', cause })
      expect((await l.records(parent.id))['k']).toMatchObject({ status: 'caught' })
    }
  })

  bench.it('a flow that is not there, and one call too deep', async (l) => {
    await l.deploy(
      { flow: l.name('lost'), start: 'k', nodes: { k: { type: 'subflow', flow: l.name('nowhere') } } },
      { flow: l.name('version'), start: 'k', nodes: { k: { type: 'subflow', flow: `${l.name('lost')}:7` } } },
      { flow: l.name('free'), start: 'k', nodes: { k: { type: 'subflow', flow: l.name('nowhere'), wait: false } } },
      { flow: l.name('deep'), start: 'k', nodes: { k: { type: 'subflow', flow: l.name('deep') } } },
    )
    for (const flow of ['lost', 'version', 'free'])
      expect(await rejection(l.engine.run(l.name(flow))), flow).toMatchObject({
        executionStatus: 'failed',
        error: { errorType: 'FlowNotFound' },
      })
    const deep = await l.start('deep')
    const failure = (await deep.result().catch((error: unknown) => error)) as { error: { cause?: object; errorType: string } }
    const types: string[] = []
    for (let at: { cause?: object; errorType?: string } | undefined = failure.error; at !== undefined; at = at.cause)
      types.push(at.errorType ?? '')
    expect(types).toEqual([...Array(10).fill('SubflowFailed'), 'SubflowDepthExceeded'])
    await l.shows(async () => expect(await l.statuses('deep')).toEqual(Array(11).fill('failed')))
  })

  bench.it('an express child of a standard flow, waited for and not; a standard child of an express flow', async (l) => {
    const [kid, quick] = [l.name('kid'), l.name('quick')]
    await l.deploy(
      { flow: kid, start: 'e', nodes: { e: l.fn('echo', { params: { std: '$' } }) } },
      {
        flow: quick,
        mode: 'express',
        start: 'e',
        nodes: { e: l.fn('echo', { params: { mode: '$$.flow.mode', id: '$$.execution.id', got: '$' } }) },
      },
      {
        flow: l.name('parent'),
        start: 'p',
        nodes: {
          p: { type: 'parallel', branches: ['waited', 'free', 'bad'] },
          waited: { type: 'subflow', flow: quick, params: { n: 1 } },
          free: { type: 'subflow', flow: quick, wait: false, params: { n: 2 } },
          bad: { type: 'subflow', flow: l.name('broken'), onError: 'x' },
          x: { type: 'error', catch: [{ next: 'caught' }] },
          caught: { type: 'pass', params: { type: '$.errorType', cause: '$.cause.errorType' } },
        },
      },
      { flow: l.name('broken'), mode: 'express', start: 'a', nodes: { a: l.fn('a') } },
      { flow: l.name('express'), mode: 'express', start: 'k', nodes: { k: { type: 'subflow', flow: kid } } },
    )
    l.calls.failing.add('a')
    const { result } = (await l.engine.run(l.name('parent'))) as { result: { id: string; executionId: string }[] }
    expect(result).toMatchObject([
      { mode: 'express', got: { n: 1 } },
      { executionId: expect.any(String) as unknown },
      { type: 'SubflowFailed', cause: 'Broken' },
    ])
    await until(() => l.calls.of('echo').some(({ event }) => event.id === result[1]!.executionId), 'the free one runs')
    expect(await l.engine.run(l.name('express'), { input: 5 })).toEqual({ std: 5 })
    await l.shows(async () => expect(await l.statuses('kid')).toEqual(['succeeded']))
    expect(await l.statuses('quick')).toEqual([])
  })
}
