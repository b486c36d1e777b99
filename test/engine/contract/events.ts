import { expect } from 'vitest'
import type { ExecutionEvent } from '../../../engine/index.ts'
import { pause, until, rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

async function collect(events: AsyncIterable<ExecutionEvent>, into: ExecutionEvent[] = []): Promise<ExecutionEvent[]> {
  for await (const event of events) into.push(event)
  return into
}
const told = (events: readonly ExecutionEvent[]): string[] =>
  events.map((event) =>
    event.type === 'node' ? `${event.node.place} ${event.node.status}` : event.type === 'execution' ? event.execution.status : event.type,
  )
// what runs so briefly that it has ended when it is told of is told once
const lasting = (events: readonly ExecutionEvent[]): string[] => told(events).filter((line) => !line.endsWith(' running'))

export function events(bench: Bench): void {
  bench.it('the state so far, then every change, then the end; `after` leaves out what was seen', async (l) => {
    await l.deploy({
      flow: l.name('ev'),
      start: 'one',
      nodes: {
        one: l.fn('a', { next: 'ask' }),
        ask: l.ask('echo', { next: 'w' }),
        w: { type: 'wait', seconds: 0.4, next: 'last' },
        last: l.fn('b'),
      },
    })
    const id = l.name('ev')
    await l.start('ev', { id })
    const seen: ExecutionEvent[] = []
    const all = collect(l.engine.events(id), seen)
    await l.waiting()
    await until(() => seen.some(({ type }) => type === 'callback'), 'its event')
    const middle = collect(l.engine.events(id))
    const aborting = new AbortController()
    const before: ExecutionEvent[] = []
    const aborted = collect(l.engine.events(id, { signal: aborting.signal }), before)
    await until(() => before.length >= 3, 'the state so far')
    await pause(10)
    aborting.abort()
    expect(told(await aborted)).toEqual(['one succeeded', 'ask waiting', 'callback'])
    const { token, ...callback } = seen.find((event) => event.type === 'callback') as ExecutionEvent & { type: 'callback' }
    expect(l.callbacks).toEqual([{ execution: id, flow: l.name('ev'), node: 'ask', token, url: callback.url }])
    expect(callback).toMatchObject({ execution: id, node: 'ask', url: expect.stringContaining(token) })
    await l.engine.callback(token, { status: 'succeeded', output: 1 })
    await all
    expect(lasting(seen)).toEqual([
      'one succeeded',
      'ask waiting',
      'callback',
      'ask succeeded',
      'w waiting',
      'w succeeded',
      'last succeeded',
      'succeeded',
    ])
    expect(seen.map((event) => event.id)).toEqual([...seen.map((event) => event.id)].sort((a, b) => a - b))
    expect(lasting(await middle)).toEqual(lasting(seen))

    // of an ended execution: its state, or what came after a position
    const whole = await collect(l.engine.events(id))
    expect(told(whole)).toEqual(['one succeeded', 'ask succeeded', 'w succeeded', 'last succeeded', 'succeeded'])
    expect(whole.at(-1)).toMatchObject({ execution: await l.engine.describe(id) })
    const waiting = seen.find((event) => event.type === 'callback')!.id
    expect(told(await collect(l.engine.events(id, { after: waiting })))).toEqual([
      'ask succeeded',
      'w succeeded',
      'last succeeded',
      'succeeded',
    ])
    expect(told(await collect(l.engine.events(id, { after: 0 })))).toEqual(told(whole))
    expect(told(await collect(l.engine.events(id, { after: whole.at(-1)!.id })))).toEqual(['succeeded'])
    expect(told(await collect(l.engine.events(id, { after: 999 })))).toEqual(told(whole))
    expect(await rejection(collect(l.engine.events('nobody')))).toMatchObject({ code: 'execution-not-found' })
    expect(await rejection(collect(l.engine.events(id, { after: 1.5 })))).toMatchObject({ code: 'bad-option' })
  })

  bench.it('after a position of one that runs: what came behind it, and from an unknown one the whole state', async (l) => {
    await l.deploy({
      flow: l.name('ev'),
      start: 'one',
      nodes: { one: l.fn('a', { next: 'two' }), two: l.fn('b', { next: 'h' }), h: l.fn('held', { next: 'end' }), end: { type: 'end' } },
    })
    const id = l.name('ev')
    await l.start('ev', { id })
    const seen: ExecutionEvent[] = []
    const all = collect(l.engine.events(id), seen)
    const call = await l.calls.called('held')
    await until(() => told(seen).includes('h running'), 'it runs')
    const position = seen.at(-1)!.id
    const [rest, unknown]: ExecutionEvent[][] = [[], []]
    const both = [collect(l.engine.events(id, { after: position }), rest!), collect(l.engine.events(id, { after: 999 }), unknown!)]
    await until(() => unknown!.length >= 3, 'the whole state')
    call.resolve(1)
    await Promise.all([all, ...both])
    expect(told(rest!)).toEqual(['h succeeded', 'end succeeded', 'succeeded'])
    expect(lasting(unknown!)).toEqual(['one succeeded', 'two succeeded', 'h succeeded', 'end succeeded', 'succeeded'])
    expect(lasting(seen)).toEqual(lasting(unknown!))
  })

  bench.it('a slow consumer misses no node and no end, and holds up nobody', async (l) => {
    const items = l.subject.answersInOrder ? 300 : 40
    await l.deploy({
      flow: l.name('busy'),
      start: 'each',
      nodes: { each: { type: 'loop', items: '$', concurrency: 1, nodes: { n: l.fn('a') }, next: 'end' }, end: { type: 'end' } },
    })
    const id = l.name('busy')
    await l.start('busy', { id, input: Array.from({ length: items }, (_, at) => at) })
    const seen: ExecutionEvent[] = []
    for await (const event of l.engine.events(id)) {
      seen.push(event)
      // ten iterations later
      await until(() => l.calls.of('a').length >= Math.min(items, seen.length * 10), 'the loop goes on')
    }
    expect(seen.length).toBeLessThan(items / 3)
    const loops = seen.flatMap((event) => (event.type === 'node' && event.node.place === 'each' ? [event.node] : []))
    expect(loops.at(-1)).toMatchObject({ status: 'succeeded', iterations: { total: items, succeeded: items, running: 0 } })
    expect(told(seen.slice(-2))).toEqual(['end succeeded', 'succeeded'])
  })

  bench.it('a stop, a failure and a retried callback are told of as they happen', async (l) => {
    await l.deploy({
      flow: l.name('ev'),
      start: 'ask',
      nodes: { ask: l.ask('echo', { onError: 'x' }), x: { type: 'error', retry: { interval: 1, max: 1 } } },
    })
    const execution = await l.start('ev')
    const all = collect(l.engine.events(execution.id))
    for (const attempt of [1, 2]) {
      const { token } = await l.waiting(attempt)
      await l.reached(execution.id, 'ask', 'waiting')
      await l.engine.callback(token, { status: 'failed', error: { errorType: 'No' } })
    }
    const seen = await all
    expect(lasting(seen)).toEqual(['ask waiting', 'callback', 'ask retrying', 'ask waiting', 'callback', 'ask failed', 'failed'])
    const tokens = seen.flatMap((event) => (event.type === 'callback' ? [event.token] : []))
    expect(tokens).toEqual(l.callbacks.map(({ token }) => token))
    expect(new Set(tokens).size).toBe(2)
    expect(seen.at(-1)).toMatchObject({ type: 'execution', execution: { status: 'failed', error: { errorType: 'No' } } })

    await l.deploy({ flow: l.name('hold'), start: 'h', nodes: { h: l.fn('held') } })
    const held = await l.start('hold')
    await l.calls.called('held')
    const followed = collect(l.engine.events(held.id))
    await held.stop()
    expect(lasting(await followed)).toEqual(['h cancelled', 'cancelled'])
  })

  bench.it('nobody follows, and then nobody waits: streams that are left are left', async (l) => {
    await l.deploy({ flow: l.name('hold'), start: 'h', nodes: { h: l.fn('held') } })
    const execution = await l.start('hold')
    const call = await l.calls.called('held')
    for (let at = 0; at < 5; at++) for await (const event of l.engine.events(execution.id)) if (event.type === 'node') break
    const gone = new AbortController()
    gone.abort()
    expect(await collect(l.engine.events(execution.id, { signal: gone.signal }))).toEqual([])
    call.resolve(1)
    expect(await execution.result()).toBe(1)
  })
}
