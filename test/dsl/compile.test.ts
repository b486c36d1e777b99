import { expect, test } from 'vitest'
import { loadFlow, loadFlowObject } from '../../dsl/load.ts'
import type { Plan, PlanNode } from '../../dsl/plan.ts'

function planOf(nodes: Record<string, unknown>, rest: object = {}): Plan {
  const { plan, diagnostics } = loadFlowObject({ flow: 'h', start: Object.keys(nodes)[0], nodes, ...rest })
  expect(diagnostics).toEqual([])
  return plan!
}
const nodeOf = (node: object, rest: object = {}, others: object = {}): PlanNode => planOf({ a: node, ...others }, rest).nodes['a']!
const base = { id: 'a', label: 'a', at: ['nodes', 'a'] }

test('a flow', () => {
  const nodes = { a: { type: 'pass' } }
  expect(planOf(nodes)).toEqual({
    format: 1,
    flow: 'h',
    mode: 'standard',
    mergeInput: false,
    start: 'a',
    nodes: { a: { ...base, type: 'pass' } },
  })
  expect(planOf(nodes, { mode: 'express' }).timeoutMs).toBe(300_000)
  expect(planOf(nodes, { mode: 'express', timeout: 10, mergeInput: true })).toMatchObject({ timeoutMs: 10_000, mergeInput: true })
  expect(planOf(nodes, { timeout: '1h30m' }).timeoutMs).toBe(5_400_000)
})

const f = { type: 'function', function: 'f' }
test.each<[string, object, object]>([
  ['function', f, { function: 'default/f:latest', invoke: 'sync' }],
  [
    'function with all',
    { ...f, function: 'app/f:$LATEST', params: { a: 1 }, invoke: 'async', timeout: '1h', input: '$.i', output: '$.o', label: 'L' },
    { function: 'app/f:latest', params: { a: 1 }, invoke: 'async', timeoutMs: 3_600_000, input: '$.i', output: '$.o', label: 'L' },
  ],
  ['function of a version', { ...f, function: 'f:2' }, { function: 'default/f:2', invoke: 'sync' }],
  ['event', { type: 'event', channel: 'c', data: null }, { channel: 'c', data: null }],
  ['callback', { ...f, type: 'callback' }, { function: 'default/f:latest', invoke: 'sync', timeoutMs: 3_600_000 }],
  ['subflow', { type: 'subflow', flow: 'g:v1' }, { flow: 'g:v1', wait: true }],
  ['wait', { type: 'wait' }, { seconds: 60 }],
  ['wait for a time', { type: 'wait', until: '$.at' }, { until: '$.at' }],
  ['pass', { type: 'pass', params: { x: '$.a' } }, { params: { x: '$.a' } }],
  [
    'parallel service',
    { type: 'service', execution: 'parallel', nodes: { i: f } },
    {
      execution: 'parallel',
      nodes: {
        i: { id: 'i', label: 'i', at: ['nodes', 'a', 'nodes', 'i'], type: 'function', function: 'default/f:latest', invoke: 'sync' },
      },
    },
  ],
])('%s', (_name, node, expected) => {
  const { type } = node as { type: string }
  expect(nodeOf(node)).toEqual({ ...base, type, ...expected })
})

test('callback in an express flow', () =>
  expect(nodeOf({ ...f, type: 'callback' }, { mode: 'express' })).toMatchObject({ timeoutMs: 300_000 }))

test('condition', () => {
  const node = {
    type: 'condition',
    branches: [
      { when: '$.a', next: 'b' },
      { default: true, next: 'c' },
      { when: '$.b', next: 'b' },
    ],
  }
  const plan = nodeOf(node, {}, { b: { type: 'pass' }, c: { type: 'pass' } })
  expect(plan).toEqual({
    ...base,
    type: 'condition',
    branches: [
      { when: '$.a', next: 'b' },
      { when: '$.b', next: 'b' },
    ],
    otherwise: 'c',
  })
})

test.each<[unknown, number]>([
  [undefined, 2],
  ['all', 2],
  ['any', 1],
  [2, 2],
])('parallel, complete %j', (complete, count) => {
  const node = { type: 'parallel', branches: ['b', 'c'], ...(complete === undefined ? {} : { complete }) }
  const others = { b: { type: 'pass', next: 'j' }, c: { type: 'pass', next: 'j' }, j: { type: 'end' } }
  expect(nodeOf(node, {}, others)).toEqual({
    ...base,
    type: 'parallel',
    branches: ['b', 'c'],
    complete: count,
    resultPath: 'result',
    join: 'j',
  })
})

test('loop and serial service find their entry', () => {
  const inner = { z: { ...f }, y: { ...f, next: 'z' } }
  expect(nodeOf({ type: 'loop', items: '$.x', nodes: inner })).toMatchObject({
    as: 'item',
    resultPath: 'result',
    concurrency: 0,
    intervalMs: 0,
    tolerate: 0,
    start: 'y',
  })
  const service = nodeOf({ type: 'service', nodes: inner })
  expect(service).toMatchObject({ execution: 'serial', start: 'y' })
  expect(Object.keys((service as { nodes: object }).nodes)).toEqual(['z', 'y'])
})

test('error', () => {
  const nodes = {
    a: { ...f, onError: 'x' },
    x: { type: 'error', retry: {}, catch: [{ next: 'b' }, { when: '$.s', next: 'b' }] },
    b: { type: 'pass' },
  }
  expect(planOf(nodes).nodes['x']).toEqual({
    id: 'x',
    label: 'x',
    at: ['nodes', 'x'],
    type: 'error',
    retry: { intervalMs: 1000, max: 3, backoff: 1 },
    catch: [{ next: 'b' }, { when: '$.s', next: 'b' }],
  })
})

test('a plan is frozen through and through, and shares nothing with the definition', () => {
  const params = { deep: [{ x: 1 }] }
  const { plan, definition } = loadFlowObject({ flow: 'h', start: 'a', nodes: { a: { type: 'pass', params } } })
  const node = plan!.nodes['a'] as unknown as { params: typeof params }
  expect(Object.isFrozen(plan) && Object.isFrozen(plan!.nodes) && Object.isFrozen(node.params.deep[0])).toBe(true)
  params.deep[0]!.x = 2
  expect(node.params.deep[0]!.x).toBe(1)
  expect(Object.isFrozen(definition)).toBe(false)
})

test('members named __proto__ stay data', async () => {
  const { plan } = await loadFlow('{"flow":"h","start":"a","nodes":{"a":{"type":"pass","params":{"__proto__":{"polluted":true}}}}}')
  const { params } = plan!.nodes['a'] as { params: object }
  expect(Object.keys(params)).toEqual(['__proto__'])
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
})
