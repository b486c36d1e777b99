import fc from 'fast-check'
import type { Plan, PlanNode } from '../../../dsl/plan.ts'

/** A shape of a flow, from which a plan is laid out: structured, so that joins are known without the compiler. */
type Shape =
  | { kind: 'function' | 'callback' | 'subflow' | 'pass' | 'wait'; onError: ErrorShape | null }
  | { kind: 'condition'; ways: Shape[][] }
  | { kind: 'parallel'; branches: Shape[][]; complete: number; onError: ErrorShape | null }
  | { kind: 'loop'; body: Shape[]; concurrency: number; interval: boolean; tolerate: number; onError: ErrorShape | null }
  | { kind: 'service'; serial: boolean; functions: number; onError: ErrorShape | null }

interface ErrorShape {
  readonly retries: number
  readonly caught: boolean
}

const errorShape: fc.Arbitrary<ErrorShape | null> = fc.option(
  fc.record({ retries: fc.integer({ min: 0, max: 2 }), caught: fc.boolean() }),
  { nil: null },
)

const simple = (kinds: readonly ('function' | 'callback' | 'subflow' | 'pass' | 'wait')[]): fc.Arbitrary<Shape> =>
  fc.record({ kind: fc.constantFrom(...kinds), onError: errorShape }) as fc.Arbitrary<Shape>

const { sequence } = fc.letrec<{ sequence: Shape[]; shape: Shape }>((tie) => ({
  sequence: fc.array(tie('shape'), { minLength: 1, maxLength: 3 }),
  shape: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    simple(['function', 'callback', 'subflow', 'pass', 'wait']),
    fc.record({ kind: fc.constant('condition' as const), ways: fc.array(tie('sequence'), { minLength: 2, maxLength: 3 }) }),
    fc
      .record({
        kind: fc.constant('parallel' as const),
        branches: fc.array(tie('sequence'), { minLength: 1, maxLength: 3 }),
        complete: fc.integer({ min: 1, max: 3 }),
        onError: errorShape,
      })
      .map((shape) => ({ ...shape, complete: Math.min(shape.complete, shape.branches.length) })),
    fc.record({
      kind: fc.constant('loop' as const),
      body: fc.array(simple(['function', 'pass', 'wait']), { minLength: 1, maxLength: 2 }),
      concurrency: fc.integer({ min: 0, max: 2 }),
      interval: fc.boolean(),
      tolerate: fc.integer({ min: 0, max: 2 }),
      onError: errorShape,
    }),
    fc.record({
      kind: fc.constant('service' as const),
      serial: fc.boolean(),
      functions: fc.integer({ min: 1, max: 3 }),
      onError: errorShape,
    }),
  ) as fc.Arbitrary<Shape>,
}))

/** Plans of random flows with every node kind that runs. The input is to have `items`, an array. */
export const randomPlan: fc.Arbitrary<Plan> = sequence.map(layOut)

type Mutable = { -readonly [K in keyof PlanNode]: PlanNode[K] } & Record<string, unknown>

class Layout {
  readonly nodes: Record<string, PlanNode> = {}
  private count = 0

  add(type: PlanNode['type'], fields: Record<string, unknown>): string {
    const id = `n${this.count++}`
    this.nodes[id] = { type, id, label: id, at: [], ...fields } as unknown as PlanNode
    return id
  }

  /** Lays a sequence out in front of `next`; returns its first node. */
  sequence(shapes: readonly Shape[], next: string | undefined): string {
    let behind = next
    for (const shape of shapes.toReversed()) behind = this.shape(shape, behind)
    return behind as string
  }

  private withError(shape: ErrorShape | null, next: string | undefined): Record<string, unknown> {
    const fields = next === undefined ? {} : { next }
    if (shape === null) return fields
    const caught = shape.caught ? [{ next: this.add('pass', next === undefined ? {} : { next }) }] : []
    const retry = shape.retries === 0 ? {} : { retry: { intervalMs: 1000, max: shape.retries, backoff: 1 } }
    return { ...fields, onError: this.add('error', { ...retry, catch: caught }) }
  }

  private shape(shape: Shape, next: string | undefined): string {
    switch (shape.kind) {
      case 'function':
        return this.add('function', { function: 'default/f:latest', invoke: 'sync', ...this.withError(shape.onError, next) })
      case 'callback':
        return this.add('callback', {
          function: 'default/f:latest',
          invoke: 'sync',
          timeoutMs: 5000,
          ...this.withError(shape.onError, next),
        })
      case 'subflow':
        return this.add('subflow', { flow: 'child', wait: true, ...this.withError(shape.onError, next) })
      case 'pass':
        return this.add('pass', next === undefined ? {} : { next })
      case 'wait':
        return this.add('wait', { seconds: 2, ...(next === undefined ? {} : { next }) })
      case 'condition': {
        const ways = shape.ways.map((way) => this.sequence(way, next))
        return this.add('condition', {
          branches: ways.slice(1).map((way, at) => ({ when: `$.pick == ${at}`, next: way })),
          otherwise: ways[0],
        })
      }
      case 'parallel': {
        const join = next ?? this.add('end', {})
        const branches = shape.branches.map((branch) => this.sequence(branch, join))
        const { next: _, ...error } = this.withError(shape.onError, next)
        return this.add('parallel', { branches, complete: shape.complete, resultPath: 'items', join, ...error })
      }
      case 'loop': {
        const inner = new Layout()
        const start = inner.sequence(shape.body, undefined)
        const { concurrency, tolerate } = shape
        const fields = {
          items: '$.items',
          as: 'item',
          resultPath: 'items',
          concurrency,
          intervalMs: shape.interval ? 700 : 0,
          tolerate,
          start,
          nodes: inner.nodes,
        }
        return this.add('loop', { ...fields, ...this.withError(shape.onError, next) })
      }
      case 'service': {
        const inner = new Layout()
        let start: string | undefined
        for (let at = 0; at < shape.functions; at++) {
          start = inner.add('function', {
            function: 'default/f:latest',
            invoke: 'sync',
            ...(shape.serial && start !== undefined ? { next: start } : {}),
          })
        }
        const fields = shape.serial ? { execution: 'serial', start, nodes: inner.nodes } : { execution: 'parallel', nodes: inner.nodes }
        return this.add('service', { ...fields, ...this.withError(shape.onError, next) })
      }
    }
  }
}

function layOut(shapes: Shape[]): Plan {
  const layout = new Layout()
  const start = layout.sequence(shapes, undefined)
  return { format: 1, flow: 'random', mode: 'standard', mergeInput: false, timeoutMs: 3_600_000, start, nodes: layout.nodes } as Plan &
    Mutable
}
