import { describe, expect, it } from 'vitest'
import { loadFlow } from '../../../dsl/load.ts'
import type { Json } from '../../../dsl/json.ts'
import type { Plan } from '../../../dsl/plan.ts'
import { bytesIn, eventsOf } from '../../../engine/estimate/cost.ts'
import { estimate, type Estimate, type EstimateOptions } from '../../../engine/estimate/estimate.ts'
import type { Range } from '../../../engine/estimate/range.ts'
import { scheduled, totalsOf, totalsWithChildren } from '../../../engine/estimate/totals.ts'
import {
  BATCH_ITERATIONS,
  LANE_ITERATIONS,
  LOOP_ACTIVITIES,
  NARROW_LOOP_ACTIVITIES,
  OUTSTANDING_LIMIT,
} from '../../../workflows/protocol/limits.ts'

async function planOf(flow: object): Promise<Plan> {
  const { plan, diagnostics } = await loadFlow(flow)
  expect(diagnostics).toEqual([])
  return plan as Plan
}

interface More extends Partial<EstimateOptions> {
  readonly others?: readonly object[]
}

async function estimated(flow: object, { others = [], ...more }: More = {}): Promise<Estimate> {
  const plans = new Map((await Promise.all(others.map(planOf))).map((plan) => [plan.flow, plan]))
  return estimate(await planOf(flow), {
    bytes: 1024,
    items: 100,
    now: Date.parse('2026-01-01T00:00:00Z'),
    flow: (ref) => plans.get(ref),
    ...more,
  })
}

const call = (more: object = {}): object => ({ type: 'function', function: 'f', ...more })
const flowOf = (nodes: Record<string, object>, more: object = {}): object => ({ flow: 'x', start: Object.keys(nodes)[0], nodes, ...more })
const events = ({ cost }: Pick<Estimate, 'cost'>): number[] => listed(eventsOf(cost))
const listed = ({ least, expected, most, withRetries }: Range): number[] => [least, Math.round(expected), most, withRetries]
const rules = ({ findings }: Estimate): (string | undefined)[][] =>
  findings.map(({ rule, node }) => [rule, ...(node === undefined ? [] : [node])])
const same = (count: number): number[] => [count, count, count, count]
/** Start and end of a workflow. */
const FRAME = 5

describe('single nodes', () => {
  it.each<[string, number, Record<string, object>]>([
    ['a function', 6, { a: call() }],
    ['an asynchronous one', 6, { a: call({ invoke: 'async' }) }],
    ['an event', 6, { a: { type: 'event', channel: 'c' } }],
    ['a wait', 5, { a: { type: 'wait', seconds: 1 } }],
    ['a wait of no time', 0, { a: { type: 'wait', seconds: 0 } }],
    ['a wait until a time that has passed', 0, { a: { type: 'wait', until: '2025-12-31T00:00:00Z' } }],
    ['a wait until a time to come', 5, { a: { type: 'wait', until: '2026-01-02T00:00:00Z' } }],
    ['a pass', 0, { a: { type: 'pass' } }],
    ['an end', 0, { a: { type: 'pass', next: 'b' }, b: { type: 'end' } }],
    ['a service of two', 12, { a: { type: 'service', nodes: { b: call({ next: 'c' }), c: call() } } }],
    ['a subflow that is not waited for', 11, { a: { type: 'subflow', flow: 'child', wait: false } }],
    ['an express subflow', 12, { a: { type: 'subflow', flow: 'quick' } }],
  ])('%s: %d events', async (_, price, nodes) => {
    const others = [flowOf({ a: call() }, { flow: 'child' }), flowOf({ a: call() }, { flow: 'quick', mode: 'express' })]
    expect(events(await estimated(flowOf(nodes), { others }))).toEqual(same(FRAME + price))
  })

  it('a subflow that is waited for: 15 events, 12 if its start and its end are told together', async () => {
    const others = [flowOf({ a: call() }, { flow: 'child' })]
    expect(events(await estimated(flowOf({ a: { type: 'subflow', flow: 'child' } }), { others }))).toEqual([17, 20, 20, 20])
  })

  it('a callback: 12 events; one less where its answer ends the flow', async () => {
    const callback = { type: 'callback', function: 'f' }
    expect(events(await estimated(flowOf({ a: { ...callback, next: 'b' }, b: call() })))).toEqual([22, 23, 23, 23])
    expect(events(await estimated(flowOf({ a: callback })))).toEqual([16, 16, 16, 17])
    expect((await estimated(flowOf({ a: callback }))).rows[0]?.cost.own).toMatchObject({ expected: 3 })
  })

  it('the timeout of the flow: its timer, which ends with it', async () => {
    expect(events(await estimated(flowOf({ a: call() }, { timeout: '1h' })))).toEqual(same(12))
    expect(events(await estimated(flowOf({ a: { type: 'pass' } }, { timeout: '1h' })))).toEqual(same(5))
  })
})

