import { expect } from 'vitest'
import { until, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

export function timeouts(bench: Bench): void {
  bench.it('a flow that takes too long is timed out, with what it has under way, and listed so', async (l) => {
    await l.deploy(
      { flow: l.name('kid'), start: 'w', nodes: { w: { type: 'wait', seconds: 600 } } },
      {
        flow: l.name('t'),
        timeout: 2,
        start: 'p',
        nodes: { p: { type: 'parallel', branches: ['h', 'k'] }, h: l.fn('held'), k: { type: 'subflow', flow: l.name('kid') } },
      },
    )
    const execution = await l.start('t', { id: l.name('t') })
    const call = await l.calls.called('held')
    const error = { status: 433, errorType: 'FlowTimeout' }
    expect(await rejection(execution.result())).toMatchObject({ executionStatus: 'timedOut', error })
    const record = await execution.describe()
    expect(record).toMatchObject({ status: 'timedOut', error })
    expect(record.endedAt! - record.startedAt).toBeGreaterThanOrEqual(2000)
    await l.aborted(call)
    expect(Object.values(await l.records(l.name('t'))).map(({ place, status }) => `${place} ${status}`)).toEqual([
      'p cancelled',
      'p[0]/h cancelled',
      'p[1]/k cancelled',
    ])
    await until(async () => (await l.statuses('kid'))[0] === 'cancelled', 'the child is cancelled')
    await l.shows(async () => {
      const listed = async (status: 'timedOut' | 'failed' | 'running' | 'cancelled'): Promise<string[]> =>
        (await l.engine.list({ flow: l.name('t'), status })).items.map(({ id }) => id)
      expect(await listed('timedOut')).toEqual([l.name('t')])
      expect([...(await listed('failed')), ...(await listed('running')), ...(await listed('cancelled'))]).toEqual([])
    })
    expect(await rejection(execution.stop())).toMatchObject({ code: 'execution-not-running' })
  })

  bench.it('a function may call its error as the engine calls its own: the execution has failed, not timed out', async (l) => {
    await l.deploy({ flow: l.name('t'), timeout: 600, start: 'f', nodes: { f: l.fn('f') } })
    l.on('f', ({ errorType }) => Promise.reject(Object.assign(new Error('so called'), { name: errorType as string })))
    for (const errorType of ['FlowTimeout', 'Cancelled', 'CallbackTimeout']) {
      const execution = await l.start('t', { input: { errorType } })
      expect(await rejection(execution.result())).toMatchObject({ executionStatus: 'failed', error: { status: 430, errorType } })
      expect(await execution.describe()).toMatchObject({ status: 'failed', error: { status: 430, errorType } })
    }
    await l.shows(async () => expect(await l.statuses('t')).toEqual(['failed', 'failed', 'failed']))
  })

  bench.it('a node that takes too long fails with 433, and its function is told', async (l) => {
    await l.deploy({
      flow: l.name('t'),
      start: 'h',
      nodes: {
        h: l.fn('held', { timeout: 1, onError: 'x' }),
        x: { type: 'error', catch: [{ when: '$.status == 433', next: 'late' }] },
        late: { type: 'pass', params: { type: '$.errorType' } },
      },
    })
    expect(await l.engine.run(l.name('t'))).toEqual({ type: 'FunctionTimeout' })
    await l.aborted(...l.calls.of('held'))
    expect(l.calls.of('held')).toHaveLength(1)
  })

  bench.it('a wait takes as long as it says', async (l) => {
    await l.deploy({ flow: l.name('w'), start: 'w', nodes: { w: { type: 'wait', seconds: '$.s' } } })
    const executions = await Promise.all([0, -1, 0.2, 1.1].map((s) => l.start('w', { input: { s } })))
    await Promise.all(executions.map((execution) => execution.result()))
    const took = await Promise.all(
      executions.map(async (execution) => {
        const { startedAt, endedAt } = await execution.describe()
        return endedAt! - startedAt
      }),
    )
    expect(took[2]).toBeGreaterThanOrEqual(200)
    expect(took[3]).toBeGreaterThanOrEqual(1100)
    const [node] = await l.engine.nodes(executions[3]!.id)
    expect(node!.endedAt! - node!.startedAt).toBeGreaterThanOrEqual(1100)
  })
}
