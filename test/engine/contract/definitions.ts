import { expect } from 'vitest'
import { rejection } from '../calls.ts'
import type { Bench } from './bench.ts'

export function definitions(bench: Bench): void {
  bench.it('what is no flow is refused with diagnostics', async (l) => {
    const thrower = {
      get flow(): string {
        throw new Error('hostile')
      },
    }
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('hostile')
        },
      },
    )
    const cyclic: Record<string, unknown> = { flow: 'c', start: 'a' }
    cyclic['nodes'] = cyclic
    for (const bad of [
      undefined,
      null,
      7,
      '',
      'flow: [',
      '{}',
      [],
      new Uint8Array([0xff, 0xfe, 0]),
      { flow: 'x' },
      thrower,
      proxy,
      cyclic,
      { flow: 1n },
      () => 1,
    ])
      expect(await rejection(l.engine.deploy(bad as never))).toMatchObject({
        name: 'FlowInvalid',
        code: 'flow-invalid',
        diagnostics: expect.arrayContaining([expect.objectContaining({ severity: 'error' })]),
      })
  })

  bench.it('all diagnostics come at once, with their positions, and nothing of a refused flow is kept', async (l) => {
    const text = [
      `flow: ${l.name('bad')}`,
      'start: nowhere',
      'nodes:',
      '  a: { type: pass, next: b }',
      '  a2: { type: wait, seconds: [] }',
    ].join('\n')
    const refused = await l.engine.deploy(text).catch((error: unknown) => error)
    expect(refused).toMatchObject({ name: 'FlowInvalid', status: 422, message: expect.stringContaining(l.name('bad')) })
    const { diagnostics } = refused as { diagnostics: { rule: string; line: number }[] }
    expect(diagnostics.map(({ rule, line }) => `${rule} ${line}`).sort()).toEqual(['schema 5', 'unknown-node 2', 'unknown-node 4'])
    expect(await rejection(l.start('bad'))).toMatchObject({ code: 'flow-not-found' })

    await l.deploy({ flow: l.name('bad'), start: 'a', nodes: { a: { type: 'pass', params: { n: 1 } } } })
    expect(await rejection(l.engine.deploy(text))).toMatchObject({ code: 'flow-invalid' })
    expect(await l.engine.run(l.name('bad'))).toEqual({ n: 1 })
  })

  bench.it('what is not known here is a warning: it may come later', async (l) => {
    const { flow, hash, plan, warnings } = await l.engine.deploy({
      flow: l.name('early'),
      start: 'f',
      nodes: {
        f: l.fn('gone', { next: 's' }),
        s: { type: 'subflow', flow: l.name('late'), next: 'e' },
        e: { type: 'event', channel: 'nowhere' },
      },
    })
    expect([flow, plan.flow, typeof hash]).toEqual([l.name('early'), l.name('early'), 'string'])
    expect(warnings.map(({ rule, severity }) => `${rule} ${severity}`).sort()).toEqual([
      'unknown-channel warning',
      'unknown-flow warning',
      'unknown-function warning',
    ])
    expect(await rejection(l.engine.run(l.name('early')))).toMatchObject({ error: { status: 435, errorType: 'FunctionNotFound' } })
  })

  bench.it('a flow may be called like the members that every object has', async (l) => {
    const names = Object.getOwnPropertyNames(Object.prototype).filter((name) => /^[a-z]/i.test(name))
    expect(names).toContain('constructor')
    for (const flow of [...names, 'default', 'then', 'prototype']) {
      await l.engine.deploy({ flow, start: 'p', nodes: { p: { type: 'pass', params: { of: '$.flow' } } } })
      expect(await l.engine.run(flow, { input: { flow } }), flow).toEqual({ of: flow })
    }
  })

  bench.alone('a new definition does not change what runs, over a crash too; who starts then has the new one', async (l) => {
    const flow = (n: number): object => ({
      flow: l.name('changing'),
      start: 'w',
      nodes: { w: { type: 'wait', seconds: 0.3, next: 'p' }, p: { type: 'pass', params: { n } } },
    })
    const one = await l.engine.deploy(flow(1))
    const old = await l.start('changing')
    const two = await l.engine.deploy(JSON.stringify(flow(2)))
    expect(two.hash).not.toBe(one.hash)
    expect((await l.engine.deploy(flow(1))).hash).toBe(one.hash)
    await l.engine.deploy(flow(2))
    await l.interrupt()
    expect(await l.engine.result(old.id)).toEqual({ n: 1 })
    expect(await l.engine.run(l.name('changing'))).toEqual({ n: 2 })
    expect(await l.engine.run(`${l.name('changing')}:latest`)).toEqual({ n: 2 })
  })

  bench.it('one that runs goes on with its nodes, though the new definition has none of them', async (l) => {
    await l.deploy({ flow: l.name('f'), start: 'h', nodes: { h: l.fn('held', { next: 'p' }), p: { type: 'pass', params: { old: '$' } } } })
    const old = await l.start('f')
    const call = await l.calls.called('held')
    await l.deploy({ flow: l.name('f'), start: 'q', nodes: { q: { type: 'pass', params: { new: '$' } } } })
    expect(await l.engine.run(l.name('f'), { input: 1 })).toEqual({ new: 1 })
    call.resolve(2)
    expect(await old.result()).toEqual({ old: 2 })
    expect((await l.engine.nodes(old.id)).map(({ place }) => place)).toEqual(['h', 'p'])
  })

  if (bench.subject.alsoOpen === undefined) return
  bench.alone('two engines see at once what the other deploys, starts and answers', async (l) => {
    const flow = (n: number): object => ({ flow: l.name('n'), start: 'p', nodes: { p: { type: 'pass', params: { n } } } })
    const asking = {
      flow: l.name('ask'),
      start: 'a',
      nodes: { a: l.ask('echo', { next: 's' }), s: { type: 'subflow', flow: l.name('n') } },
    }
    const also = await l.also()
    await also.deploy(asking)
    for (let n = 0; n < 10; n += 2) {
      await l.engine.deploy(flow(n))
      expect(await also.run(l.name('n'))).toEqual({ n })
      await also.deploy(flow(n + 1))
      expect(await l.engine.run(l.name('n'))).toEqual({ n: n + 1 })
    }
    const execution = await also.start(l.name('ask'), { input: 1 })
    const { token } = await l.waiting()
    await l.engine.deploy(flow(100))
    expect(await l.engine.describe(execution.id)).toEqual(await also.describe(execution.id))
    expect(await l.engine.nodes(execution.id)).toEqual(await also.nodes(execution.id))
    await also.callback(token, { status: 'succeeded' })
    expect(await rejection(l.engine.callback(token, { status: 'succeeded' }))).toMatchObject({ code: 'callback-already-used' })
    expect(await l.engine.result(execution.id)).toEqual({ n: 100 })
    expect(await execution.result()).toEqual({ n: 100 })
    await also.close()
    expect(await rejection(execution.result())).toMatchObject({ code: 'engine-closed' })
    expect(await l.engine.result(execution.id)).toEqual({ n: 100 })
  })
}