describe('what happens at one time', () => {
  it('one workflow task for all that end together, at most one each', async () => {
    const branches = { a: call(), b: call(), c: call(), d: call() }
    const flow = flowOf({ p: { type: 'parallel', branches: Object.keys(branches) }, ...branches })
    expect(events(await estimated(flow))).toEqual([5 + 12 + 3, 5 + 12 + 6, 5 + 12 + 12, 5 + 12 + 12])
  })

  it('timers that fall due together are one', async () => {
    const nodes = { p: { type: 'parallel', branches: ['a', 'b'] }, a: { type: 'wait', seconds: 5 }, b: { type: 'wait', seconds: 5 } }
    expect(events(await estimated(flowOf(nodes)))[0]).toBe(FRAME + 5)
  })

  it('a race: the losers are given up', async () => {
    const nodes = {
      p: { type: 'parallel', branches: ['a', 'b'], complete: 'any' },
      a: call({ next: 'j' }),
      b: call({ next: 'c' }),
      c: call({ next: 'j' }),
      j: call(),
    }
    const { cost, rows } = await estimated(flowOf(nodes))
    expect(listed(eventsOf(cost))).toEqual([5 + 6 + 6 + 1, expect.any(Number), 5 + 18 + 6 + 1, 5 + 18 + 6 + 1])
    expect(rows.map(({ node, runs }) => [node, runs.least, runs.most])).toEqual([
      ['p', 1, 1],
      ['p/a', 1, 1],
      ['p/b', 1, 1],
      ['p/c', 0, 1],
      ['j', 1, 1],
    ])
  })

  it('pending is the most of what follows each other, and the sum of what runs at once', async () => {
    const nodes = {
      p: { type: 'parallel', branches: ['a', 'b', 'w'] },
      a: call({ next: 'c' }),
      c: call({ next: 'j' }),
      b: { type: 'callback', function: 'f', next: 'j' },
      w: { type: 'wait', next: 'j' },
      j: call(),
    }
    const { cost } = await estimated(flowOf(nodes))
    expect(cost.pending).toEqual({ activities: 2, children: 0, timers: 2 })
    expect(cost.longest).toMatchObject({ activities: 3, nodes: [{ place: 'p/a' }, { place: 'p/c' }, { place: 'j' }] })
  })
})

