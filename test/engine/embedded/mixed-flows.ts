/** A flow of the kill test, and what one execution of it must come to. */
export interface MixedFlow {
  readonly definition: { readonly flow: string } & Readonly<Record<string, unknown>>
  readonly input: object
  /** Invocations, those of children included. */
  readonly invocations: number
  readonly output: unknown
  /** Events published. */
  readonly events?: number
  /** Children that are not waited for. */
  readonly detached?: number
}

/**
 * Parameters of the in-process functions: whose they are, and behind how many others of that execution they come. When the next step is
 * delivered, the step before must have been kept.
 */
const step = (n: number): object => ({ of: '$$.execution.id', step: n })

/** Flows of every durable kind, for the kill test. */
export const MIXED_FLOWS: readonly MixedFlow[] = [
  {
    definition: {
      flow: 'mixed-sequence',
      start: 'a',
      nodes: {
        a: { type: 'function', function: 'effect', params: { n: '$.n', ...step(0) }, next: 'b' },
        b: { type: 'function', function: 'effect', params: { n: '$.n', ...step(1) }, next: 'c' },
        c: { type: 'function', function: 'effect', params: { n: '$.n', ...step(2) } },
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
        a: { type: 'function', function: 'effect', params: { n: 1, ...step(0) }, next: 'join' },
        b: { type: 'function', function: 'effect', params: { n: 2, ...step(0) }, next: 'join' },
        c: { type: 'function', function: 'effect', params: { n: 3, ...step(0) }, next: 'join' },
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
          nodes: { f: { type: 'function', function: 'effect', params: { n: '$.item', ...step(0) } } },
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
        a: { type: 'function', function: 'flaky', params: { of: '$$.execution.id' }, onError: 'x', next: 'w' },
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
        ask: { type: 'callback', function: 'effect', params: { n: 0, ...step(0) }, timeout: '1h', next: 'b' },
        b: { type: 'function', function: 'effect', params: { n: '$.by', ...step(1) } },
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
            one: { type: 'function', function: 'effect', params: { n: '$.n', ...step(0) } },
            two: { type: 'function', function: 'named', params: { n: '$.n', ...step(0) } },
          },
        },
        no: { type: 'pass' },
      },
    },
    input: { n: 5 },
    invocations: 3,
    output: { n: 7, named: 6 },
  },
  {
    definition: {
      flow: 'mixed-event',
      start: 'a',
      nodes: {
        a: { type: 'function', function: 'effect', params: { n: 0, ...step(0) }, next: 'tell' },
        tell: { type: 'event', channel: 'log', source: 'kill-test', data: { n: '$.n' }, next: 'b' },
        b: { type: 'function', function: 'effect', params: { n: 1, ...step(1) } },
      },
    },
    input: {},
    invocations: 2,
    events: 1,
    output: { n: 2 },
  },
  {
    definition: {
      flow: 'mixed-detached',
      start: 'child',
      nodes: {
        child: { type: 'subflow', flow: 'mixed-child', wait: false, params: { n: 1 }, next: 'b' },
        b: { type: 'function', function: 'effect', params: { n: 2, ...step(0) } },
      },
    },
    input: {},
    invocations: 2,
    detached: 1,
    output: { n: 3 },
  },
  {
    definition: {
      flow: 'mixed-catch',
      start: 'a',
      nodes: {
        a: { type: 'function', function: 'broken', params: { ...step(0) }, onError: 'x' },
        x: { type: 'error', catch: [{ when: "$.errorMessage == 'never'", next: 'b' }] },
        b: { type: 'function', function: 'effect', params: { n: 3, ...step(1) } },
      },
    },
    input: {},
    invocations: 2,
    output: { n: 4 },
  },
]

/** Children of the above. */
const CHILD_FLOWS: readonly object[] = [
  { flow: 'mixed-child', start: 'a', nodes: { a: { type: 'function', function: 'effect', params: { n: '$.n', ...step(0) } } } },
]

/** Flows whose functions run in processes of their own, which are slow to start: few executions of each. */
const PROCESS_FLOWS: readonly MixedFlow[] = ['nodejs', 'python'].map((runtime) => ({
  definition: {
    flow: `mixed-${runtime}`,
    start: 'a',
    nodes: {
      a: { type: 'function', function: `${runtime}-effect`, params: { n: '$.n' }, next: 'b' },
      b: { type: 'function', function: `${runtime}-effect`, params: { n: '$.n' } },
    },
  },
  input: { n: 1 },
  invocations: 2,
  output: { n: 3 },
}))

export const ALL_FLOWS: readonly object[] = [...CHILD_FLOWS, ...[...MIXED_FLOWS, ...PROCESS_FLOWS].map((flow) => flow.definition)]

/** The flow of an execution: of each hundred the 50th runs in Node.js, the last in Python, the others in turn. */
export function flowOf(at: number): MixedFlow {
  const flow = at % 50 === 49 ? PROCESS_FLOWS[Math.floor(at / 50) % 2] : MIXED_FLOWS[at % MIXED_FLOWS.length]
  return flow as MixedFlow
}

/** The processes' functions: each notes its request in `EFFECTS` before it answers. */
export const FUNCTION_FILES: Readonly<Record<string, string>> = {
  'index.mjs': `import { appendFileSync } from 'node:fs'
export function effect({ n }, context) {
  appendFileSync(context.getUserData('EFFECTS'), \`process 0 \${context.getRequestID()}\\n\`)
  return { n: n + 1 }
}
`,
  'index.py': `def effect(event, context):
    with open(context.getUserData('EFFECTS'), 'a') as file:
        file.write(f'process 0 {context.getRequestID()}\\n')
    return {'n': event['n'] + 1}
`,
}
