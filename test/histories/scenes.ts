/** What is recorded: one flow per kind of node and outcome, run on a real server. */
import type { Json } from '../../dsl/json.ts'
import type { CallbackResult } from '../../engine/api.ts'

export interface HistoryScene {
  readonly flow: object
  /** Flows that it calls. */
  readonly others?: readonly object[]
  readonly input?: Json
  /** Answers its callback, once the function has returned. */
  readonly answer?: CallbackResult
  /** Stops it after a moment. */
  readonly stop?: true
  /** Recorded while it still runs. */
  readonly running?: true
  /** On a server that suggests to continue as new after 30 events: the last run is recorded. */
  readonly continued?: true
  /** Of its lanes, the one of this number (from 0) is recorded, too. */
  readonly lane?: number
}

const fn = (name = 'echo', more: object = {}): object => ({ type: 'function', function: name, ...more })
const one = (node: object, more: Record<string, object> = {}, flow: object = {}): object => ({
  flow: 'recorded',
  start: 'n',
  nodes: { n: node, ...more },
  ...flow,
})
const CAUGHT = { x: { type: 'error', catch: [{ next: 'c' }] }, c: { type: 'pass' } }
const RETRIED = { x: { type: 'error', retry: { interval: 1, max: 2 } } }
const FORK = { type: 'parallel', branches: ['a', 'b'] }
const BRANCHES = {
  a: fn('slow', { params: { ms: 100 }, next: 'e' }),
  b: fn('slow', { params: { ms: 1500 }, next: 'e' }),
  e: { type: 'end' },
}
const CHILD = { flow: 'kid', start: 'k', nodes: { k: fn() } }
const items = (count: number): Json => ({ items: Array.from({ length: count }, (_, at) => at) })
const loop = (more: object = {}): object => ({
  type: 'loop',
  items: '$.items',
  nodes: { i: fn('picky', { params: { item: '$.item', bad: 1 }, next: 'p' }), p: { type: 'pass' } },
  ...more,
})
const chain = (length: number): Record<string, object> =>
  Object.fromEntries(
    Array.from({ length }, (_, at) => [
      `i${at}`,
      fn('echo', { params: { n: '$.item' }, ...(at + 1 < length ? { next: `i${at + 1}` } : {}) }),
    ]),
  )