describe('ways', () => {
  const nodes = {
    size: {
      type: 'condition',
      branches: [
        { when: '$.n < 2', next: 'small' },
        { when: '$.n < 10', next: 'medium' },
        { default: true, next: 'big' },
      ],
    },
    small: { type: 'pass' },
    medium: call(),
    big: call({ next: 'more' }),
    more: call(),
  }

  it('are decided by the input', async () => {
    const { cost, rows } = await estimated(flowOf(nodes), { input: { n: 5 } })
    expect(listed(eventsOf(cost))).toEqual(same(11))
    expect(rows.map(({ node, runs }) => [node, runs.most])).toEqual([
      ['size', 1],
      ['big', 0],
      ['more', 0],
      ['medium', 1],
      ['small', 0],
    ])
  })

  it('make a range where it does not say: from the cheapest to the dearest, all alike', async () => {
    const { cost, rows } = await estimated(flowOf(nodes))
    expect(listed(eventsOf(cost))).toEqual([5, 11, 17, 17])
    expect(listed(cost.invocations)).toEqual([0, 1, 2, 2])
    expect(rows.find(({ node }) => node === 'more')?.runs).toMatchObject({ least: 0, expected: 1 / 3, most: 1 })
  })

  it('known answers go through params, filters and what nodes before gave', async () => {
    const { rows } = await estimated(
      flowOf({
        a: { type: 'pass', params: { n: '$.order.lines[*].count', vip: { path: '$.vip', default: false } }, next: 'b' },
        b: call({ next: 'c' }),
        c: {
          type: 'condition',
          branches: [
            { when: '$$.nodes.a.output.n[1] == 2 && $$.nodes.a.output.vip == false', next: 'yes' },
            { default: true, next: 'no' },
          ],
        },
        yes: { type: 'pass' },
        no: { type: 'pass' },
      }),
      { input: { order: { lines: [{ count: 1 }, { count: 2 }] } } },
    )
    expect(rows.filter(({ runs }) => runs.least === 1).map(({ node }) => node)).toEqual(['a', 'b', 'c', 'yes'])
  })

  it('what meets again is one node that always runs', async () => {
    const { rows } = await estimated(
      flowOf({
        a: {
          type: 'condition',
          branches: [
            { when: '$.x', next: 'b' },
            { default: true, next: 'c' },
          ],
        },
        b: call({ next: 'd' }),
        c: { type: 'pass', next: 'd' },
        d: call(),
      }),
    )
    expect(rows.find(({ node }) => node === 'd')?.runs).toMatchObject({ least: 1, expected: 1, most: 1 })
  })
})

describe('failure', () => {
  it('counts apart: retries with their timers, and catches', async () => {
    const { cost, rows } = await estimated(
      flowOf({
        a: call({ onError: 'e', next: 'b' }),
        e: { type: 'error', retry: { max: 3 }, catch: [{ next: 'sorry' }] },
        b: call(),
        sorry: call({ next: 'late' }),
        late: call(),
      }),
    )
    expect(listed(eventsOf(cost))).toEqual([17, 17, 17, 5 + 6 + 3 * 11 + 12])
    expect(listed(cost.invocations)).toEqual([2, 2, 2, 6])
    expect(rows.find(({ node }) => node === 'sorry')?.runs).toEqual({ least: 0, expected: 0, most: 0, withRetries: 1 })
  })

  it('of a container runs all that is inside again', async () => {
    const { cost } = await estimated(
      flowOf({
        each: { type: 'loop', items: '$.list', concurrency: 1, nodes: { f: call() }, onError: 'e' },
        e: { type: 'error', retry: { max: 1 } },
      }),
      { input: { list: [1, 2] } },
    )
    expect(cost.invocations).toMatchObject({ most: 2, withRetries: 4 })
  })
})

