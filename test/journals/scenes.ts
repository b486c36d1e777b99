/** What is recorded: one scene per kind of node and outcome. Times are virtual, so a scene always gives the same journal. */
import type { Carried } from '../../dsl/core/state.ts'
import type { Json } from '../../dsl/json.ts'

export type Act =
  | readonly ['ok', place: string, data: Json]
  | readonly ['error', place: string, errorType: string]
  | readonly ['timer', place: string, purpose: string]
  | readonly ['called', place: string, data: Json]
  | readonly ['refused', place: string, errorType: string]
  | readonly ['stop']

export interface Scene {
  readonly flow: object
  readonly input?: Json
  readonly carried?: Readonly<Record<string, Carried>>
  readonly replaced?: Readonly<Record<string, Json>>
  readonly acts: readonly Act[]
}

const fn = (more: object = {}): object => ({ type: 'function', function: 'f', ...more })
const one = (node: object, more: Record<string, object> = {}, flow: object = {}): object => ({ flow: 'recorded', start: 'n', nodes: { n: node, ...more }, ...flow })
const RETRY = { x: { type: 'error', retry: { interval: 2, max: 2, backoff: 3 }, catch: [{ when: "$.errorType == 'Caught'", next: 'c' }] }, c: { type: 'pass' } }
const LOOP = { type: 'loop', items: '$', nodes: { i: fn({ params: { v: '$.item', at: '$$.loop.index' }, next: 'j' }), j: fn() } }
const FORK = { type: 'parallel', branches: ['a', 'b', 'd'] }
const BRANCHES = { a: fn({ next: 'e' }), b: { type: 'wait', seconds: 5, next: 'e' }, d: { type: 'callback', function: 'f', next: 'e' }, e: { type: 'end' } }
const SERVICE = { type: 'service', nodes: { s1: fn({ next: 's2' }), s2: fn() } }

