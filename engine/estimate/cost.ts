/**
 * What a part of a flow costs, and how the costs of parts make that of the whole: one behind the other, one of several, all at once, again
 * and again. The prices of single steps are in steps.ts.
 *
 * A workflow is woken by whatever ends: an activity, a timer, a child, a signal. That takes a workflow task, of three events; what ends while
 * one is under way shares the next. So of `wakes` things that happen, there are as many tasks where they come one by one, and one task for
 * all that come at once.
 */
import { OUTSTANDING_LIMIT, TIMERS_LIMIT } from '../../workflows/protocol/limits.ts'
import { exactly, inProportion, NONE, oneOf, sum, times, type Alternative, type Range } from './range.ts'

const MEASURES = [
  /** Calls of functions. */
  'invocations',
  /** Events in the flow's own history, without those of timers and workflow tasks. */
  'own',
  /** Timers, which all that falls due at the same instant shares; two events each. */
  'timers',
  /** What their events carry. */
  'timerBytes',
  /** What wakes the workflow. */
  'wakes',
  /** Workflow tasks; three events each. */
  'tasks',
  /** Of payloads, in the flow's own history, without those of timers. */
  'bytes',
  /** Of payloads that are too large for a history. */
  'stored',
  /** Events and bytes in the histories of lanes. */
  'laneEvents',
  'laneBytes',
] as const

/** What parts that run at one time have less of together than each by itself. */
export const SHARED = ['timers', 'timerBytes', 'tasks'] as const

export type Measures = { readonly [measure in (typeof MEASURES)[number]]: Range }

/** At one time, in one history. */
export interface Pending {
  readonly activities: number
  readonly children: number
  readonly timers: number
}

/** The way through with the most activities one behind the other. */
export interface Longest {
  readonly activities: number
  /** Events of what lies on it, one by one. */
  readonly events: number
  readonly waitMs: number
  readonly nodes: readonly { readonly place: string; readonly times: number }[]
}

export interface Cost extends Measures {
  /** More than the engine schedules at one time, where a loop has as many. */
  readonly pending: Pending
  /** Effects under way at one time: activities, and children. */
  readonly width: number
  /** Invocations at one time, wherever. */
  readonly atOnce: number
  readonly longest: Longest
  /** It begins with a timer of so many ms. */
  readonly opening: number | null
  /** It waits for times that differ from run to run: they wake the workflow one by one. */
  readonly apart: boolean
}

export const NO_PENDING: Pending = { activities: 0, children: 0, timers: 0 }
const SHORTEST: Longest = { activities: 0, events: 0, waitMs: 0, nodes: [] }

export const FREE: Cost = {
  ...measured(() => NONE),
  pending: NO_PENDING,
  width: 0,
  atOnce: 0,
  longest: SHORTEST,
  opening: null,
  apart: false,
}

export function measured(range: (measure: keyof Measures) => Range): Measures {
  return Object.fromEntries(MEASURES.map((measure) => [measure, range(measure)])) as unknown as Measures
}

/** All measures of both. */
export function added(a: Measures, b: Measures): Measures {
  return measured((measure) => sum([a[measure], b[measure]]))
}

/** In the flow's own history. */
export function eventsOf({ own, timers, tasks }: Measures): Range {
  return sum([own, times(timers, 2), times(tasks, 3)])
}

/** Of payloads, in the flow's own history. */
export function bytesIn({ bytes, timerBytes }: Measures): Range {
  return sum([bytes, timerBytes])
}

/** One behind the other. */
export function inSequence(first: Cost, then: Cost): Cost {
  return {
    ...added(first, then),
    pending: larger(first.pending, then.pending),
    width: Math.max(first.width, then.width),
    atOnce: Math.max(first.atOnce, then.atOnce),
    longest: joined(first.longest, then.longest),
    opening: first === FREE ? then.opening : first.opening,
    apart: first.apart || then.apart,
  }
}

/** One of several. */
export function alternatively(ways: readonly Alternative<Cost>[]): Cost {
  const [only] = ways
  if (ways.length === 1 && only?.failing === false) return only.value
  const usual = ways.filter(({ failing }) => !failing).map(({ value }) => value)
  return {
    ...measured((measure) => oneOf(ways.map((way) => ({ ...way, value: way.value[measure] })))),
    pending: usual.map(({ pending }) => pending).reduce(larger, NO_PENDING),
    width: most(usual, ({ width }) => width),
    atOnce: most(usual, (way) => way.atOnce),
    longest: usual.map(({ longest }) => longest).reduce(longer, SHORTEST),
    opening: null,
    apart: usual.some(({ apart }) => apart),
  }
}

