import { expect, it } from 'vitest'
import { createEngine } from '../../../engine/create-engine.ts'
import type { Engine, ExecutionEvent } from '../../../engine/api.ts'
import { startServices } from '../../../scripts/services/start.ts'
import { newDatabase, temporalServices } from './services.ts'

temporalServices()

const sequence = (count: number, last: object = {}): Record<string, object> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `s${at}`,
      { type: 'function', function: 'next', ...(at + 1 < count ? { next: `s${at + 1}` } : last) },
    ]),
  )

it('executions go on in run after run, and are seen as one', { timeout: 180_000 }, async () => {
  // a server that suggests to continue as new after 50 events, and hands activities out with the answers to workflow tasks
  const services = await startServices(['temporal'], {
    own: true,
    options: {
      temporal: { dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': 50, 'system.enableActivityEagerExecution': true } },
    },
  })
  let delivered = 0
  const engine: Engine = await createEngine({
    engine: 'temporal',
    store: await newDatabase(),
    temporal: { address: services.addresses.temporal, taskQueue: 'continued' },
    functions: {
      next: ({ n }) => {
        delivered += 1
        return { n: n + 1 }
      },
      ask: () => null,
      flaky: (_event, context) => {
        if (context.attempt < 3) throw new Error('again')
        return { attempt: context.attempt }
      },
    },
    onCallback: ({ token }) => setTimeout(() => void engine.callback(token, { status: 'succeeded', output: 'yes' }), 1000),
  })
  try {
    const { client } = (
      (await (engine as unknown as { durableHost(): Promise<unknown> }).durableHost()) as {
        cluster: { client: import('@temporalio/client').Client }
      }
    ).cluster
    const runsOf = async (id: string): Promise<number> => {
      let runs = 0
      for await (const info of client.workflow.list({ query: `WorkflowId = '${id}'` })) runs += info.runId === '' ? 0 : 1
      return runs
    }

    await engine.deploy({
      flow: 'kid',
      start: 'w',
      nodes: { w: { type: 'wait', seconds: 2, next: 'f' }, f: { type: 'function', function: 'next', params: { n: 1 } } },
    })
    await engine.deploy({ flow: 'long', start: 's0', nodes: sequence(60) })
    const long = await engine.start('long', { input: { n: 0 } })
    const events: ExecutionEvent[] = []
    for await (const event of engine.events(long.id)) events.push(event)
    expect(await long.result()).toEqual({ n: 60 })
    expect(delivered).toBe(60)
    expect(await runsOf(long.id)).toBeGreaterThan(5)
    // followed over all of its runs: every node ended once, in order
    const ended = events.flatMap((event) => (event.type === 'node' && event.node.status === 'succeeded' ? [event.node.id] : []))
    expect(ended).toEqual(Object.keys(sequence(60)))
    expect(events.map(({ id }) => id)).toEqual([...events.map(({ id }) => id)].sort((a, b) => a - b))
    expect((await engine.nodes(long.id)).map(({ status }) => status)).toEqual(Array(60).fill('succeeded'))
    const { startedAt, endedAt } = await engine.describe(long.id)
    expect(endedAt).toBeGreaterThan(startedAt)

    await engine.deploy({
      flow: 'loop',
      start: 'each',
      nodes: {
        each: {
          type: 'loop',
          items: '$.items',
          concurrency: 10,
          nodes: { f: { type: 'function', function: 'next', params: { n: '$.item' } } },
        },
      },
    })
    const items = Array.from({ length: 100 }, (_, at) => at)
    delivered = 0
    const loop = await engine.start('loop', { input: { items } })
    expect(await loop.result()).toEqual({ result: items.map((n) => ({ n: n + 1 })) })
    expect(delivered).toBe(100)
    expect(await runsOf(loop.id)).toBeGreaterThan(2)

    // a callback and a retry wait while another branch makes history; a child that is waited for keeps the run as it is
    await engine.deploy({
      flow: 'all',
      start: 'fork',
      nodes: {
        fork: { type: 'parallel', branches: ['s0', 'ask', 'flaky'] },
        child: { type: 'subflow', flow: 'kid' },
        ...sequence(40, { next: 'join' }),
        ask: { type: 'callback', function: 'ask', next: 'join' },
        flaky: { type: 'function', function: 'flaky', onError: 'again', next: 'join' },
        again: { type: 'error', retry: { interval: 1 } },
        join: { type: 'pass', next: 'child' },
      },
    })
    const all = await engine.start('all', { input: { n: 0 } })
    expect(await all.result()).toEqual({ n: 2 })
    expect(await runsOf(all.id)).toBeGreaterThan(1)
    expect(await engine.nodes(all.id)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: 'flaky', attempts: 3, status: 'succeeded' }),
        expect.objectContaining({ id: 'join', output: { result: [{ n: 40 }, 'yes', { attempt: 3 }] } }),
      ]),
    )
  } finally {
    await engine.close()
    await services.stop()
  }
})
