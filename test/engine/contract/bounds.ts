import { expect } from 'vitest'
import { rejection } from '../calls.ts'
import { ExecutionFailed, type Json } from '../../../engine/index.ts'
import type { Bench } from './bench.ts'

/** A chain of nodes n0, n1, ...; the last has no `next`. */
function chain(count: number, node: (at: number) => object): Record<string, object> {
  const nodes: Record<string, object> = {}
  for (let at = 0; at < count; at++) nodes[`n${at}`] = { ...node(at), ...(at < count - 1 ? { next: `n${at + 1}` } : {}) }
  return nodes
}

const FLOWS: readonly (readonly [string, object])[] = [
  ['pass', { start: 'n0', nodes: chain(40, () => ({ type: 'pass', params: { a: '$', b: '$' } })) }],
  [
    'parallel',
    {
      start: 'n0',
      nodes: Object.fromEntries(
        Array.from({ length: 40 }, (_, at) => [
          [`n${at}`, { type: 'parallel', branches: [`x${at}`, `y${at}`] }],
          [`x${at}`, { type: 'pass', next: `n${at + 1}` }],
          [`y${at}`, { type: 'pass', next: `n${at + 1}` }],
        ])
          .flat()
          .concat([['n40', { type: 'pass' }]] as never),
      ),
    },
  ],
  ['filters', { start: 'n0', nodes: chain(40, () => ({ type: 'pass', input: "$['a','a']", output: '$', params: { a: '$', b: 1 } })) }],
  ['context', { start: 'n0', nodes: chain(60, () => ({ type: 'pass', output: '$$' })) }],
  [
    'compare',
    {
      start: 'n0',
      nodes: {
        ...chain(40, () => ({ type: 'pass', params: { a: '$', b: '$' } })),
        n39: {
          type: 'condition',
          branches: [
            { when: '$.a == $.b', next: 'e' },
            { default: true, next: 'e' },
          ],
        },
        e: { type: 'pass' },
      },
    },
  ],
  [
    'event',
    {
      start: 'n0',
      nodes: {
        ...chain(23, () => ({ type: 'pass', params: { a: '$', b: '$' } })),
        n22: { type: 'event', channel: 'log', data: Array(20).fill('$') },
      },
    },
  ],
  ['deep', { start: 'n0', nodes: chain(1500, () => ({ type: 'pass', params: { a: '$' } })) }],
]

