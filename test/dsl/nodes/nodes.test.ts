import { describe, expect, test } from 'vitest'
import { brief, checkNodes } from '../flows.ts'

/** Diagnostics of node `a`, paths from it on. Nodes node_b, node_c, node_x (error), node_e (end) are there to be referred to. */
function found(node: object, rest: object = {}): string[] {
  const text = JSON.stringify(node)
  const others = { node_b: { type: 'pass' }, node_c: { type: 'pass' }, node_x: { type: 'error' }, node_e: { type: 'end' } }
  const used = Object.fromEntries(Object.entries(others).filter(([id]) => text.includes(`"${id}"`)))
  return brief(checkNodes({ a: node, ...used }, rest as Record<string, unknown>)).map((each) => each.replace(/ nodes\.a\.?/, ' ').trim())
}

const table = (rows: [object, string[]][]): void => {
  test.each(rows.map(([node, expected]) => [JSON.stringify(node), node, expected] as const))('%s', (_text, node, expected) =>
    expect(found(node)).toEqual(expected),
  )
}

describe('common fields', () => {
  table([
    [{ type: 'pass', input: '$.a', output: '$$.execution.id', label: 'A', next: 'node_b' }, []],
    [{ type: 'pass', input: 'a', output: '$[' }, ['jsonpath-syntax input', 'jsonpath-syntax output']],
    [{ type: 'pass', input: 5, next: 5 }, ['schema input', 'schema next']],
    [{ type: 'pass', input: `$.${'a'.repeat(5000)}` }, ['jsonpath-syntax input']],
  ])
})

describe('function', () => {
  const f = (rest: object): object => ({ type: 'function', function: 'f', ...rest })
  for (const name of ['f', 'app/f', 'f:latest', 'app/f:v1.0', 'f:$LATEST', 'a'.repeat(60), 'f_-1']) table([[f({ function: name }), []]])
  for (const name of ['', '1f', 'f-', 'app/', '/f', 'a/b/c', 'f:', 'f:a b', 'a'.repeat(61), 'f g', 5, null, `${'a'.repeat(61)}/f`])
    table([[f({ function: name }), ['schema function']]])
  table([
    [{ type: 'function' }, ['schema']],
    [f({ params: { a: 1, b: '$.x', c: ['$.y'] }, invoke: 'async', timeout: '3d' }), []],
    [f({ params: [] }), ['schema params']],
    [
      f({ params: { a: '$.', b: [{ c: '$.x[' }], d: { path: '$[', default: 1 }, e: { literal: '$[' } } }),
      ['jsonpath-syntax params.a', 'jsonpath-syntax params.b.0.c', 'jsonpath-syntax params.d.path'],
    ],
    [f({ timeout: '15m' }), []],
    [f({ timeout: 901 }), ['schema timeout']],
    [f({ timeout: '15m1ms', invoke: 'sync' }), ['schema timeout']],
    [f({ timeout: '16m', invoke: 'async' }), []],
    [f({ invoke: 'later' }), ['schema invoke']],
    [f({ timeout: '-1s' }), ['schema timeout']],
    [f({ timeout: null }), ['schema timeout']],
  ])
  test('express limits flows, waits and callbacks, not functions', () =>
    expect(found(f({ timeout: '10m' }), { mode: 'express' })).toEqual([]))
})

describe('event', () => {
  table([
    [
      {
        type: 'event',
        channel: 'c',
        source: 's',
        subject: 't',
        eventType: 'u',
        key: '$.k',
        data: ['$.a', { b: '$.c' }],
        next: 'node_b',
        onError: 'node_x',
      },
      [],
    ],
    [{ type: 'event', channel: 'c', data: '$.a' }, []],
    [{ type: 'event', channel: 'c', data: '$[' }, ['jsonpath-syntax data']],
    [{ type: 'event', channel: 'c', key: '$[' }, ['jsonpath-syntax key']],
    [{ type: 'event', channel: 'c', data: { a: ['$['] } }, ['jsonpath-syntax data.a.0']],
    [{ type: 'event' }, ['schema']],
    [
      { type: 'event', channel: 5, source: 1, subject: [], eventType: {}, key: 7 },
      ['schema channel', 'schema eventType', 'schema key', 'schema source', 'schema subject'],
    ],
  ])
})

describe('callback', () => {
  const c = { type: 'callback', function: 'f' }
  table([
    [{ ...c, timeout: '30d', invoke: 'async', params: {} }, []],
    [{ type: 'callback' }, ['schema']],
    [{ ...c, timeout: 'soon' }, ['schema timeout']],
  ])
  test('at most five minutes in an express flow', () => {
    expect(found({ ...c, timeout: '5m' }, { mode: 'express' })).toEqual([])
    expect(found({ ...c, timeout: 301 }, { mode: 'express' })).toEqual(['express-duration timeout'])
    expect(found(c, { mode: 'express' })).toEqual([])
  })
})

