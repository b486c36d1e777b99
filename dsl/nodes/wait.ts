import { follow } from '../core/body.ts'
import type { PrepareContext } from '../core/prepare.ts'
import type { NodeRun } from '../core/state.ts'
import type { Step } from '../core/step-type.ts'
import { NodeError } from '../errors.ts'
import type { Json } from '../json.ts'
import type { CompiledPath } from '../jsonpath/index.ts'
import type { PlanWaitNode } from '../plan.ts'
import { parseTime } from '../time.ts'
import { checkExpress } from './express.ts'
import { type Z, common, jsonPath, next } from './fields.ts'
import { defineNode } from './node.ts'

const DEFAULT_SECONDS = 60

interface WaitDetail {
  readonly seconds: number | CompiledPath | null
  readonly until: string | CompiledPath | null
}

/** What a Date can hold; a wait beyond it is a mistake. */
const LATEST = 8_640_000_000_000_000

/** Delays the path durably. */
const step: Step = {
  prepare: (plan: PlanWaitNode, context): WaitDetail => ({
    seconds: typeof plan.seconds === 'string' ? context.path(plan.seconds) : (plan.seconds ?? null),
    until: plan.until === undefined ? null : pathOr(plan.until, context),
  }),
  start(run, core) {
    const due = dueAt(run, core.now(run))
    if (due <= core.now(run)) return core.complete(run, run.input)
    core.timer(run, 'wait', due)
    core.waiting(run)
  },
  timer: (run, core) => core.complete(run, run.input),
}

function pathOr(text: string, context: PrepareContext): string | CompiledPath {
  return text.startsWith('$') ? context.path(text) : text
}

function dueAt(run: NodeRun, now: number): number {
  const { seconds, until } = run.node.detail as WaitDetail
  if (until !== null) return instant(run, valueOf(run, until, 'until'))
  const value = valueOf(run, seconds ?? 60, 'seconds')
  if (typeof value !== 'number')
    throw new NodeError('WaitTypeError', `node ${run.node.id}: seconds must be a number, found ${described(value)}`)
  const due = now + value * 1000
  if (due > LATEST) throw new NodeError('WaitTypeError', `node ${run.node.id}: ${value} seconds lie beyond the end of time`)
  return due
}

function valueOf(run: NodeRun, source: number | string | CompiledPath, what: string): Json {
  return typeof source === 'object' ? follow(run, source, run.input, what) : source
}

function instant(run: NodeRun, value: Json): number {
  const time = typeof value === 'string' ? parseTime(value) : undefined
  if (time === undefined) {
    throw new NodeError(
      'WaitTypeError',
      `node ${run.node.id}: until must be an ISO 8601 time such as 2026-01-31T12:00:00Z, found ${described(value)}`,
    )
  }
  return time
}

function described(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `${typeof value} ${JSON.stringify(value).slice(0, 60)}`
}

export const wait = defineNode({
  kind: 'wait',
  step,
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('wait'),
      ...common(z),
      seconds: z
        .union([z.number(), jsonPath(z, 'A path to a number.')])
        .meta({ description: 'How long to wait.', default: DEFAULT_SECONDS, expected: 'a number of seconds or a JSONPath to one' })
        .optional(),
      until: z
        .string()
        .meta({
          description: 'An ISO 8601 time, or a JSONPath to one.',
          format: 'time-or-jsonpath',
          expected: 'an ISO 8601 time such as "2030-01-31T12:00:00Z", or a JSONPath to one',
        })
        .optional(),
      ...next(z),
    }),
  hasNext: true,
  mayFail: false,
  check(node, check) {
    if (node['seconds'] !== undefined && node['until'] !== undefined) {
      check.report('schema', ['until'], 'both "seconds" and "until"; keep one of them', 'key')
    }
    if (typeof node['seconds'] === 'number') checkExpress(node['seconds'], ['seconds'], check)
  },
  compile: (node, { base }) => ({
    ...base,
    type: 'wait',
    ...(node.until === undefined ? { seconds: node.seconds ?? DEFAULT_SECONDS } : { until: node.until }),
  }),
})
