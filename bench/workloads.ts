import type { ModuleHandler } from '../executors/contract.ts'
import type { Json } from '../dsl/json.ts'

/** The functions of all workloads, by name: trivial and async, each a fresh result from what it gets. */
export const HANDLERS: ReadonlyMap<string, ModuleHandler> = new Map(
  names(50).map((name) => [name, async (event: { n: number }) => ({ n: event.n + 1 })]),
)

export const LOOP_ITEMS = 1000
const POOL = 10

export type Mode = 'express' | 'standard'

/** One workload: a flow, its input, and what must come out. The references in `reference-*.ts` have a member of the same name. */
export interface Workload {
  readonly name: WorkloadName
  readonly about: string
  readonly input: Json
  /** Made from the handlers: what the flow and its reference both must yield. */
  readonly expected: Json
  definition(mode: Mode): object
}

export type WorkloadName = 'w1' | 'w2' | 'w3' | 'w4' | 'w4-10' | 'w5'

const items = Array.from({ length: LOOP_ITEMS }, (_, i) => i)

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'w1',
    about: '3 functions in sequence',
    input: { n: 0 },
    expected: { n: 3 },
    definition: (mode) => sequence('w1', mode, 3),
  },
  {
    name: 'w2',
    about: '3 parallel branches of a function each',
    input: { n: 0 },
    expected: { result: [{ n: 1 }, { n: 1 }, { n: 1 }] },
    definition: (mode) => ({
      flow: 'w2',
      mode,
      start: 'split',
      nodes: {
        split: { type: 'parallel', branches: names(3) },
        ...Object.fromEntries(names(3).map((name) => [name, { type: 'function', function: name }])),
      },
    }),
  },
  {
    name: 'w3',
    about: 'a condition and a function',
    input: { n: 7 },
    expected: { n: 8 },
    definition: (mode) => ({
      flow: 'w3',
      mode,
      start: 'size',
      nodes: {
        size: {
          type: 'condition',
          branches: [
            { when: '$.n > 5', next: 'f1' },
            { default: true, next: 'f2' },
          ],
        },
        f1: { type: 'function', function: 'f1' },
        f2: { type: 'function', function: 'f2' },
      },
    }),
  },
  {
    name: 'w4',
    about: `a loop of ${LOOP_ITEMS} items x 2 functions, unbounded`,
    input: { items },
    expected: { result: items.map((n) => ({ n: n + 2 })) },
    definition: (mode) => loop('w4', mode, 0),
  },
  {
    name: 'w4-10',
    about: `a loop of ${LOOP_ITEMS} items x 2 functions, ${POOL} at a time`,
    input: { items },
    expected: { result: items.map((n) => ({ n: n + 2 })) },
    definition: (mode) => loop('w4-10', mode, POOL),
  },
  {
    name: 'w5',
    about: '50 functions in sequence',
    input: { n: 0 },
    expected: { n: 50 },
    definition: (mode) => sequence('w5', mode, 50),
  },
]

/** `f1` to `f<count>`, the functions' names and the nodes'. */
export function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `f${i + 1}`)
}

/** Functions one behind the other; beyond 50 nodes the functions' names come round again. */
export function sequence(flow: string, mode: Mode, count: number): object {
  const ids = names(count)
  const nodes = ids.map((id, i) => [id, { type: 'function', function: `f${(i % 50) + 1}`, ...(i + 1 < count ? { next: ids[i + 1] } : {}) }])
  return { flow, mode, start: 'f1', nodes: Object.fromEntries(nodes) }
}

/** Two functions per item; the first gets `{ n: item }`, not the list of all items. */
export function loop(flow: string, mode: Mode, concurrency: number): object {
  return {
    flow,
    mode,
    start: 'each',
    nodes: {
      each: {
        type: 'loop',
        items: '$.items',
        concurrency,
        start: 'f1',
        nodes: { f1: { type: 'function', function: 'f1', params: { n: '$.item' }, next: 'f2' }, f2: { type: 'function', function: 'f2' } },
      },
    },
  }
}