/** All at once, to the end of each. */
export function atOnce(parts: readonly Cost[]): Cost {
  const all = parts.reduce<Measures>(added, FREE)
  const same = parts.length - new Set(parts.map(({ opening }, at) => opening ?? `no ${at}`)).size
  const apart = parts.some((part) => part.apart)
  const width = parts.reduce((wide, part) => wide + part.width, 0)
  const timers = {
    ...all.timers,
    least: most(parts, (part) => part.timers.least),
    expected: Math.max(0, all.timers.expected - same),
  }
  return {
    ...all,
    timers,
    timerBytes: inProportion(all.timerBytes, all.timers, timers),
    tasks: {
      ...all.tasks,
      least: most(parts, ({ tasks }) => tasks.least),
      expected: Math.max(
        most(parts, ({ tasks }) => tasks.expected),
        apart ? all.tasks.expected : Math.min(all.tasks.expected, shared(all.wakes.expected, Math.max(width, parts.length))),
      ),
    },
    pending: parts.map(({ pending }) => pending).reduce(plus, NO_PENDING),
    width,
    atOnce: parts.reduce((running, part) => running + part.atOnce, 0),
    longest: parts.map(({ longest }) => longest).reduce(longer, SHORTEST),
    opening: null,
    apart,
  }
}

/** `count` times, up to `most` of them at one time. */
export function repeated(each: Cost, count: number, most: number): Cost {
  if (count === 0) return FREE
  const width = Math.min(count, most, OUTSTANDING_LIMIT)
  const rounds = Math.ceil(count / width)
  const alone = width === 1 || each.apart
  // a timer that all begin with falls due for all that began at once
  const first = each.opening === null ? 0 : 1
  const merged = (one: number): number =>
    alone ? count * one : rounds * Math.min(first, one) + shared(count * Math.max(0, one - first), width)
  const all = measured((measure) => times(each[measure], count))
  const pending = scaled(each.pending, Math.min(count, most))
  // only those that are due next are set: one that is put off is set twice
  const putOff = pending.timers > TIMERS_LIMIT ? 2 : 1
  const timers = {
    least: rounds * each.timers.least,
    expected: merged(each.timers.expected),
    most: putOff * all.timers.most,
    withRetries: putOff * all.timers.withRetries,
  }
  return {
    ...all,
    timers,
    timerBytes: inProportion(all.timerBytes, all.timers, timers),
    tasks: { ...all.tasks, least: rounds * each.tasks.least, expected: merged(each.tasks.expected) },
    pending,
    width: each.width * width,
    atOnce: each.atOnce * width,
    longest: repeatedWay(each.longest, rounds),
    opening: null,
    apart: each.apart,
  }
}

/**
 * Workflow tasks that so many things take which happen `width` at a time, if they are quick: measured, 10 at a time some 3 share one, of 1,000
 * at a time some 30 (test/engine/temporal/plan.test.ts).
 */
export function shared(wakes: number, width: number): number {
  return wakes / Math.sqrt(Math.max(1, width))
}

/** As {@link shared}, of what takes seconds, as lanes do: measured, of 20 lanes at a time less than two end together. */
export function sharedByLong(wakes: number, width: number): number {
  return wakes / Math.max(1, width) ** 0.2
}

/** The same, tried again `max` times where it fails, behind a timer each. */
export function retried(cost: Cost, max: number, each: { readonly timerBytes: number; readonly bytes: number }): Cost {
  const { timerBytes, bytes } = each
  const extra: Partial<Record<keyof Measures, number>> = {
    timers: max,
    wakes: max,
    tasks: max,
    timerBytes: max * timerBytes,
    bytes: max * bytes,
  }
  const tried = measured((measure) => {
    const range = cost[measure]
    return { ...range, withRetries: range.withRetries * (1 + max) + (extra[measure] ?? 0) }
  })
  return { ...cost, ...tried }
}

/** A single step; what is not given is nothing. */
export function step(given: { readonly [measure in keyof Measures]?: number | Range } & Partial<Omit<Cost, keyof Measures>>): Cost {
  const { pending = NO_PENDING, width = 0, atOnce: running = 0, longest = SHORTEST, opening = null, apart = false } = given
  const measures = measured((measure) => {
    const value = given[measure] ?? 0
    return typeof value === 'number' ? exactly(value) : value
  })
  return { ...measures, pending, width, atOnce: running, longest, opening, apart }
}

function most<T>(parts: readonly T[], of: (part: T) => number): number {
  return parts.reduce((all, part) => Math.max(all, of(part)), 0)
}

function larger(a: Pending, b: Pending): Pending {
  return eachOf(a, b, Math.max)
}

function plus(a: Pending, b: Pending): Pending {
  return eachOf(a, b, (x, y) => x + y)
}

function scaled(pending: Pending, by: number): Pending {
  return eachOf(pending, pending, (count) => count * by)
}

function eachOf(a: Pending, b: Pending, how: (a: number, b: number) => number): Pending {
  return { activities: how(a.activities, b.activities), children: how(a.children, b.children), timers: how(a.timers, b.timers) }
}

function joined(a: Longest, b: Longest): Longest {
  return {
    activities: a.activities + b.activities,
    events: a.events + b.events,
    waitMs: a.waitMs + b.waitMs,
    nodes: [...a.nodes, ...b.nodes],
  }
}

function longer(a: Longest, b: Longest): Longest {
  if (a.activities !== b.activities) return a.activities > b.activities ? a : b
  return b.events > a.events || (b.events === a.events && b.waitMs > a.waitMs) ? b : a
}

function repeatedWay({ activities, events, waitMs, nodes }: Longest, rounds: number): Longest {
  return {
    activities: activities * rounds,
    events: events * rounds,
    waitMs: waitMs * rounds,
    nodes: nodes.map(({ place, times: count }) => ({ place, times: count * rounds })),
  }
}
