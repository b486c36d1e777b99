import { describe, expect, it } from 'vitest'
import { bodyValue } from '../../../dsl/core/body.ts'
import { loadFlowObject } from '../../../dsl/load.ts'
import type { Json } from '../../../dsl/json.ts'
import { SimulatedHost } from './simulated-host.ts'

const fn = (more: object = {}): object => ({ type: 'function', function: 'f', ...more })
const RETRY = (more: object = {}): object => ({ type: 'error', retry: { interval: 2, max: 2, ...more } })

function host(nodes: Record<string, object>, input: Json = {}, flow: object = {}): SimulatedHost {
  const { plan, diagnostics } = loadFlowObject({ flow: 't', start: Object.keys(nodes)[0], nodes, ...flow })
  if (plan === undefined) throw new Error(JSON.stringify(diagnostics))
  return new SimulatedHost(plan, input)
}

/** The bodies that are outstanding, by place. */
const inputs = (h: SimulatedHost): Record<string, Json> => Object.fromEntries([...h.effects].map(([place, run]) => [place, run.input]))
const places = (h: SimulatedHost): string[] => [...h.effects.keys()]
const dues = (h: SimulatedHost): Record<string, number> => Object.fromEntries([...h.timers].map(([key, { due }]) => [key, due - 1_000_000]))

describe('error nodes', () => {
  it('retry at most `max` times, at growing intervals, each attempt at a place of its own', () => {
    const h = host({ n: fn({ onError: 'x' }), x: RETRY({ backoff: 3 }) })
    h.fail('n#1')
    expect(dues(h)).toEqual({ 'n#1 retry': 2000 })
    h.fireNext()
    h.fail('n#2')
    expect(dues(h)).toEqual({ 'n#2 retry': 2000 + 6000 })
    h.fireNext()
    expect(places(h)).toEqual(['n#3'])
    h.fail('n#3', { errorType: 'Last' })
    expect(h.flow).toMatchObject({ status: 'failed', error: { errorType: 'Last' } })
  })

  it('work on results too: what succeeded is retried and caught where `when` says so, and goes on where nothing does', () => {
    const x = {
      type: 'error',
      retry: { when: '$.status == 503', interval: 1, max: 1 },
      catch: [{ next: 'never' }, { when: '$.status == 503', next: 'c' }],
    }
    const make = (): SimulatedHost =>
      host({
        n: fn({ onError: 'x', next: 'd' }),
        x,
        c: { type: 'pass', params: { caught: '$.status' } },
        d: { type: 'pass' },
        never: { type: 'pass' },
      })
    const h = make()
    h.succeed('n#1', { status: 503 })
    h.fireNext()
    h.succeed('n#2', { status: 503 })
    expect([h.flow.output, h.ledger.ends]).toEqual([
      { caught: 503 },
      [
        ['n', 'caught'],
        ['c', 'succeeded'],
      ],
    ])
    const fine = make()
    fine.succeed('n#1', { status: 200 })
    expect([fine.flow.output, fine.ledger.ends[0]]).toEqual([{ status: 200 }, ['n', 'succeeded']])
  })

  it('try their branches in order, and the error of a `when` is not caught', () => {
    const h = host({
      n: fn({ onError: 'x' }),
      x: { type: 'error', catch: [{ when: "$.errorType == 'A'", next: 'a' }, { when: '$.status > 400', next: 'b' }, { next: 'c' }] },
      a: { type: 'pass', params: { by: 'a' } },
      b: { type: 'pass', params: { by: 'b' } },
      c: { type: 'pass' },
    })
    h.fail('n#1', { errorType: 'B' })
    expect(h.flow.output).toEqual({ by: 'b' })
    for (const x of [
      { retry: { when: '$.errorType > 1' }, catch: [{ next: 'c' }] },
      { catch: [{ when: '$.errorType > 1', next: 'c' }, { next: 'c' }] },
    ]) {
      const wrong = host({ n: fn({ onError: 'x' }), x: { type: 'error', ...x }, c: { type: 'pass' } })
      wrong.fail('n#1')
      expect(wrong.flow).toMatchObject({ status: 'failed', error: { errorType: 'ExpressionTypeError', status: 400 } })
    }
  })

  it('get errors of filters, params and containers like any other; inside a container counting begins anew', () => {
    const h = host({
      n: fn({ input: '$.gone', onError: 'x' }),
      x: { type: 'error', catch: [{ next: 'c' }] },
      c: { type: 'pass', params: { type: '$.errorType' } },
    })
    expect(h.flow.output).toEqual({ type: 'PathNotFound' })
    const s = host({ s: { type: 'service', nodes: { a: fn() }, onError: 'x' }, x: RETRY() })
    s.fail('s[0]#1/a#1')
    s.fireNext()
    expect([places(s), s.at('s[0]#2/a#1')?.attempt]).toEqual([['s[0]#2/a#1'], 1])
  })
})

