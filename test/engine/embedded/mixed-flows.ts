/** Flows of every durable kind, for the kill test: definitions, and how many invocations each makes. */
export const MIXED_FLOWS: readonly {
  readonly definition: object
  readonly input: object
  readonly invocations: number
  readonly output: unknown
}[] = [
  {
    definition: {
      flow: 'mixed-sequence',
      start: 'a',
      nodes: {
        a: { type: 'function', function: 'effect', params: { n: '$.n' }, next: 'b' },
        b: { type: 'function', function: 'effect', params: { n: '$.n' }, next: 'c' },
        c: { type: 'function', function: 'effect', params: { n: '$.n' } },
      },
    },
    input: { n: 1 },
    invocations: 3,
    output: { n: 4 },
  },
  {
    definition: {
      flow: 'mixed-parallel',
      start: 'fork',
      nodes: {
        fork: { type: 'parallel', branches: ['a', 'b', 'c'] },
        a: { type: 'function', function: 'effect', params: { n: 1 }, next: 'join' },
        b: { type: 'function', function: 'effect', params: { n: 2 }, next: 'join' },
        c: { type: 'function', function: 'effect', params: { n: 3 }, next: 'join' },
        join: { type: 'pass', params: { ns: '$.result[*].n' } },
      },
    },
    input: {},
    invocations: 3,
    output: { ns: [2, 3, 4] },
  },
  {
    definition: {
      flow: 'mixed-loop',
      start: 'each',
      nodes: {
        each: {
          type: 'loop',
          items: '$.list',
          concurrency: 2,
          nodes: { f: { type: 'function', function: 'effect', params: { n: '$.item' } } },
        },
      },
    },
    input: { list: [1, 2, 3, 4, 5] },
    invocations: 5,
    output: { result: [{ n: 2 }, { n: 3 }, { n: 4 }, { n: 5 }, { n: 6 }] },
  },
  {
    definition: {
      flow: 'mixed-retry',
      start: 'a',
      nodes: {
        a: { type: 'function', function: 'flaky', onError: 'x', next: 'w' },
        x: { type: 'error', retry: { interval: 1, max: 2 } },
        w: { type: 'wait', seconds: 1 },
      },
    },
    input: {},
    invocations: 2,
    output: { attempt: 2 },
  },
  {
    definition: {
      flow: 'mixed-callback',
      start: 'ask',
      nodes: {
        ask: { type: 'callback', function: 'effect', params: { n: 0 }, timeout: '1h', next: 'b' },
        b: { type: 'function', function: 'effect', params: { n: '$.by' } },
      },
    },
    input: {},
    invocations: 2,
    output: { n: 8 },
  },
  {
    definition: {
      flow: 'mixed-parent',
      start: 'size',
      nodes: {
        size: {
          type: 'condition',
          branches: [
            { when: '$.n > 2', next: 'child' },
            { default: true, next: 'no' },
          ],
        },
        child: { type: 'subflow', flow: 'mixed-child', next: 's' },
        s: {
          type: 'service',
          execution: 'parallel',
          nodes: {
            one: { type: 'function', function: 'effect', params: { n: '$.n' } },
            two: { type: 'function', function: 'named', params: { n: '$.n' } },
          },
        },
        no: { type: 'pass' },
      },
    },
    input: { n: 5 },
    invocations: 3,
    output: { n: 7, named: 6 },
  },
]

/** Children of the above. */
export const CHILD_FLOWS: readonly object[] = [
  { flow: 'mixed-child', start: 'a', nodes: { a: { type: 'function', function: 'effect', params: { n: '$.n' } } } },
]
