import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ClusterWatch } from '../../cli/cluster-watch.ts'
import type { Engine, ExecutionEvent, ExecutionRecord } from '../../engine/api.ts'
import { EngineError } from '../../engine/errors.ts'

/** Executions on a cluster that is not there. */
class FakeEngine {
  readonly problems = new Map<string, readonly string[]>()
  readonly ended = new Set<string>()
  readonly children = new Map<string, readonly string[]>()
  readonly callbacks = new Map<string, ExecutionEvent>()
  down: Error | null = null
  looks = 0

  async describe(id: string): Promise<Partial<ExecutionRecord>> {
    this.looks += 1
    if (this.down !== null) throw this.down
    return { id, status: this.ended.has(id) ? 'succeeded' : 'running', problems: this.problems.get(id) ?? [] }
  }

  async list({ parent = '' }: { readonly parent?: string }): Promise<{ items: Partial<ExecutionRecord>[] }> {
    return { items: (this.children.get(parent) ?? []).map((id) => ({ id, flow: `flow of ${id}` })) }
  }

  async *events(id: string): AsyncGenerator<ExecutionEvent> {
    const event = this.callbacks.get(id)
    if (event !== undefined) yield event
  }
}

let engine: FakeEngine
let told: string[]
let called: unknown[]
let watch: ClusterWatch
beforeEach(() => {
  vi.useFakeTimers()
  engine = new FakeEngine()
  told = []
  called = []
  watch = new ClusterWatch(engine as unknown as Engine, { tell: (text) => told.push(text), callback: (info) => called.push(info) })
})
afterEach(() => {
  watch.stop()
  vi.useRealTimers()
})

const looking = (times: number): Promise<unknown> => vi.advanceTimersByTimeAsync(times * 5000)

describe('a watch over executions', () => {
  it('tells each problem once, whatever it counts', async () => {
    watch.add('a', 'orders', false)
    engine.problems.set('a', ['nobody polls q', 'x: attempt 2 to deliver it'])
    await looking(1)
    expect(told).toEqual(['orders: nobody polls q', 'orders: x: attempt 2 to deliver it'])
    engine.problems.set('a', ['nobody polls q', 'x: attempt 3 to deliver it', 'nobody polls r'])
    await looking(3)
    expect(told.slice(2)).toEqual(['orders: nobody polls r'])
  })

  it('looks after children and theirs, and tells of callbacks that wait there', async () => {
    engine.children.set('a', ['b'])
    engine.children.set('b', ['c'])
    engine.problems.set('c', ['nobody polls q'])
    engine.callbacks.set('b', { id: 1, type: 'callback', execution: 'b', node: 'ask', token: 't', url: 'u' })
    watch.add('a', 'orders', false)
    await looking(3)
    expect(told).toEqual(['flow of c: nobody polls q'])
    expect(called).toEqual([expect.objectContaining({ execution: 'b', flow: 'flow of b', node: 'ask', token: 't', url: 'u' })])
  })

  it('leaves what has ended', async () => {
    watch.add('a', 'orders', false)
    engine.ended.add('a')
    await looking(5)
    expect(engine.looks).toBe(1)
  })

  it('says once that the cluster does not answer, and when it does again', async () => {
    watch.add('a', 'orders', false)
    engine.down = new EngineError('temporal-unavailable', 'no server')
    await looking(3)
    expect(told).toEqual(['the execution cannot be looked at now, the command goes on waiting: no server'])
    engine.down = null
    await looking(2)
    expect(told.slice(1)).toEqual(['Temporal and PostgreSQL answer again'])
  })

  it('says nothing of what passes, and nothing after its end', async () => {
    watch.add('a', 'orders', false)
    engine.down = new EngineError('execution-not-found', 'no execution a')
    await looking(2)
    watch.stop()
    engine.down = new EngineError('temporal-unavailable', 'no server')
    await looking(2)
    expect({ told, looks: engine.looks }).toEqual({ told: [], looks: 2 })
  })
})