describe('parallel', () => {
  const branches = { a: fn(), b: fn(), c: fn() }
  const p = (more: object = {}): object => ({ type: 'parallel', branches: ['a', 'b', 'c'], ...more })

  it('lists outputs in the order of the branches, whatever the order of their ends', () => {
    const h = host({ p: p(), ...branches })
    for (const [index, id] of [
      [2, 'c'],
      [0, 'a'],
      [1, 'b'],
    ] as const)
      h.succeed(`p[${index}]#1/${id}#1`, id)
    expect(h.flow.output).toEqual({ result: ['a', 'b', 'c'] })
  })

  it('for N: the first N to succeed, in the order of the branches, and the rest is cancelled', () => {
    const h = host({ p: p({ complete: 2, resultPath: 'two' }), ...branches })
    h.fail('p[0]#1/a#1')
    h.succeed('p[2]#1/c#1', 'c')
    expect(h.flow.status).toBe('running')
    h.succeed('p[1]#1/b#1', 'b')
    expect(h.flow.output).toEqual({ two: ['b', 'c'] })
    const any = host({ p: p({ complete: 'any' }), ...branches })
    any.succeed('p[1]#1/b#1', 'b')
    expect([any.flow.output, places(any), any.ledger.ends.filter(([, status]) => status === 'cancelled')]).toEqual([
      { result: ['b'] },
      [],
      [
        ['p[0]/a', 'cancelled'],
        ['p[2]/c', 'cancelled'],
      ],
    ])
  })

  it('fails with the error of the branch that put the count out of reach, as soon as it is', () => {
    const h = host({ p: p({ complete: 2 }), ...branches })
    h.fail('p[1]#1/b#1', { errorType: 'One' })
    h.fail('p[0]#1/a#1', { errorType: 'Two' })
    expect([h.flow.error?.errorType, places(h)]).toEqual(['Two', []])
  })

  it('hides the nodes of its branches behind the join, and shows those before it inside', () => {
    const h = host({
      first: { type: 'pass', params: { v: 1 }, next: 'p' },
      p: { type: 'parallel', branches: ['a', 'b'] },
      a: { type: 'pass', params: { seen: '$$.nodes.first.output.v', b: '$$.nodes.b' }, next: 'a2' },
      a2: { type: 'pass', params: { a: '$$.nodes.a.output', first: '$$.nodes.first.output.v' }, next: 'j' },
      b: { type: 'pass', next: 'j' },
      j: { type: 'pass', params: { names: '$$.nodes', r: '$.result[0]' } },
    })
    expect(h.flow.output).toEqual({
      names: { first: { output: { v: 1 } }, p: { output: { result: [{ a: { seen: 1 }, first: 1 }, { v: 1 }] } } },
      r: { a: { seen: 1 }, first: 1 },
    })
  })
})

