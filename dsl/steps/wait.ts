import { follow } from '../core/body.ts'
import { NodeError } from '../errors.ts'
import type { NodeRun } from '../core/state.ts'
import type { PrepareContext } from '../core/prepare.ts'
import type { Step } from '../core/step-type.ts'
import type { CompiledPath } from '../jsonpath/index.ts'
import type { Json } from '../json.ts'
import type { PlanWaitNode } from '../plan.ts'

interface WaitDetail {
  readonly seconds: number | CompiledPath | null
  readonly until: string | CompiledPath | null
}

const ISO_TIME = /^\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})?)?$/
/** What a Date can hold; a wait beyond it is a mistake. */
const LATEST = 8_640_000_000_000_000

/** Delays the path durably. */
export const wait: Step = {
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
  if (typeof value !== 'number') throw new NodeError('WaitTypeError', `node ${run.node.id}: seconds must be a number, found ${described(value)}`)
  const due = now + value * 1000
  if (due > LATEST) throw new NodeError('WaitTypeError', `node ${run.node.id}: ${value} seconds lie beyond the end of time`)
  return due
}

function valueOf(run: NodeRun, source: number | string | CompiledPath, what: string): Json {
  return typeof source === 'object' ? follow(run, source, run.input, what) : source
}

function instant(run: NodeRun, value: Json): number {
  const time = typeof value === 'string' && ISO_TIME.test(value) ? Date.parse(zoned(value)) : Number.NaN
  if (Number.isNaN(time)) {
    throw new NodeError('WaitTypeError', `node ${run.node.id}: until must be an ISO 8601 time such as 2026-01-31T12:00:00Z, found ${described(value)}`)
  }
  return time
}

/** A time without a zone is UTC on every machine. */
function zoned(text: string): string {
  const spaced = text.replace(' ', 'T')
  return /[Tt]/.test(spaced) && !/(?:[Zz]|[+-]\d{2}:?\d{2})$/.test(spaced) ? `${spaced}Z` : spaced
}

function described(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `${typeof value} ${JSON.stringify(value).slice(0, 60)}`
}