describe('loops', () => {
  const loop = (more: object = {}, body: object = { f: call({ params: { n: '$.item' } }) }): object =>
    flowOf({ each: { type: 'loop', items: '$.list', nodes: body, ...more } })
  const input = (count: number): Json => ({ list: Array.from({ length: count }, (_, at) => at) })
  const note = ({ rows }: Estimate): string | undefined => rows[0]?.note

  it('have as many items as the input says, or as are assumed', async () => {
    expect((await estimated(loop(), { input: input(7) })).loops).toEqual([{ loop: 'each', items: 7, from: 'input' }])
    expect((await estimated(loop())).loops).toEqual([{ loop: 'each', items: 100, from: 'default' }])
    const named = await estimated(loop(), { itemsOf: new Map([['each', 9]]) })
    expect(named.loops).toEqual([{ loop: 'each', items: 9, from: 'option' }])
    expect(named.cost.invocations).toMatchObject({ least: 9, most: 9 })
    expect(rules(await estimated(loop(), { input: input(7), itemsOf: new Map([['each', 9]]) }))).toEqual([['items', 'each']])
  })

  it('know how many results the loop before has given', async () => {
    const { loops } = await estimated(
      flowOf({
        first: { type: 'loop', items: '$.list', nodes: { f: call() }, next: 'then' },
        then: { type: 'loop', items: '$.result[*]', nodes: { f: call() } },
      }),
      { input: input(33) },
    )
    expect(loops).toEqual([
      { loop: 'first', items: 33, from: 'input' },
      { loop: 'then', items: 33, from: 'input' },
    ])
  })

  it('one at a time cost 6 events each, many at a time little more than 3', async () => {
    expect(events(await estimated(loop({ concurrency: 1 }), { input: input(50) }))).toEqual(same(305))
    const [least, expected, most] = events(await estimated(loop(), { input: input(50) })) as [number, number, number]
    expect([least, most]).toEqual([158, 305])
    expect(expected).toBeLessThan(185)
  })

  it('without items cost nothing', async () => {
    expect(events(await estimated(loop(), { input: input(0) }))).toEqual(same(5))
  })

  it('of waits that begin together have one timer', async () => {
    expect(events(await estimated(loop({}, { w: { type: 'wait', seconds: 5 } }), { input: input(50) }))).toEqual([10, 10, 255, 255])
  })

  it('with an interval have a timer between two starts', async () => {
    expect(events(await estimated(loop({ interval: 1, concurrency: 1 }), { input: input(10) }))).toEqual([65, 110, 110, 110])
  })

  it('go to lanes exactly where the engine deals them out', async () => {
    expect(note(await estimated(loop(), { input: input(LOOP_ACTIVITIES) }))).toBeUndefined()
    const lanes = await estimated(loop(), { input: input(LOOP_ACTIVITIES + 1) })
    expect(note(lanes)).toBe(`3 lanes of ${LANE_ITERATIONS}, 3 at a time`)
    expect(rules(lanes)).toContainEqual(['loop-lanes', 'each'])
    expect(note(await estimated(loop({ concurrency: 5 }), { input: input(NARROW_LOOP_ACTIVITIES) }))).toBeUndefined()
    expect(note(await estimated(loop({ concurrency: 5 }), { input: input(NARROW_LOOP_ACTIVITIES + 1) }))).toBe(
      '2 lanes of 500, 1 at a time',
    )
  })

  it('in lanes have few events in the flow, and the others in the histories of lanes', async () => {
    const { cost, rows, findings } = await estimated(loop({ concurrency: 1 }), { input: input(1000) })
    expect(listed(eventsOf(cost))).toEqual([5 + 6 + 9, 5 + 18, 5 + 18, 5 + 18].map((count, at) => (at === 0 ? expect.any(Number) : count)))
    expect(listed(cost.laneEvents)).toEqual(same(2 * 5 + 1000 * 6))
    expect(cost.invocations.least).toBe(1000)
    expect(rows.map(({ node, runs }) => [node, runs.least])).toEqual([
      ['each', 1],
      ['each/f', 1000],
    ])
    expect(findings[0]?.remedy).toMatch(/concurrency of 10 or more/)
  })

  it('of one short function go to batches, whether the node or functions.yaml says so', async () => {
    const short = { f: call({ timeout: 5, params: { n: '$.item' } }) }
    expect(note(await estimated(loop({}, short), { input: input(BATCH_ITERATIONS) }))).toBeUndefined()
    const batches = await estimated(loop({}, short), { input: input(1000) })
    expect(note(batches)).toBe('5 batches of 200, 5 at a time')
    expect(events(batches)).toEqual([23, 27, 35, 35])
    expect(batches.cost.invocations.least).toBe(1000)
    const hints = (): { short: string[]; queues: object } => ({ short: ['default/f'], queues: {} })
    expect(note(await estimated(loop(), { input: input(1000), hints: hints as never }))).toBe('5 batches of 200, 5 at a time')
  })

  it('schedule no more at one time than the engine does', async () => {
    const { cost, findings } = await estimated(loop(), { input: input(1500) })
    expect(scheduled(cost.pending)).toEqual({ activities: OUTSTANDING_LIMIT, children: 0, timers: 0 })
    expect(cost.longest.activities).toBe(2)
    expect(findings.find(({ rule }) => rule === 'pending')?.message).toMatch(/1,500 activities .* the engine schedules 1,000/)
  })

  it('look at all items of a short list, and at some of a long one', async () => {
    const lengths = (count: number): Json => ({ list: Array.from({ length: count }, (_, at) => 'x'.repeat(at % 7)) })
    const small = await estimated(loop(), { input: lengths(70) })
    const large = await estimated(loop(), { input: lengths(700) })
    const perItem = ({ rows }: Estimate, count: number): number => bytesIn(rows[1]!.cost).expected / count
    expect(perItem(large, 700)).toBeCloseTo(perItem(small, 70), 0)
  })
})