describe('loops', () => {
  it('start one after the other at their interval, as many as may run, in order', () => {
    const h = host({ l: { type: 'loop', items: '$', interval: 3, concurrency: 2, nodes: { i: fn() } } }, ['a', 'b', 'c', 'd'])
    expect([places(h), dues(h)]).toEqual([['l[0]#1/i#1'], { 'l#1 interval': 3000 }])
    h.fireNext()
    expect([places(h), dues(h)]).toEqual([['l[0]#1/i#1', 'l[1]#1/i#1'], {}])
    // a place becomes free before the interval is over, and after it
    h.now += 1000
    h.succeed('l[1]#1/i#1', 'B')
    expect([places(h), dues(h)]).toEqual([['l[0]#1/i#1'], { 'l#1 interval': 6000 }])
    h.fireNext()
    h.now += 5000
    h.succeed('l[0]#1/i#1', 'A')
    expect(places(h)).toEqual(['l[2]#1/i#1', 'l[3]#1/i#1'])
    h.succeed('l[3]#1/i#1', 'D')
    h.succeed('l[2]#1/i#1', 'C')
    expect(h.flow.output).toEqual({ result: ['A', 'B', 'C', 'D'] })
  })

  it('tolerate so many failures and no more; the places of the failed hold their errors', () => {
    const loop = { l: { type: 'loop', items: '$', tolerate: 1, nodes: { i: fn() } } }
    const h = host(loop, [1, 2, 3])
    h.fail('l[1]#1/i#1', { errorType: 'Bad' })
    h.succeed('l[0]#1/i#1', 0)
    h.succeed('l[2]#1/i#1', 2)
    expect(h.flow.output).toEqual({ result: [0, { error: { status: 430, errorType: 'Bad', errorMessage: 'failed' } }, 2] })
    const worse = host(loop, [1, 2, 3])
    worse.fail('l[1]#1/i#1', { errorType: 'One' })
    worse.fail('l[2]#1/i#1', { errorType: 'Two' })
    expect([worse.flow.error?.errorType, places(worse)]).toEqual(['Two', []])
  })

  it('give each element its input, position and count, without touching the input', () => {
    const h = host(
      {
        l: {
          type: 'loop',
          items: '$.list',
          as: 'one',
          nodes: { i: { type: 'pass', params: { at: '$$.loop', one: '$.one', keep: '$.keep' } } },
        },
      },
      { list: ['x', 'y'], keep: 1, one: 0 },
    )
    expect(h.flow.output).toEqual({ result: ['x', 'y'].map((one, index) => ({ at: { index, count: 2 }, one, keep: 1 })) })
    expect(h.flow.start.input).toEqual({ list: ['x', 'y'], keep: 1, one: 0 })
    expect(host({ l: { type: 'loop', items: '$.list', nodes: { i: fn() } } }, { list: [] }).flow.output).toEqual({ result: [] })
    for (const list of [null, {}, 'abc', 3])
      expect(host({ l: { type: 'loop', items: '$.list', nodes: { i: fn() } } }, { list }).flow.error?.errorType).toBe('NotAnArray')
    expect(host({ l: { type: 'loop', items: '$.list', nodes: { i: fn() } } }, {}).flow.error?.errorType).toBe('PathNotFound')
  })
})

