import { expect } from 'vitest'
import { pause, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

export function results(bench: Bench): void {
  bench.it('describe tells all there is of an execution that runs, and of one that succeeded', async (l) => {
    await l.deploy({ flow: l.name('f'), start: 'h', nodes: { h: l.fn('held') } })
    const before = Date.now()
    const execution = await l.start('f', {
      id: l.name('one'),
      input: { a: [1, null, ''] },
      trigger: { type: 'cron', name: 'nightly', event: { at: 1 } },
    })
    const call = await l.calls.called('held')
    const common = {
      id: l.name('one'),
      flow: l.name('f'),
      version: 'latest',
      revision: expect.any(String) as unknown,
      mode: 'standard',
      startedAt: expect.any(Number) as unknown,
      input: { a: [1, null, ''] },
      trigger: { type: 'cron', name: 'nightly' },
    }
    const running = await execution.describe()
    expect(running).toEqual({ ...common, status: 'running' })
    // the clocks of two machines
    expect(Math.abs(running.startedAt - before)).toBeLessThan(30_000)
    call.resolve(null)
    expect(await execution.result()).toBeNull()
    const ended = await execution.describe()
    expect(ended).toEqual({ ...common, status: 'succeeded', output: null, endedAt: expect.any(Number) as unknown })
    expect(ended.startedAt).toBe(running.startedAt)
    expect(ended.endedAt!).toBeGreaterThanOrEqual(ended.startedAt)
    expect(await l.engine.describe(l.name('one'))).toEqual(ended)
    expect(await (await l.engine.execution(l.name('one'))).describe()).toEqual(ended)
  })

  bench.it('describe tells the error of one that failed, and the trigger as the flow sees it', async (l) => {
    const about = {
      trigger: '$$.trigger',
      id: '$$.execution.id',
      input: '$$.execution.input',
      at: '$$.execution.startedAt',
      flow: '$$.flow',
    }
    await l.deploy({
      flow: l.name('f'),
      start: 'p',
      nodes: { p: { type: 'pass', params: about, next: 'e' }, e: l.fn('echo', { next: 'x' }), x: l.fn('f') },
    })
    l.on('f', () => {
      throw Object.assign(new RangeError('too far'), { status: 599 })
    })
    const trigger = { type: 'http', event: { headers: { a: 'b' } } }
    const execution = await l.start('f', { input: 7, trigger })
    const error = { status: 430, errorType: 'RangeError', errorMessage: 'too far', function: `${l.ref('f')}:latest`, attempt: 1 }
    expect(await rejection(execution.result())).toMatchObject({ name: 'ExecutionFailed', executionStatus: 'failed', error })
    const record = await execution.describe()
    expect(record).toMatchObject({ status: 'failed', error, input: 7, trigger: { type: 'http' } })
    expect(Object.keys(record).sort()).toEqual(
      ['endedAt', 'error', 'flow', 'id', 'input', 'mode', 'revision', 'startedAt', 'status', 'trigger', 'version'].sort(),
    )
    expect(record.trigger).toEqual({ type: 'http' })
    expect(record.error).toMatchObject({ stackTrace: expect.any(Array) as unknown })
    expect(l.calls.of('echo')[0]!.event).toEqual({
      trigger,
      id: execution.id,
      input: 7,
      at: new Date(record.startedAt).toISOString(),
      flow: { name: l.name('f'), version: 'latest', mode: 'standard' },
    })
  })

  bench.it('result: before and after the end, and an aborted wait leaves the execution alone', async (l) => {
    await l.deploy(
      { flow: l.name('hold'), start: 'e', nodes: { e: l.fn('held') } },
      { flow: l.name('exhold'), mode: 'express', start: 'e', nodes: { e: l.fn('held2') } },
    )
    for (const [flow, held] of [
      ['hold', 'held'],
      ['exhold', 'held2'],
    ] as const) {
      const execution = await l.start(flow)
      const call = await l.calls.called(held)
      const aborting = new AbortController()
      const waits = [execution.result(), execution.result({ signal: aborting.signal }), execution.result({ signal: AbortSignal.abort() })]
      const settled = Promise.allSettled(waits)
      await pause(5)
      aborting.abort(new Error('enough'))
      call.resolve('done')
      expect(await settled).toMatchObject([
        { value: 'done' },
        { reason: { code: 'aborted', cause: { message: 'enough' } } },
        { reason: { code: 'aborted' } },
      ])
      expect(await execution.result()).toBe('done')
    }
    expect(await rejection(l.engine.result('nobody'))).toMatchObject({ code: 'execution-not-found' })
  })

  bench.it('a wait that was aborted in its middle can be taken up again', async (l) => {
    await l.deploy({ flow: l.name('hold'), start: 'e', nodes: { e: l.fn('held') } })
    const execution = await l.start('hold')
    const call = await l.calls.called('held')
    for (let at = 0; at < 3; at++)
      expect(await rejection(l.engine.result(execution.id, { signal: AbortSignal.timeout(30) }))).toMatchObject({
        code: 'aborted',
        status: 499,
      })
    expect(call.signal.aborted).toBe(false)
    const again = l.engine.result(execution.id, { signal: AbortSignal.timeout(60_000) })
    call.resolve({ fine: true })
    expect(await again).toEqual({ fine: true })
    expect(await rejection(l.engine.result(execution.id, { signal: {} as never }))).toMatchObject({ code: 'bad-option' })
  })

  bench.it('run starts and waits; its signal ends the wait', async (l) => {
    await l.deploy({ flow: l.name('hold'), start: 'e', nodes: { e: l.fn('held') } })
    const aborting = new AbortController()
    const running = l.engine.run(l.name('hold'), { id: l.name('r'), signal: aborting.signal })
    const call = await l.calls.called('held')
    const settled = Promise.allSettled([running])
    aborting.abort()
    expect(await settled).toMatchObject([{ reason: { code: 'aborted' } }])
    call.resolve(1)
    expect(await l.engine.result(l.name('r'))).toBe(1)
  })
}