describe('subflows', () => {
  const child = flowOf({ a: call({ next: 'b' }), b: call() }, { flow: 'child' })

  it('have histories of their own, counted with how often they run', async () => {
    const nodes = {
      a: {
        type: 'condition',
        branches: [
          { when: '$.x', next: 'b' },
          { default: true, next: 'c' },
        ],
      },
      b: { type: 'subflow', flow: 'child' },
      c: { type: 'pass' },
    }
    const found = await estimated(flowOf(nodes), { others: [child] })
    expect(found.children.map(({ node, flow, runs, estimate: its }) => [node, flow, runs.most, events(its as Estimate)])).toEqual([
      ['b', 'child', 1, same(17)],
    ])
    expect(listed(totalsOf(found.cost).invocations)).toEqual(same(0))
    expect(listed(totalsWithChildren(found).invocations)).toEqual([0, 1, 2, 2])
    expect(listed(totalsWithChildren(found).events)).toEqual([5, 21, 37, 37])
  })

  it('are handed what is known', async () => {
    const asks = flowOf(
      {
        a: {
          type: 'condition',
          branches: [
            { when: '$.n == 3', next: 'b' },
            { default: true, next: 'c' },
          ],
        },
        b: call(),
        c: { type: 'pass' },
      },
      { flow: 'child' },
    )
    const found = await estimated(flowOf({ s: { type: 'subflow', flow: 'child', params: { n: '$.m' } } }), {
      input: { m: 3 },
      others: [asks],
    })
    expect(listed(totalsWithChildren(found).invocations)).toEqual(same(1))
  })

  it('that are not at hand, or call themselves, are told of', async () => {
    const endless = flowOf({ a: { type: 'subflow', flow: 'x' } })
    expect(rules(await estimated(endless, { others: [endless] }))).toEqual([['subflow', 'a']])
    const missing = await estimated(flowOf({ a: { type: 'subflow', flow: 'nowhere' } }))
    expect(rules(missing)).toEqual([['subflow', 'a']])
    expect(missing.children[0]?.estimate).toBeUndefined()
  })

  it('deeper than the engine goes are not started', async () => {
    const others = Array.from({ length: 12 }, (_, at) => flowOf({ a: { type: 'subflow', flow: `f${at + 1}` } }, { flow: `f${at}` }))
    const { findings } = await estimated(flowOf({ a: { type: 'subflow', flow: 'f0' } }), { others })
    expect(findings.map(({ flow, message }) => [flow, message])).toEqual([['f9', expect.stringContaining('SubflowDepthExceeded')]])
  })

  it('that branch out wide end soon', async () => {
    const wide = (at: number): object => {
      const nodes = Array.from({ length: 20 }, (_, n) => [`b${n}`, { type: 'subflow', flow: `f${at + 1}` }])
      return flowOf({ p: { type: 'parallel', branches: nodes.map(([id]) => id) }, ...Object.fromEntries(nodes) }, { flow: `f${at}` })
    }
    const others = [...Array.from({ length: 8 }, (_, at) => wide(at)), flowOf({ a: call() }, { flow: 'f8' })]
    const found = await estimated(flowOf({ a: { type: 'subflow', flow: 'f0' } }), { others })
    expect(totalsWithChildren(found).invocations.most).toBe(20 ** 8)
  })
})

