import { expect } from 'vitest'
import type { Bench } from './bench.ts'
import type { Stage } from './stage.ts'

export function ids(bench: Bench): void {
  bench.alone('an id that exists is that execution: standard and express, 50 at once, in another flow, over a crash', async (l) => {
    await l.deploy(
      { flow: l.name('std'), start: 'e', nodes: { e: l.fn('echo') } },
      { flow: l.name('hold'), start: 'e', nodes: { e: l.fn('held') } },
      { flow: l.name('ex'), mode: 'express', start: 'e', nodes: { e: l.fn('echo') } },
    )
    const [same, ex1] = [l.name('same'), l.name('ex1')]
    const starts = await Promise.all(Array.from({ length: 50 }, (_, n) => l.start('std', { id: same, input: { n } })))
    const first = await starts[0]!.result()
    if (l.subject.startsInOrder) expect(first).toEqual({ n: 0 })
    expect(await Promise.all(starts.map((execution) => execution.result()))).toEqual(starts.map(() => first))
    expect(l.calls.of('echo').map(({ event }) => event as unknown)).toEqual([first])
    const express = await Promise.all(Array.from({ length: 50 }, (_, n) => l.start('ex', { id: ex1, input: { n } })))
    const firstExpress = await express[0]!.result()
    if (l.subject.startsInOrder) expect(firstExpress).toEqual({ n: 0 })
    expect(await Promise.all(express.map((execution) => execution.result()))).toEqual(express.map(() => firstExpress))
    expect(await l.engine.run(l.name('ex'), { id: ex1, input: 'other' })).toEqual(firstExpress)
    const other = await l.start('hold', { id: same })
    expect([other.flow, await other.result()]).toEqual([l.name('std'), first])
    await l.interrupt()
    expect(await (await l.start('std', { id: same, input: 7 })).result()).toEqual(first)
    expect(l.calls.of('echo')).toHaveLength(2)
    await l.shows(async () => expect(await l.statuses('std')).toEqual(['succeeded']))
  })

  bench.it('a start with the id of one that runs is that one, whatever flow and input it names', async (l) => {
    await l.deploy(
      { flow: l.name('hold'), start: 'h', nodes: { h: l.fn('held') } },
      { flow: l.name('other'), start: 'e', nodes: { e: l.fn('echo') } },
    )
    const id = l.name('runs')
    const one = await l.start('hold', { id, input: { n: 1 } })
    const call = await l.calls.called('held')
    const two = await l.start('hold', { id, input: { n: 2 } })
    const three = await l.start('other', { id, input: { n: 3 }, trigger: { type: 'late' } })
    expect([one, two, three].map((execution) => [execution.id, execution.flow])).toEqual([1, 2, 3].map(() => [id, l.name('hold')]))
    expect(await three.describe()).toMatchObject({ id, flow: l.name('hold'), status: 'running', input: { n: 1 } })
    expect(await three.describe()).not.toHaveProperty('trigger')
    call.resolve('held')
    expect(await Promise.all([one, two, three].map((execution) => execution.result()))).toEqual(['held', 'held', 'held'])
    expect(await l.engine.run(l.name('other'), { id })).toBe('held')
    expect(await (await l.engine.execution(id)).result()).toBe('held')
    expect([l.calls.of('held').length, l.calls.of('echo').length]).toEqual([1, 0])
  })

  bench.it('an id may have 1 to 128 characters, of which some mean something elsewhere', async (l) => {
    await l.deploy({ flow: l.name('std'), start: 'e', nodes: { e: l.fn('echo', { params: { id: '$$.execution.id' } }) } })
    const long = `${l.name('x')}.${'y'.repeat(128)}`.slice(0, 128)
    for (const id of [long, `..${l.name('')}`, `-${l.name('')}`, l.name('CON'), l.name('__proto__'), l.name('%s').replace('%', '_')]) {
      const execution = await l.start('std', { id, input: id.length })
      expect(await execution.result()).toEqual({ id })
      expect(await l.engine.describe(id)).toMatchObject({ id, flow: l.name('std'), input: id.length, output: { id } })
      expect(await l.engine.nodes(id)).toMatchObject([{ place: 'e', status: 'succeeded' }])
    }
    // an id of the engine's own
    const made = await l.start('std')
    expect(made.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(await made.result()).toEqual({ id: made.id })
  })

  bench.it('an id that no execution can have is one that is not there', async (l) => {
    for (const id of ['', 'nobody', 'a b', 'x'.repeat(129), 'x'.repeat(5000), '../x', 'ä', "it's", 'x~lane', 'x\0y', '\ud800'])
      await isNobody(l, id)
  })

  bench.it('an id that is no text is one that is not there', (l) => isNobody(l, undefined as never))
}

async function isNobody({ engine }: Stage, id: string): Promise<void> {
  const calls: [string, () => Promise<unknown>][] = [
    ['describe', () => engine.describe(id)],
    ['execution', () => engine.execution(id)],
    ['result', () => engine.result(id)],
    ['nodes', () => engine.nodes(id)],
    ['logs', () => engine.logs(id)],
    ['stop', () => engine.stop(id)],
    ['retry', () => engine.retry(id)],
    ['rerun', () => engine.rerun(id)],
    ['events', () => engine.events(id)[Symbol.asyncIterator]().next()],
  ]
  for (const [what, call] of calls) {
    const outcome = await call().then(
      () => 'an answer',
      (error: unknown) => error,
    )
    expect(outcome, `${what} ${String(id).slice(0, 20)}`).toMatchObject({ name: 'EngineError', code: 'execution-not-found' })
  }
}
