/** What lists and batches select executions by, checked: the same on every engine. */
import type { ExecutionFilter, ExecutionStatus, ListOptions } from './api.ts'
import { EngineError } from './errors.ts'
import { checkLimit } from './execution-info.ts'
import { checkKeys } from './intake.ts'

const STATUSES: readonly ExecutionStatus[] = ['running', 'succeeded', 'failed', 'cancelled', 'timedOut']
const FILTERS = ['flow', 'status', 'trigger', 'startedAfter', 'startedBefore', 'parent', 'name'] as const
const FILTER_OPTIONS: ReadonlySet<string> = new Set(FILTERS)
const LIST_OPTIONS: ReadonlySet<string> = new Set([...FILTERS, 'limit', 'cursor'])
/** Each is a look-up of its own. */
const MOST_FLOWS = 1000

export interface TriggerFilter {
  readonly type: string
  readonly name?: string
}

/** A filter as the stores take it. What is absent does not restrict. */
export interface CheckedFilter {
  /** Of any of these flows. */
  readonly flows?: readonly string[]
  /** Of any of these states; absent where all are wanted. */
  readonly statuses?: readonly ExecutionStatus[]
  readonly trigger?: TriggerFilter
  /** Epoch ms: started then or later. */
  readonly startedAfter?: number
  /** Epoch ms: started before. */
  readonly startedBefore?: number
  readonly parent?: string
  readonly name?: string
}

export interface CheckedList {
  readonly filter: CheckedFilter
  readonly limit: number
  readonly cursor?: string
}

/** Throws EngineError `bad-option`. */
export function checkList(options: ListOptions): CheckedList {
  checkKeys(options, LIST_OPTIONS, 'list')
  const { limit, cursor, ...filter } = options
  if (cursor !== undefined && typeof cursor !== 'string') throw badCursor()
  return { filter: filterOf(filter), limit: checkLimit(limit), ...(cursor === undefined ? {} : { cursor }) }
}

/** Throws EngineError `bad-option`. */
export function checkFilter(filter: ExecutionFilter, what: string): CheckedFilter {
  checkKeys(filter, FILTER_OPTIONS, what)
  return filterOf(filter)
}

/** Thrown for a cursor that no list has given. */
export function badCursor(): EngineError {
  return new EngineError('bad-option', 'this cursor is not one of a list')
}

/** `cron` is a type, `cron/nightly` type and name. */
export function triggerOf(text: string): TriggerFilter {
  const slash = text.indexOf('/')
  return slash < 0 ? { type: text } : { type: text.slice(0, slash), name: text.slice(slash + 1) }
}

function filterOf({ flow, status, trigger, startedAfter, startedBefore, parent, name }: ExecutionFilter): CheckedFilter {
  return {
    ...(flow === undefined ? {} : { flows: flowsOf(flow) }),
    ...statusesOf(status),
    ...(trigger === undefined ? {} : { trigger: triggerOf(textOf(trigger, 'trigger')) }),
    ...(startedAfter === undefined ? {} : { startedAfter: timeOf(startedAfter, 'startedAfter') }),
    ...(startedBefore === undefined ? {} : { startedBefore: timeOf(startedBefore, 'startedBefore') }),
    ...(parent === undefined ? {} : { parent: textOf(parent, 'parent') }),
    ...(name === undefined ? {} : { name: textOf(name, 'name') }),
  }
}

function flowsOf(flow: string | readonly string[]): readonly string[] {
  const flows = [...new Set([flow].flat())].map((one) => textOf(one, 'flow'))
  if (flows.length > MOST_FLOWS) throw new EngineError('bad-option', `a list takes at most ${MOST_FLOWS} flows, not ${flows.length}`)
  return flows
}

function statusesOf(status: ExecutionFilter['status']): { readonly statuses?: readonly ExecutionStatus[] } {
  if (status === undefined) return {}
  const statuses = [...new Set([status].flat())]
  for (const wanted of statuses) {
    if (!STATUSES.includes(wanted))
      throw new EngineError('bad-option', `no executions have status ${String(wanted)}; known: ${STATUSES.join(', ')}`)
  }
  return statuses.length === STATUSES.length ? {} : { statuses }
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new EngineError('bad-option', `${what} must be a text, not ${typeof value}`)
  return value
}

function timeOf(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value))
    throw new EngineError('bad-option', `${what} must be a time in epoch milliseconds, not ${String(value)}`)
  return value as number
}