describe('services, subflows, callbacks, waits', () => {
  it('merge in the order of definition, and only objects', () => {
    const s = { s: { type: 'service', execution: 'parallel', nodes: { z: fn(), a: fn() } } }
    const h = host(s)
    h.succeed('s[1]#1/a#1', { x: 'a', a: 1 })
    h.succeed('s[0]#1/z#1', JSON.parse('{"x":"z","__proto__":1}') as Json)
    expect(JSON.stringify(h.flow.output)).toBe('{"x":"a","__proto__":1,"a":1}')
    for (const value of [null, [], 'x', 3]) {
      const bad = host(s)
      bad.succeed('s[0]#1/z#1', value)
      expect([bad.flow.error?.errorType, places(bad)]).toEqual(['NotAnObject', []])
    }
  })

  it('a failed child is the cause of SubflowFailed', () => {
    const h = host({ s: { type: 'subflow', flow: 'kid' } })
    h.fail('s#1', { status: 433, errorType: 'FlowTimeout' })
    expect(h.flow.error).toMatchObject({ errorType: 'SubflowFailed', status: 500, cause: { status: 433, errorType: 'FlowTimeout' } })
  })

  it('a callback counts once; early, when the invocation succeeds; never in a retry interval or for another attempt', () => {
    const nodes = { c: { type: 'callback', function: 'f', timeout: 10, onError: 'x' }, x: RETRY() }
    const early = host(nodes)
    early.send({ kind: 'called', place: 'c#1', data: 1, time: early.now })
    early.send({ kind: 'refused', place: 'c#1', data: { status: 430, errorType: 'Late', errorMessage: '' }, time: early.now })
    early.succeed('c#1', 'ignored')
    expect(early.flow.output).toBe(1)
    const late = host(nodes)
    late.fireNext()
    expect(late.at('c#1')?.status).toBe('retrying')
    late.send({ kind: 'called', place: 'c#1', data: 1, time: late.now })
    expect(late.at('c#1')?.status).toBe('retrying')
    late.fireNext()
    late.send({ kind: 'called', place: 'c#1', data: 1, time: late.now })
    late.succeed('c#2', null)
    expect(late.flow.status).toBe('running')
    late.send({ kind: 'called', place: 'c#2', data: 2, time: late.now })
    expect(late.flow.output).toBe(2)
  })

  it.for<[object, Json, number | string]>([
    [{ seconds: 1.5 }, {}, 1500],
    [{}, {}, 60_000],
    [{ seconds: '$.s' }, { s: 2 }, 2000],
    [{ seconds: '$.s' }, { s: -5 }, 'at once'],
    [{ seconds: '$.s' }, { s: 0 }, 'at once'],
    [{ seconds: '$.s' }, { s: '5' }, 'WaitTypeError'],
    [{ seconds: '$.s' }, { s: null }, 'WaitTypeError'],
    [{ seconds: '$.s' }, { s: 1e300 }, 'WaitTypeError'],
    [{ seconds: '$.s' }, {}, 'PathNotFound'],
    [{ until: '1970-01-01T00:20:00Z' }, {}, 200_000],
    [{ until: '1970-01-01T01:20:00+01:00' }, {}, 200_000],
    [{ until: '$.u' }, { u: '1970-01-01T00:00:00Z' }, 'at once'],
    [{ until: '$.u' }, { u: 'soon' }, 'WaitTypeError'],
    [{ until: '$.u' }, { u: 17 }, 'WaitTypeError'],
  ])('wait %j on %j: %s', ([wait, input, expected]) => {
    const h = host({ w: { type: 'wait', ...wait } }, input)
    if (typeof expected === 'number') expect(dues(h)).toEqual({ 'w#1 wait': expected })
    else if (expected === 'at once') expect([h.flow.status, h.flow.output]).toEqual(['succeeded', input])
    else expect(h.flow.error?.errorType).toBe(expected)
  })
})