export const SCENES: Readonly<Record<string, Scene>> = {
  'function-running': { flow: one(fn({ input: '$.a' })), input: { a: 1 }, acts: [] },
  'function-succeeded': { flow: one(fn({ input: '$.a', output: '$.b', params: { x: '$.gone' } })), input: { a: {} }, acts: [['ok', 'n#1', { b: 2 }]] },
  'function-failed': { flow: one(fn()), acts: [['error', 'n#1', 'Broken']] },
  'function-output-not-found': { flow: one(fn({ output: '$.gone' })), acts: [['ok', 'n#1', {}]] },
  'function-retrying': { flow: one(fn({ onError: 'x' }), RETRY), acts: [['error', 'n#1', 'Broken']] },
  'function-retried': {
    flow: one(fn({ onError: 'x' }), RETRY),
    acts: [['error', 'n#1', 'Broken'], ['timer', 'n#1', 'retry'], ['error', 'n#2', 'Broken'], ['timer', 'n#2', 'retry'], ['ok', 'n#3', 'third']],
  },
  'function-retried-in-vain': {
    flow: one(fn({ onError: 'x' }), RETRY),
    acts: [['error', 'n#1', 'Broken'], ['timer', 'n#1', 'retry'], ['error', 'n#2', 'Broken'], ['timer', 'n#2', 'retry'], ['error', 'n#3', 'Broken']],
  },
  'function-caught': { flow: one(fn({ onError: 'x' }), { ...RETRY, x: { type: 'error', catch: [{ next: 'c' }] } }), acts: [['error', 'n#1', 'Caught']] },
  'function-stopped': { flow: one(fn()), acts: [['stop']] },
  'event-published': { flow: one({ type: 'event', channel: 'news', data: { x: '$.x' } }), input: { x: 1 }, acts: [['ok', 'n#1', { eventId: 'e' }]] },
  'event-failed': { flow: one({ type: 'event', channel: 'news' }), acts: [['error', 'n#1', 'ChannelNotFound']] },
  'callback-waiting': { flow: one({ type: 'callback', function: 'f', timeout: '1h' }), acts: [['ok', 'n#1', 'ignored']] },
  'callback-called': { flow: one({ type: 'callback', function: 'f' }), acts: [['ok', 'n#1', 1], ['called', 'n#1', { said: 'yes' }]] },
  'callback-early': { flow: one({ type: 'callback', function: 'f' }), acts: [['called', 'n#1', { said: 'yes' }], ['ok', 'n#1', 1]] },
  'callback-early-in-vain': { flow: one({ type: 'callback', function: 'f' }), acts: [['called', 'n#1', { said: 'yes' }], ['error', 'n#1', 'Broken']] },
  'callback-refused': { flow: one({ type: 'callback', function: 'f' }), acts: [['ok', 'n#1', 1], ['refused', 'n#1', 'Denied']] },
  'callback-timeout': { flow: one({ type: 'callback', function: 'f', timeout: 7 }), acts: [['ok', 'n#1', 1], ['timer', 'n#1', 'timeout']] },
  'callback-retried': {
    flow: one({ type: 'callback', function: 'f', timeout: 7, onError: 'x' }, RETRY),
    acts: [['timer', 'n#1', 'timeout'], ['timer', 'n#1', 'retry'], ['ok', 'n#2', 1], ['called', 'n#2', 2]],
  },
  'subflow-waiting': { flow: one({ type: 'subflow', flow: 'kid', params: { k: 1 } }), acts: [] },
  'subflow-succeeded': { flow: one({ type: 'subflow', flow: 'kid' }), acts: [['ok', 'n#1', { kid: 1 }]] },
  'subflow-failed': { flow: one({ type: 'subflow', flow: 'kid' }), acts: [['error', 'n#1', 'Broken']] },
  'subflow-not-waited': { flow: one({ type: 'subflow', flow: 'kid', wait: false }), acts: [['ok', 'n#1', { executionId: 'x' }]] },
  'parallel-running': { flow: one(FORK, BRANCHES), input: 1, acts: [['ok', 'n[2]#1/d#1', null], ['ok', 'n[0]#1/a#1', 'a']] },
  'parallel-all': {
    flow: one(FORK, BRANCHES),
    acts: [['ok', 'n[2]#1/d#1', null], ['called', 'n[2]#1/d#1', 'd'], ['ok', 'n[0]#1/a#1', 'a'], ['timer', 'n[1]#1/b#1', 'wait']],
  },
  'parallel-any': { flow: one({ ...FORK, complete: 'any' }, BRANCHES), acts: [['timer', 'n[1]#1/b#1', 'wait']] },
  'parallel-two-failed': { flow: one({ ...FORK, complete: 2 }, BRANCHES), acts: [['error', 'n[0]#1/a#1', 'First'], ['error', 'n[2]#1/d#1', 'Second']] },
  'parallel-retried': {
    flow: one({ ...FORK, onError: 'x' }, { ...BRANCHES, ...RETRY, c: { type: 'pass' } }),
    acts: [['error', 'n[0]#1/a#1', 'Broken'], ['timer', 'n#1', 'retry'], ['error', 'n[0]#2/a#1', 'Caught']],
  },
  'condition-taken': { flow: one({ type: 'condition', branches: [{ when: '$.v > 1', next: 'y' }, { default: true, next: 'z' }] }, { y: fn(), z: fn() }), input: { v: 2 }, acts: [] },
  'condition-wrong-type': { flow: one({ type: 'condition', branches: [{ when: '$.v > 1', next: 'y' }, { default: true, next: 'z' }] }, { y: fn(), z: fn() }), input: { v: 'x' }, acts: [] },
  'loop-running': { flow: one({ ...LOOP, concurrency: 2 }), input: [5, 6, 7], acts: [['ok', 'n[0]#1/i#1', 'i0'], ['ok', 'n[0]#1/j#1', 'j0']] },
  'loop-succeeded': {
    flow: one(LOOP),
    input: [5, 6],
    acts: [['ok', 'n[1]#1/i#1', 'i1'], ['ok', 'n[1]#1/j#1', 'j1'], ['ok', 'n[0]#1/i#1', 'i0'], ['ok', 'n[0]#1/j#1', 'j0']],
  },
  'loop-interval': { flow: one({ ...LOOP, interval: 3 }), input: [5, 6], acts: [['ok', 'n[0]#1/i#1', 'i0'], ['timer', 'n#1', 'interval']] },
  'loop-tolerated': {
    flow: one({ ...LOOP, tolerate: 1 }),
    input: [5, 6],
    acts: [['error', 'n[1]#1/i#1', 'Broken'], ['ok', 'n[0]#1/i#1', 'i0'], ['ok', 'n[0]#1/j#1', 'j0']],
  },
  'loop-failed': { flow: one(LOOP), input: [5, 6], acts: [['ok', 'n[0]#1/i#1', 'i0'], ['error', 'n[1]#1/i#1', 'Broken']] },
  'loop-empty': { flow: one(LOOP), input: [], acts: [] },
  'loop-not-an-array': { flow: one(LOOP), input: {}, acts: [] },
  'service-serial': { flow: one(SERVICE), acts: [['ok', 'n[0]#1/s1#1', { s: 1 }], ['ok', 'n[0]#1/s2#1', { s: 2 }]] },
  'service-serial-retried': {
    flow: one({ ...SERVICE, onError: 'x' }, RETRY),
    acts: [['ok', 'n[0]#1/s1#1', 1], ['error', 'n[0]#1/s2#1', 'Broken'], ['timer', 'n#1', 'retry'], ['ok', 'n[0]#2/s1#1', 1], ['ok', 'n[0]#2/s2#1', 2]],
  },
  'service-parallel': {
    flow: one({ type: 'service', execution: 'parallel', nodes: { s1: fn(), s2: fn() } }),
    acts: [['ok', 'n[1]#1/s2#1', { a: 2, b: 2 }], ['ok', 'n[0]#1/s1#1', { a: 1, c: 1 }]],
  },
  'service-not-an-object': { flow: one({ type: 'service', execution: 'parallel', nodes: { s1: fn(), s2: fn() } }), acts: [['ok', 'n[0]#1/s1#1', 7]] },
  'wait-waiting': { flow: one({ type: 'wait', seconds: '$.s' }), input: { s: 12.5 }, acts: [] },
  'wait-over': { flow: one({ type: 'wait', until: '2033-05-18T03:33:20.5Z' }), acts: [['timer', 'n#1', 'wait']] },
  'wait-wrong-type': { flow: one({ type: 'wait', seconds: '$.s' }), input: { s: 'x' }, acts: [] },
  'pass-unresolved': { flow: one({ type: 'pass', params: { a: '$.a', gone: ['$.gone', { path: '$.no', default: 3 }] } }, {}, { mergeInput: true }), input: { a: 1, z: 2 }, acts: [] },
  'end-reached': { flow: one(fn({ next: 'e' }), { e: { type: 'end', input: '$.in' } }), acts: [['ok', 'n#1', { in: 'the end' }]] },
  'flow-timeout': { flow: one(fn(), {}, { timeout: 30 }), acts: [['timer', '', 'flow']] },
  'context-everywhere': {
    flow: one(fn({ params: { f: '$$.flow', e: '$$.execution', n: '$$.node' }, next: 'l' }), {
      l: { type: 'loop', items: '$.list', nodes: { i: { type: 'pass', params: { at: '$$.loop', n: '$$.nodes.n.output.list', gone: '$$.nodes.l' } } } },
    }),
    acts: [['ok', 'n#1', { list: [1, 2] }]],
  },
  'retry-carried': {
    flow: one({ ...LOOP, next: 'k' }, { k: { type: 'condition', branches: [{ when: '$.result == 1', next: 'y' }, { default: true, next: 'z' }] }, y: fn(), z: fn() }),
    input: [5, 6],
    carried: {
      'n[0]/i': { output: 'i0', status: 'succeeded', attempts: 2 },
      'n[1]/i': { output: 'i1', status: 'succeeded', attempts: 1 },
      'n[1]/j': { output: 'j1', status: 'succeeded', attempts: 1 },
      k: { output: 'k', status: 'succeeded', attempts: 1, next: 'y' },
    },
    acts: [['ok', 'n[0]#1/j#1', 'j0']],
  },
  'retry-carried-caught': {
    flow: one(fn({ onError: 'x' }), { x: { type: 'error', catch: [{ next: 'c' }] }, c: fn() }),
    carried: { n: { output: { errorType: 'Before' }, status: 'caught', attempts: 1, next: 'c' } },
    acts: [['ok', 'c#1', 'c']],
  },
  'rerun-replaced': {
    flow: one(fn({ next: 'm' }), { m: fn({ input: '$.in' }) }),
    carried: { n: { output: 'old', status: 'succeeded', attempts: 1 } },
    replaced: { m: { in: 'new' } },
    acts: [],
  },
}