describe('subflow', () => {
  table([
    [{ type: 'subflow', flow: 'g', wait: false, params: { a: '$.x' } }, []],
    [{ type: 'subflow', flow: 'g:v1' }, []],
    [{ type: 'subflow', flow: 'g-' }, ['schema flow']],
    [{ type: 'subflow', flow: 'app/g' }, ['schema flow']],
    [{ type: 'subflow', flow: 'g', wait: 'no' }, ['schema wait']],
    [{ type: 'subflow' }, ['schema']],
  ])
})

describe('parallel', () => {
  const p = (rest: object): object => ({ type: 'parallel', branches: ['node_b', 'node_c'], ...rest })
  for (const complete of ['all', 'any', 1, 2]) table([[p({ complete }), []]])
  for (const complete of [0, 3, -1, 1000]) table([[p({ complete }), ['complete-count complete']]])
  for (const complete of [1.5, '2', 'some', null, true, []]) table([[p({ complete }), ['schema complete']]])
  table([
    [p({ resultPath: 'r_1' }), []],
    [p({ resultPath: 'r-1' }), ['schema resultPath']],
    [p({ resultPath: '' }), ['schema resultPath']],
    [p({ next: 'node_b' }), ['schema next']],
    [p({ branches: 'node_b' }), ['schema branches']],
    [p({ branches: ['node_b', 5] }), ['schema branches.1']],
    [p({ branches: [], complete: 2 }), ['dead-end branches']],
    [{ type: 'parallel' }, ['dead-end']],
  ])
  test('20 branches, not 21', () => {
    const nodes = (n: number): Record<string, unknown> => ({
      p: { type: 'parallel', branches: Array.from({ length: n }, (_, i) => `b${i}`) },
      ...Object.fromEntries(Array.from({ length: n }, (_, i) => [`b${i}`, { type: 'pass' }])),
    })
    expect(brief(checkNodes(nodes(20)))).toEqual([])
    expect(brief(checkNodes(nodes(21)))).toEqual(['schema nodes.p.branches'])
  })
})

describe('condition', () => {
  const c = (branches: unknown, rest: object = {}): object => ({ type: 'condition', branches, ...rest })
  const other = { default: true, next: 'node_b' }
  const when = { when: '$.a == 1', next: 'node_c' }
  table([
    [c([when, other]), []],
    [c([other, when, when]), []],
    [c([when, when]), ['condition-default branches']],
    [c([other, other, when]), ['condition-default branches.1']],
    [c([other]), ['schema branches']],
    [c([when]), ['condition-default branches', 'schema branches']],
    [c([]), ['dead-end branches']],
    [{ type: 'condition' }, ['dead-end']],
    [c(null), ['schema branches']],
    [c([...Array(19).fill(when), other]), []],
    [c([...Array(20).fill(when), other]), ['schema branches']],
    [c([{ next: 'node_c' }, other]), ['schema']],
    [c([{ when: '$.a' }, other]), ['schema']],
    [c([{ default: true }, when]), ['schema']],
    [c([{ default: false, next: 'node_c' }, other]), ['schema branches.0.default']],
    [c([{ ...when, default: true }, other]), ['schema branches.0.default']],
    [c([{ ...when, els: 1 }, other]), ['schema branches.0.els']],
    [c(['b', other]), ['schema branches.0']],
    [c([{ when: 5, next: 'node_c' }, other]), ['schema branches.0.when']],
    [c([{ when: '$.a ==', next: 'node_c' }, other]), ['expression-syntax branches.0.when']],
    [c([{ when: '$.a[ == 1', next: 'node_c' }, other]), ['expression-syntax branches.0.when']],
    [c([when, other], { next: 'node_b' }), ['schema next']],
    [c([when, other], { output: '$.a' }), []],
  ])
})

describe('loop', () => {
  const l = (rest: object): object => ({ type: 'loop', items: '$.x', nodes: { i: { type: 'pass' } }, ...rest })
  for (const concurrency of [0, 1, 100]) table([[l({ concurrency }), []]])
  for (const concurrency of [-1, 101, 1e9]) table([[l({ concurrency }), ['loop-concurrency concurrency']]])
  for (const concurrency of [1.5, '1', null]) table([[l({ concurrency }), ['schema concurrency']]])
  table([
    [l({ as: 'el', resultPath: 'out_1', interval: '250ms', tolerate: 3, start: 'i', next: 'node_b', onError: 'node_x' }), []],
    [l({ as: 'a-b', resultPath: '1a' }), ['schema as', 'schema resultPath']],
    [l({ as: '__proto__' }), []],
    [l({ interval: -1, tolerate: -1 }), ['schema interval', 'schema tolerate']],
    [l({ tolerate: 0.5 }), ['schema tolerate']],
    [l({ items: 'x' }), ['jsonpath-syntax items']],
    [l({ items: ['x'] }), ['schema items']],
    [{ type: 'loop', nodes: { i: { type: 'pass' } } }, ['schema']],
    [{ type: 'loop', items: '$.x' }, ['schema']],
  ])
})

describe('service', () => {
  table([
    [{ type: 'service', nodes: { i: { type: 'function', function: 'f' } }, execution: 'serial' }, []],
    [{ type: 'service', nodes: { i: { type: 'function', function: 'f' } }, execution: 'both' }, ['schema execution']],
    [{ type: 'service' }, ['schema']],
    [{ type: 'service', nodes: { i: { type: 'function' } } }, ['schema nodes.i']],
  ])
})