describe('data', () => {
  it('$$ is at hand everywhere', () => {
    const h = host(
      {
        c: {
          type: 'condition',
          branches: [
            { when: "$$.flow.name == 't' && $$.execution.input.v == 1 && $$.node.id == 'c'", next: 'w' },
            { default: true, next: 'no' },
          ],
        },
        w: { type: 'wait', seconds: '$$.execution.input.v', next: 'n' },
        n: fn({ input: '$$.execution', output: '$.x', onError: 'x', next: 'l' }),
        x: { type: 'error', catch: [{ when: '$$.node.attempt == 1', next: 'l' }] },
        l: {
          type: 'loop',
          items: '$$.execution.input.list',
          nodes: { i: fn({ params: { n: '$$.nodes.n.output', at: '$$.loop.index' } }) },
          next: 'e',
        },
        e: { type: 'event', channel: 'news', data: '$$.trigger' },
        no: { type: 'pass' },
      },
      { v: 1, list: [1] },
    )
    h.fireNext()
    expect(inputs(h)).toEqual({ 'n#1': { id: 'simulated', input: { v: 1, list: [1] }, startedAt: '1970-01-01T00:16:40.000Z' } })
    h.succeed('n#1', { x: 'out' })
    expect(places(h)).toEqual(['l[0]#1/i#1'])
    expect(bodyValue(h.at('l[0]#1/i#1')!)).toEqual({ n: 'out', at: 0 })
    h.succeed('l[0]#1/i#1', 1)
    expect(places(h)).toEqual(['e#1'])
  })

  it('mergeInput lays params over an object and replaces anything else', () => {
    const nodes = { p: { type: 'pass', params: { a: 2 } } }
    expect(host(nodes, { a: 1, b: 1 }, { mergeInput: true }).flow.output).toEqual({ a: 2, b: 1 })
    expect(host(nodes, [1], { mergeInput: true }).flow.output).toEqual({ a: 2 })
    expect(host(nodes, { a: 1, b: 1 }).flow.output).toEqual({ a: 2 })
  })

  it('conditions fail on wrong types, and only where they are reached', () => {
    const make = (when: string, input: Json): SimulatedHost =>
      host(
        {
          c: {
            type: 'condition',
            branches: [
              { default: true, next: 'no' },
              { when, next: 'yes' },
            ],
          },
          yes: { type: 'pass', params: { y: 1 } },
          no: { type: 'pass', params: { y: 0 } },
        },
        input,
      )
    expect(make('$.a < 2', { a: 1 }).flow.output).toEqual({ y: 1 })
    expect(make('$.a < 2', { a: '1' }).flow.error?.errorType).toBe('ExpressionTypeError')
    expect(make('$.b == 1 && $.a < 2', { a: '1' }).flow.output).toEqual({ y: 0 })
    expect(make('$.a', { a: 1 }).flow.error?.errorType).toBe('ExpressionTypeError')
    expect(make('$.a', {}).flow.output).toEqual({ y: 0 })
  })
})

describe('the end', () => {
  it('by timeout or stop takes everything back, and nothing that comes later counts', () => {
    for (const end of ['timeout', 'stop']) {
      const h = host(
        {
          p: { type: 'parallel', branches: ['a', 'b', 'c'] },
          a: fn(),
          b: { type: 'wait', seconds: 60 },
          c: { type: 'callback', function: 'f' },
        },
        {},
        { timeout: 5 },
      )
      if (end === 'timeout') h.fireNext()
      else h.send({ kind: 'stop', time: h.now })
      expect([places(h), dues(h), h.ends]).toEqual([[], {}, 1])
      expect(h.flow).toMatchObject(
        end === 'timeout' ? { status: 'timedOut', error: { status: 433, errorType: 'FlowTimeout' } } : { status: 'cancelled' },
      )
      h.succeed('p[0]#1/a#1', 1)
      h.send({ kind: 'called', place: 'p[2]#1/c#1', data: 1, time: h.now })
      h.send({ kind: 'stop', time: h.now })
      expect([h.ends, h.ledger.open.size]).toEqual([1, 0])
    }
  })

  it('events for places where nothing is outstanding change nothing', () => {
    const h = host({ p: { type: 'parallel', branches: ['a', 'b'] }, a: fn(), b: fn() })
    for (const place of ['a#1', 'p[0]#2/a#1', 'p[0]#1/a#2', 'p[7]#1/a#1', 'p#1', '', '/', 'p[0]#1/b#1', 'p[0]#1/', '#1'])
      for (const kind of ['ok', 'error', 'timer', 'called'] as const)
        h.send({ kind, place, data: { status: 1 } as never, purpose: 'wait', time: h.now } as never)
    expect(places(h)).toEqual(['p[0]#1/a#1', 'p[1]#1/b#1'])
    expect(h.flow.status).toBe('running')
  })
})