export const SCENES: Readonly<Record<string, HistoryScene>> = {
  'function-succeeded': { flow: one(fn('echo', { params: { a: '$.a', gone: '$.gone' }, output: '$.a' })), input: { a: 1 } },
  'function-failed': { flow: one(fn('broken')) },
  'function-retried': { flow: one(fn('flaky', { onError: 'x' }), RETRIED) },
  'function-retried-in-vain': { flow: one(fn('broken', { onError: 'x' }), RETRIED) },
  'function-caught': { flow: one(fn('broken', { onError: 'x' }), CAUGHT) },
  'function-stopped': { flow: one(fn('slow', { params: { ms: 60_000 } })), stop: true },
  'function-timeout': { flow: one(fn('slow', { params: { ms: 60_000 }, timeout: 1 })) },
  'function-async': { flow: one(fn('slow', { params: { ms: 300 }, invoke: 'async' })) },
  'function-unknown': { flow: one(fn('nowhere')) },
  'function-running': { flow: one(fn('slow', { params: { ms: 60_000 } })), running: true },
  'event-published': { flow: one({ type: 'event', channel: 'log', data: { x: '$.x' } }), input: { x: 1 } },
  'event-failed': { flow: one({ type: 'event', channel: 'nowhere' }) },
  'callback-called': {
    flow: one({ type: 'callback', function: 'echo', params: { token: '$$.callback.token' } }),
    answer: { status: 'succeeded', output: { by: 'mia' } },
  },
  'callback-refused': {
    flow: one({ type: 'callback', function: 'echo' }),
    answer: { status: 'failed', error: { errorType: 'Denied', errorMessage: 'no' } },
  },
  'callback-timeout': { flow: one({ type: 'callback', function: 'echo', timeout: 1, onError: 'x' }, CAUGHT) },
  'callback-waiting': { flow: one({ type: 'callback', function: 'echo' }), running: true },
  'subflow-succeeded': { flow: one({ type: 'subflow', flow: 'kid', params: { k: 1 } }), others: [CHILD] },
  'subflow-failed': { flow: one({ type: 'subflow', flow: 'kid' }), others: [{ ...CHILD, nodes: { k: fn('broken') } }] },
  'subflow-not-waited': { flow: one({ type: 'subflow', flow: 'kid', wait: false }), others: [CHILD] },
  'subflow-express': { flow: one({ type: 'subflow', flow: 'kid' }), others: [{ ...CHILD, mode: 'express' }] },
  'subflow-unknown': { flow: one({ type: 'subflow', flow: 'nowhere' }) },
  'subflow-stopped': {
    flow: one({ type: 'subflow', flow: 'kid' }),
    others: [{ ...CHILD, nodes: { k: { type: 'wait', seconds: 60 } } }],
    stop: true,
  },
  'parallel-all': { flow: one(FORK, BRANCHES) },
  'parallel-any': { flow: one({ ...FORK, complete: 'any' }, BRANCHES) },
  'parallel-failed': { flow: one(FORK, { ...BRANCHES, a: fn('broken', { next: 'e' }) }) },
  'parallel-retried': {
    flow: one(
      { ...FORK, onError: 'x' },
      {
        ...BRANCHES,
        a: fn('broken', { next: 'e' }),
        x: { type: 'error', retry: { interval: 1, max: 1 }, catch: [{ next: 'c' }] },
        c: { type: 'pass' },
      },
    ),
  },
  'condition-taken': {
    flow: one(
      {
        type: 'condition',
        branches: [
          { when: '$.v > 1', next: 'y' },
          { default: true, next: 'z' },
        ],
      },
      { y: fn(), z: { type: 'pass' } },
    ),
    input: { v: 2 },
  },
  'condition-wrong-type': {
    flow: one(
      {
        type: 'condition',
        branches: [
          { when: '$.v > 1', next: 'y' },
          { default: true, next: 'y' },
        ],
      },
      { y: fn() },
    ),
    input: { v: 'x' },
  },
  'loop-succeeded': { flow: one(loop({ concurrency: 2 })), input: { items: [5, 6, 7] } },
  'loop-failed': { flow: one(loop()), input: { items: [5, 1, 7] } },
  'loop-tolerated': { flow: one(loop({ tolerate: 1 })), input: { items: [5, 1, 7] } },
  'loop-interval': { flow: one(loop({ interval: 1 })), input: { items: [5, 6] } },
  'loop-waits': { flow: one({ type: 'loop', items: '$.items', nodes: { w: { type: 'wait', seconds: 1 } } }), input: { items: [1, 2, 3] } },
  'loop-batches': {
    flow: one({ type: 'loop', items: '$.items', nodes: { i: fn('echo', { params: { n: '$.item' }, timeout: 5 }) } }),
    input: items(401),
  },
  'loop-batches-failed': {
    flow: one({ type: 'loop', items: '$.items', nodes: { i: fn('picky', { params: { item: '$.item', bad: 300 }, timeout: 5 }) } }),
    input: items(401),
  },
  'loop-lanes': { flow: one({ type: 'loop', items: '$.items', concurrency: 1, nodes: chain(8) }), input: items(63), lane: 1 },
  'service-serial': { flow: one({ type: 'service', nodes: { s1: fn('echo', { next: 's2' }), s2: fn() } }), input: { a: 1 } },
  'service-parallel': { flow: one({ type: 'service', execution: 'parallel', nodes: { s1: fn('echo'), s2: fn('echo') } }), input: { a: 1 } },
  'service-failed': { flow: one({ type: 'service', nodes: { s1: fn('echo', { next: 's2' }), s2: fn('broken') } }) },
  'wait-over': { flow: one({ type: 'wait', seconds: 1 }) },
  'wait-waiting': { flow: one({ type: 'wait', seconds: 3600 }), running: true },
  'pass-and-end': { flow: one({ type: 'pass', params: { a: '$.a' }, next: 'e' }, { e: { type: 'end' } }), input: { a: 1 } },
  'flow-timeout': { flow: one(fn('slow', { params: { ms: 60_000 } }), {}, { timeout: 1 }) },
  'context-everywhere': {
    flow: one(fn('echo', { params: { f: '$$.flow', n: '$$.node' }, next: 'l' }), { l: loop({ items: '$$.execution.input.items' }) }),
    input: { items: [5] },
  },
  'continued-as-new': {
    flow: one(FORK, {
      a: { type: 'callback', function: 'echo', next: 'e' },
      b: fn('echo', { next: 'b1' }),
      ...Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`b${at + 1}`, fn('echo', { next: at < 8 ? `b${at + 2}` : 'e' })])),
      e: { type: 'end' },
    }),
    answer: { status: 'succeeded', output: 1 },
    continued: true,
  },
}
