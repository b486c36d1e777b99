import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Json } from '../../dsl/json.ts'
import { ExecutionFailed } from '../../engine/errors.ts'
import { Lab } from './lab.ts'

const fn = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })

/** A chain of nodes n0, n1, ...; the last has no `next`. */
function chain(count: number, node: (at: number) => object): Record<string, object> {
  const nodes: Record<string, object> = {}
  for (let at = 0; at < count; at++) nodes[`n${at}`] = { ...node(at), ...(at < count - 1 ? { next: `n${at + 1}` } : {}) }
  return nodes
}

const doubling = chain(40, () => ({ type: 'pass', params: { a: '$', b: '$' } }))
const FLOWS: [string, object][] = [
  ['pass', { start: 'n0', nodes: doubling }],
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

let l: Lab
beforeAll(async () => {
  l = await Lab.open([], { channels: { log: { kind: 'log' } } })
})
afterAll(() => l.end())

it.for(FLOWS)('data that grows out of nothing is refused instead of filling the memory: %s', async ([name, flow]) => {
  for (const mode of name === 'pass' ? ['express', 'standard'] : ['standard']) {
    await l.engine.deploy({ flow: `${name}-${mode}`, mode, ...flow })
    const began = Date.now()
    const error = await l.engine
      .run(`${name}-${mode}`, { id: `${name}-${mode}`, input: { a: { a: 'text' }, b: 2 } })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ExecutionFailed)
    expect((error as ExecutionFailed).error).toMatchObject(
      name === 'deep' ? { status: 407, errorType: 'PayloadTooDeep' } : { status: 406, errorType: 'PayloadTooLarge' },
    )
    expect(Date.now() - began).toBeLessThan(5000)
  }
  // the records can be looked at, and the execution retried
  const records = await l.engine.nodes(`${name}-standard`)
  expect(records.filter(({ status }) => status === 'failed')).toHaveLength(1)
})

it('what is large by right is not refused: 100 bodies of 500 KiB side by side, results of 512 levels in a loop', async () => {
  let deep: Json = 1
  for (let at = 0; at < 511; at++) deep = [deep]
  await l.engine.deploy({
    flow: 'big',
    mode: 'express',
    start: 'each',
    nodes: { each: { type: 'loop', items: '$', nodes: { n: fn('echo', { params: { text: '$.item' } }) } } },
  })
  const output = (await l.engine.run('big', { input: [deep] })) as { result: { text: Json }[] }
  expect(JSON.stringify(output.result[0]!.text)).toBe(JSON.stringify(deep))
  await l.engine.deploy({
    flow: 'wide',
    mode: 'express',
    start: 'each',
    nodes: { each: { type: 'loop', items: '$.list', nodes: { n: { type: 'pass', params: { text: '$.text' } } } } },
  })
  const wide = (await l.engine.run('wide', { input: { list: Array.from({ length: 100 }, () => 1), text: 'x'.repeat(500_000) } })) as {
    result: Json[]
  }
  expect(wide.result).toHaveLength(100)
})

it('long paths, and long runs of what takes no time, do not grow the stack', async () => {
  await l.engine.deploy({ flow: 'chain', mode: 'express', start: 'n0', nodes: chain(10_000, () => ({ type: 'pass' })) })
  expect(await l.engine.run('chain', { input: 1 })).toBe(1)
  await l.engine.deploy({
    flow: 'conditions',
    start: 'n0',
    nodes: {
      ...Object.fromEntries(
        Array.from({ length: 3000 }, (_, at) => [
          `n${at}`,
          {
            type: 'condition',
            branches: [
              { when: '$ == 2', next: `n${at + 1}` },
              { default: true, next: `n${at + 1}` },
            ],
          },
        ]),
      ),
      n3000: { type: 'pass' },
    },
  })
  expect(await l.engine.run('conditions', { input: 1 })).toBe(1)
  const nested = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`p${at}`, { type: 'parallel', branches: [`p${at + 1}`] }]))
  await l.engine.deploy({ flow: 'nested', start: 'p0', nodes: { ...nested, p300: { type: 'pass' } } })
  expect(JSON.stringify(await l.engine.run('nested', { input: 1 })).length).toBeGreaterThan(300)
})

it('a path that explodes fails its node, wherever it stands', async () => {
  const exploding = `$[${Array(900).fill("'a'").join()}][*]`
  const wide = { a: Array(4000).fill(0) as number[] }
  const kinds: Record<string, object> = {
    function: fn('echo', { params: { x: exploding } }),
    callback: { type: 'callback', function: 'echo', params: { x: exploding } },
    event: { type: 'event', channel: 'log', data: { x: exploding } },
    subflow: { type: 'subflow', flow: 'chain', params: { x: exploding } },
    pass: { type: 'pass', params: { x: exploding } },
  }
  for (const mode of ['express', 'standard']) {
    for (const [kind, node] of Object.entries(kinds)) {
      await l.engine.deploy({ flow: `explode-${kind}-${mode}`, mode, start: 'n', nodes: { n: node } })
      const execution = await l.engine.start(`explode-${kind}-${mode}`, { input: wide })
      await expect(execution.result(), `${kind} ${mode}`).rejects.toMatchObject({
        error: { errorType: expect.stringMatching(/^(?:PathTooCostly|PayloadTooLarge)$/) },
      })
      if (mode === 'standard') expect(await l.engine.nodes(execution.id)).toMatchObject([{ status: 'failed' }])
    }
  }
})

it('node ids and names that objects inherit are names like others', async () => {
  await l.engine.deploy({
    flow: 'names',
    start: 'constructor',
    nodes: JSON.parse(
      '{"constructor":{"type":"function","function":"echo","params":{"x":1},"next":"valueOf"},"valueOf":{"type":"pass","params":{"y":"$$.nodes.constructor.output.x"},"next":"toString"},"toString":{"type":"loop","items":"$.list","input":"$$.execution.input","resultPath":"__proto__","as":"valueOf","nodes":{"hasOwnProperty":{"type":"pass","params":{"v":"$.valueOf"}}}}}',
    ) as object,
  })
  const output = (await l.engine.run('names', { id: 'names', input: { list: [1] } })) as object
  expect(JSON.stringify(output)).toBe('{"__proto__":[{"v":1}]}')
  expect((await l.engine.nodes('names')).map(({ id, status }) => `${id} ${status}`)).toEqual([
    'constructor succeeded',
    'valueOf succeeded',
    'toString succeeded',
  ])
  const again = await l.engine.rerun('names', { from: 'valueOf', dryRun: true })
  expect(again.kept).toEqual([{ node: 'constructor' }])
})