describe('what does not fit', () => {
  it('a body over 6 MiB, and payloads over the threshold of the claim check', async () => {
    const list = Array.from({ length: 10 }, () => 'x'.repeat(600_000))
    const found = await estimated(flowOf({ a: call({ params: { all: '$', again: '$.list[0]' } }) }), { input: { list } })
    expect(rules(found)).toEqual([
      ['payload-too-large', 'a'],
      ['claim-check', 'a'],
    ])
    expect(found.findings[0]).toMatchObject({ severity: 'warning', at: ['nodes', 'a'] })
    expect(bytesIn(found.cost).expected).toBeLessThan(5000)
  })

  it('a history of many events: it goes on in a new run', async () => {
    const item = { type: 'loop', items: '$.list', concurrency: 1, nodes: { f: call({ params: { n: '$.item' } }) }, output: '$' }
    const ids = ['a', 'b', 'c', 'd']
    const nodes = Object.fromEntries(
      ids.map((id, at) => [id, { ...item, items: '$$.execution.input.list', ...(at < 3 ? { next: ids[at + 1] } : {}) }]),
    )
    const { findings, runs, cost } = await estimated(flowOf(nodes), { input: { list: Array.from({ length: 450 }, (_, at) => at) } })
    expect(findings).toMatchObject([
      { rule: 'history-events', severity: 'warning', message: expect.stringMatching(/10,805 events.*some 3 in all/) as unknown },
    ])
    expect(runs).toMatchObject({ expected: 3 })
    expect(eventsOf(cost).expected).toBe(10_805 + 2 * 5)
  })

  it('waits that bind the version of a worker', async () => {
    const nodes = {
      a: { type: 'wait', seconds: 3600, next: 'b' },
      b: { type: 'wait', seconds: 3601, next: 'c' },
      c: { type: 'wait', until: '$.when', next: 'd' },
      d: { type: 'callback', function: 'f', timeout: '2d' },
    }
    const found = await estimated(flowOf(nodes))
    expect(rules(found)).toEqual([
      ['worker-version', 'b'],
      ['worker-version', 'c'],
      ['worker-version', 'd'],
    ])
    expect(found.findings.at(-1)?.message).toMatch(/up to 2 d for its callback/)
  })

  it('what fails with the given input', async () => {
    const nodes = {
      a: {
        type: 'condition',
        branches: [
          { when: '$.n > 1', next: 'b' },
          { default: true, next: 'b' },
        ],
      },
      b: { type: 'loop', items: '$.n', nodes: { f: call() }, next: 'c' },
      c: { type: 'pass', input: '$.nothing' },
    }
    const { findings } = await estimated(flowOf(nodes), { input: { n: 'text' } })
    expect(findings.map(({ node, message }) => [node, /fails with (\w+)/.exec(message)?.[1]])).toEqual([
      ['a', 'ExpressionTypeError'],
      ['b', 'NotAnArray'],
    ])
    const filtered = await estimated(flowOf({ c: { type: 'pass', input: '$.nothing' } }), { input: {} })
    expect(filtered.findings[0]?.message).toMatch(/PathNotFound: input \$\.nothing finds nothing/)
  })
})

it('an express flow has invocations and a longest path, and no history', async () => {
  const { cost, runs, findings } = await estimated(
    flowOf({ a: call({ next: 'b' }), b: { type: 'wait', seconds: 200 } }, { mode: 'express' }),
    {
      input: { text: 'x'.repeat(100_000) },
    },
  )
  expect(listed(totalsOf(cost).events)).toEqual(same(0))
  expect(listed(totalsOf(cost).bytes)).toEqual(same(0))
  expect(cost.invocations.least).toBe(1)
  expect(cost.longest).toMatchObject({ activities: 1, waitMs: 200_000 })
  expect(runs.expected).toBe(0)
  expect(findings).toEqual([])
})

it('the rows come to the whole, where there is one way only', async () => {
  const { rows, frame, cost } = await estimated(
    flowOf({
      a: call({ next: 'p' }),
      p: { type: 'parallel', branches: ['b', 'each'] },
      b: { type: 'callback', function: 'f', next: 'j' },
      each: {
        type: 'loop',
        items: '$.list',
        concurrency: 4,
        nodes: { f: call({ next: 'w' }), w: { type: 'wait', seconds: 1 } },
        next: 'j',
      },
      j: { type: 'event', channel: 'c' },
    }),
  )
  for (const part of ['expected', 'most'] as const) {
    const sum = rows.reduce((all, row) => all + eventsOf(row.cost)[part], eventsOf(frame)[part])
    expect(sum).toBeCloseTo(eventsOf(cost)[part], 6)
  }
})