describe('wait', () => {
  for (const seconds of [0, 1, 0.5, -1, 1e6, '$.s', '$$.execution.input.s']) table([[{ type: 'wait', seconds }, []]])
  for (const seconds of ['5', '1m', '', '$.']) table([[{ type: 'wait', seconds }, ['jsonpath-syntax seconds']]])
  for (const seconds of [null, true, [], {}]) table([[{ type: 'wait', seconds }, ['schema seconds']]])
  for (const until of ['2020-01-01', '2020-01-01T00:00:00Z', '2020-01-01T00:00', '2020-02-29T23:59:59.123+08:00', '$.at', "$['x y']"])
    table([[{ type: 'wait', until }, []]])
  for (const until of ['tomorrow', '', '2020-13-01', '2019-02-29', '2020-01-01T25:00:00Z', '12:00', 5, null])
    table([[{ type: 'wait', until }, ['schema until']]])
  table([
    [{ type: 'wait' }, []],
    [{ type: 'wait', until: '$.' }, ['jsonpath-syntax until']],
    [{ type: 'wait', seconds: 1, until: '2020-01-01' }, ['schema until']],
  ])
  test('at most five minutes in an express flow, also inside a loop', () => {
    const express = { mode: 'express' }
    expect(found({ type: 'wait', seconds: 300 }, express)).toEqual([])
    expect(found({ type: 'wait', seconds: 300.5 }, express)).toEqual(['express-duration seconds'])
    expect(found({ type: 'wait', seconds: '$.s' }, express)).toEqual([])
    expect(found({ type: 'loop', items: '$.x', nodes: { w: { type: 'wait', seconds: 301 } } }, express)).toEqual([
      'express-duration nodes.w.seconds',
    ])
  })
})

describe('error', () => {
  const withError = (fields: object): string[] =>
    brief(
      checkNodes({
        a: { type: 'function', function: 'f', onError: 'x' },
        x: { type: 'error', ...fields },
        ...(JSON.stringify(fields).includes('node_b') ? { node_b: { type: 'pass' } } : {}),
      }),
    ).map((each) => each.replace(/ nodes\.x\.?/, ' ').trim())
  test.each<[object, string[]]>([
    [{}, []],
    [{ label: 'x', retry: {}, catch: [] }, []],
    [
      {
        retry: { when: '$.status == 500', interval: '1s', max: 1, backoff: 1.5 },
        catch: [{ when: '$.a', next: 'node_b' }, { next: 'node_b' }],
      },
      [],
    ],
    [{ retry: { interval: 30, max: 8, backoff: 10 } }, []],
    [{ retry: { interval: 31 } }, ['retry-range retry.interval']],
    [{ retry: { interval: '999ms' } }, ['retry-range retry.interval']],
    [{ retry: { interval: 0 } }, ['retry-range retry.interval']],
    [{ retry: { interval: -1 } }, ['retry-range retry.interval']],
    [{ retry: { interval: 'soon' } }, ['schema retry.interval']],
    [{ retry: { interval: null } }, ['schema retry.interval']],
    [{ retry: { max: 0 } }, ['retry-range retry.max']],
    [{ retry: { max: 9 } }, ['retry-range retry.max']],
    [{ retry: { max: 1.5 } }, ['schema retry.max']],
    [{ retry: { max: '3' } }, ['schema retry.max']],
    [{ retry: { backoff: 0.5 } }, ['schema retry.backoff']],
    [{ retry: { backoff: 11 } }, ['schema retry.backoff']],
    [{ retry: { when: '$.a =' } }, ['expression-syntax retry.when']],
    [{ retry: { delay: 1 } }, ['schema retry.delay']],
    [{ retry: [] }, ['schema retry']],
    [{ catch: [{ when: '$.a' }] }, ['schema']],
    [{ catch: [{ when: '', next: 'node_b' }] }, ['expression-syntax catch.0.when']],
    [{ catch: [{ default: true, next: 'node_b' }] }, ['schema catch.0.default']],
    [{ catch: Array(10).fill({ next: 'node_b' }) }, []],
    [{ catch: Array(11).fill({ next: 'node_b' }) }, ['schema catch']],
    [{ next: 'node_b' }, ['schema next']],
    [{ input: '$.a', output: '$.b' }, ['schema input', 'schema output']],
  ])('%j', (fields, expected) => expect(withError(fields)).toEqual(expected))
})

describe('end', () => {
  table([
    [{ type: 'pass', next: 'node_e' }, []],
    [{ type: 'pass', params: [] }, ['schema params']],
  ])
  test('no next, and no output', () => {
    const end = (fields: object): string[] =>
      brief(checkNodes({ a: { type: 'pass', next: 'e' }, e: { type: 'end', ...fields }, node_b: { type: 'pass' } }))
    expect(end({ next: 'node_b' })).toEqual(['dead-end nodes.e.next'])
    expect(end({ output: '$.a' })).toContain('schema nodes.e.output')
  })
})
