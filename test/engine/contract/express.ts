import { expect } from 'vitest'
import type { NodeRecord } from '../../../engine/index.ts'
import { until, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

/** Express flows run in the process that starts them, whatever runs the standard ones. */
export function express(bench: Bench): void {
  bench.it('more than are remembered still answer to who holds them', async (l) => {
    await l.deploy({ flow: l.name('ex'), mode: 'express', start: 'e', nodes: { e: l.fn('echo') } })
    const held = await Promise.all(Array.from({ length: 2500 }, (_, n) => l.start('ex', { input: n })))
    expect(await Promise.all(held.map((execution) => execution.result()))).toEqual(held.map((_, n) => n))
    expect((await held[0]!.describe()).status).toBe('succeeded')
    expect(l.calls.of('echo')).toHaveLength(2500)
  })

  bench.it('callbacks: late ones are told from wrong ones', async (l) => {
    await l.deploy({ flow: l.name('exask'), mode: 'express', start: 'a', nodes: { a: l.ask('echo') } })
    const execution = await l.start('exask', { id: l.name('exask') })
    const { token } = await l.waiting()
    for (const bad of [undefined, null, {}, { status: 'ok' }, 'succeeded', { status: 'failed', error: 'text' }])
      expect(await rejection(l.engine.callback(token, bad as never))).toMatchObject({ code: 'bad-input' })
    expect(await rejection(l.engine.callback(undefined as never, { status: 'succeeded' }))).toMatchObject({ code: 'callback-not-found' })
    await l.engine.callback(token, { status: 'succeeded', output: 1 })
    expect(await execution.result()).toBe(1)
    expect(await rejection(l.engine.callback(token, { status: 'succeeded' }))).toMatchObject({ code: 'callback-already-used' })
    const stopped = await l.start('exask', { id: l.name('exask2') })
    const { token: late } = await l.waiting(2)
    await stopped.stop()
    expect(await rejection(l.engine.callback(late, { status: 'succeeded' }))).toMatchObject({ code: 'callback-expired' })
  })

  bench.it('describe, stop and result by id; what needs records is refused; in no list', async (l) => {
    await l.deploy({ flow: l.name('ex'), mode: 'express', start: 'h', nodes: { h: l.fn('held') } })
    const id = l.name('ex')
    const execution = await l.start('ex', { id, input: { n: 1 }, trigger: { type: 'http' } })
    const common = {
      id,
      flow: l.name('ex'),
      version: 'latest',
      revision: expect.any(String) as unknown,
      mode: 'express',
      input: { n: 1 },
      trigger: { type: 'http' },
    }
    const call = await l.calls.called('held')
    expect(await l.engine.describe(id)).toEqual({ ...common, status: 'running', startedAt: expect.any(Number) as unknown })
    const notDurable = { name: 'EngineError', code: 'not-durable', status: 409 }
    for (const needing of [
      () => l.engine.nodes(id),
      () => l.engine.retry(id),
      () => l.engine.rerun(id),
      () => l.engine.events(id)[Symbol.asyncIterator]().next(),
    ])
      expect(await rejection(needing()), needing.toString()).toMatchObject(notDurable)
    call.resolve({ done: true })
    expect(await l.engine.result(id)).toEqual({ done: true })
    expect(await (await l.engine.execution(id)).describe()).toEqual({
      ...common,
      status: 'succeeded',
      output: { done: true },
      startedAt: expect.any(Number) as unknown,
      endedAt: expect.any(Number) as unknown,
    })
    expect(await rejection(l.engine.stop(id))).toMatchObject({ code: 'execution-not-running' })
    expect(await rejection(execution.stop())).toMatchObject({ code: 'execution-not-running' })
    expect(await l.statuses('ex')).toEqual([])
    expect(await rejection(l.engine.retry(id))).toMatchObject(notDurable)
  })

  bench.it('the caller follows its nodes, and stops it by its signal', async (l) => {
    await l.deploy({
      flow: l.name('ex'),
      mode: 'express',
      start: 'a',
      nodes: { a: l.fn('a', { next: 'h' }), h: l.fn('held', { next: 'b' }), b: l.fn('b') },
    })
    const seen: NodeRecord[] = []
    const onNode = (node: NodeRecord): void => void seen.push(node)
    const running = l.engine.run(l.name('ex'), { input: 1, onNode })
    ;(await l.calls.called('held')).resolve(2)
    expect(await running).toEqual({ b: 2 })
    const told = seen.map(({ place, status }) => `${place} ${status}`)
    expect(told.filter((line) => line.endsWith('succeeded'))).toEqual(['a succeeded', 'h succeeded', 'b succeeded'])
    const stopping = new AbortController()
    const stopped = Promise.allSettled([l.engine.run(l.name('ex'), { signal: stopping.signal })])
    const call = await l.calls.called('held', 2)
    stopping.abort()
    expect(await stopped).toMatchObject([{ reason: { executionStatus: 'cancelled', error: { status: 499 } } }])
    expect(call.signal.aborted).toBe(true)
  })

  bench.it('a flow timeout, a failure and a retry within', async (l) => {
    await l.deploy(
      { flow: l.name('t'), mode: 'express', timeout: 0.2, start: 'h', nodes: { h: l.fn('held') } },
      {
        flow: l.name('r'),
        mode: 'express',
        start: 'a',
        nodes: { a: l.fn('a', { onError: 'x' }), x: { type: 'error', retry: { interval: 1, max: 1 } } },
      },
    )
    expect(await rejection(l.engine.run(l.name('t')))).toMatchObject({
      executionStatus: 'timedOut',
      error: { status: 433, errorType: 'FlowTimeout' },
    })
    l.calls.failing.add('a')
    const running = Promise.allSettled([l.engine.run(l.name('r'))])
    await until(() => l.calls.of('a').length === 2, 'the retry')
    expect(await running).toMatchObject([{ reason: { executionStatus: 'failed', error: { errorType: 'Broken', attempt: 2 } } }])
  })
}