export function bounds(bench: Bench): void {
  for (const [name, flow] of FLOWS) {
    if (!bench.subject.computesLong && !['context', 'deep'].includes(name)) continue
    bench.it(`data that grows out of nothing is refused instead of filling the memory: ${name}`, async (l) => {
      for (const mode of name === 'pass' ? ['express', 'standard'] : ['standard']) {
        const own = l.name(`${name}-${mode}`)
        await l.deploy({ flow: own, mode, ...flow })
        const began = Date.now()
        const error = await l.engine.run(own, { id: own, input: { a: { a: 'text' }, b: 2 } }).catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(ExecutionFailed)
        expect((error as ExecutionFailed).error).toMatchObject(
          name === 'deep' ? { status: 407, errorType: 'PayloadTooDeep' } : { status: 406, errorType: 'PayloadTooLarge' },
        )
        if (l.subject.answersInOrder) expect(Date.now() - began).toBeLessThan(5000)
      }
      // the records can be looked at, and the execution retried
      const records = await l.engine.nodes(l.name(`${name}-standard`))
      expect(records.filter(({ status }) => status === 'failed')).toHaveLength(1)
    })
  }

  bench.it('what is large by right is not refused: 100 bodies of 500 KiB side by side, results of 512 levels in a loop', async (l) => {
    let deep: Json = 1
    for (let at = 0; at < 511; at++) deep = [deep]
    await l.deploy(
      {
        flow: l.name('big'),
        mode: 'express',
        start: 'each',
        nodes: { each: { type: 'loop', items: '$', nodes: { n: l.fn('echo', { params: { text: '$.item' } }) } } },
      },
      {
        flow: l.name('wide'),
        mode: 'express',
        start: 'each',
        nodes: { each: { type: 'loop', items: '$.list', nodes: { n: { type: 'pass', params: { text: '$.text' } } } } },
      },
    )
    const output = (await l.engine.run(l.name('big'), { input: [deep] })) as { result: { text: Json }[] }
    expect(JSON.stringify(output.result[0]!.text)).toBe(JSON.stringify(deep))
    const input = { list: Array.from({ length: 100 }, () => 1), text: 'x'.repeat(500_000) }
    const wide = (await l.engine.run(l.name('wide'), { input })) as { result: Json[] }
    expect(wide.result).toHaveLength(100)
  })

  bench.it('long paths, and long runs of what takes no time, do not grow the stack', async (l) => {
    await l.deploy({ flow: l.name('chain'), mode: 'express', start: 'n0', nodes: chain(10_000, () => ({ type: 'pass' })) })
    expect(await l.engine.run(l.name('chain'), { input: 1 })).toBe(1)
    const condition = (at: number): object => ({
      type: 'condition',
      branches: [
        { when: '$ == 2', next: `n${at + 1}` },
        { default: true, next: `n${at + 1}` },
      ],
    })
    const conditions = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`n${at}`, condition(at)]))
    await l.deploy({ flow: l.name('conditions'), start: 'n0', nodes: { ...conditions, n3000: { type: 'pass' } } })
    const execution = await l.start('conditions', { input: 1 })
    expect(await execution.result()).toBe(1)
    expect(await l.engine.nodes(execution.id)).toHaveLength(3001)
    const nested = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`p${at}`, { type: 'parallel', branches: [`p${at + 1}`] }]))
    await l.deploy({ flow: l.name('nested'), start: 'p0', nodes: { ...nested, p300: { type: 'pass' } } })
    expect(JSON.stringify(await l.engine.run(l.name('nested'), { input: 1 })).length).toBeGreaterThan(300)
  })

  bench.it('a path that explodes fails its node, wherever it stands', async (l) => {
    const exploding = `$[${Array(900).fill("'a'").join()}][*]`
    const wide = { a: Array(4000).fill(0) as number[] }
    const kinds: Record<string, object> = {
      function: l.fn('echo', { params: { x: exploding } }),
      callback: l.ask('echo', { params: { x: exploding } }),
      event: { type: 'event', channel: 'log', data: { x: exploding } },
      subflow: { type: 'subflow', flow: l.name('kid'), params: { x: exploding } },
      pass: { type: 'pass', params: { x: exploding } },
    }
    await l.deploy({ flow: l.name('kid'), start: 'p', nodes: { p: { type: 'pass' } } })
    for (const mode of ['express', 'standard']) {
      for (const [kind, node] of Object.entries(kinds)) {
        await l.deploy({ flow: l.name(`explode-${kind}-${mode}`), mode, start: 'n', nodes: { n: node } })
        const execution = await l.start(`explode-${kind}-${mode}`, { input: wide })
        expect(await rejection(execution.result()), `${kind} ${mode}`).toMatchObject({
          error: { errorType: expect.stringMatching(/^(?:PathTooCostly|PayloadTooLarge)$/) as unknown },
        })
        if (mode === 'standard') expect(await l.engine.nodes(execution.id)).toMatchObject([{ status: 'failed' }])
      }
    }
  })

  bench.it('node ids and names that objects inherit are names like others', async (l) => {
    const nodes = `{"constructor":{"type":"function","function":"${l.ref('echo')}","params":{"x":1},"next":"valueOf"},"valueOf":{"type":"pass","params":{"y":"$$.nodes.constructor.output.x"},"next":"toString"},"toString":{"type":"loop","items":"$.list","input":"$$.execution.input","resultPath":"__proto__","as":"valueOf","nodes":{"hasOwnProperty":{"type":"pass","params":{"v":"$.valueOf"}}}}}`
    await l.deploy({ flow: l.name('names'), start: 'constructor', nodes: JSON.parse(nodes) as object })
    const id = l.name('names')
    const output = (await l.engine.run(l.name('names'), { id, input: { list: [1] } })) as object
    expect(JSON.stringify(output)).toBe('{"__proto__":[{"v":1}]}')
    expect((await l.engine.nodes(id)).map((record) => `${record.id} ${record.status}`)).toEqual([
      'constructor succeeded',
      'valueOf succeeded',
      'toString succeeded',
    ])
    const again = await l.engine.rerun(id, { from: 'valueOf', dryRun: true })
    expect(again.kept).toEqual([{ node: 'constructor' }])
  })
}
