/** What `fnflow plan` says of a flow, against the histories that Temporal has of it. */
import { Connection } from '@temporalio/client'
import { temporal } from '@temporalio/proto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadFlow } from '../../../dsl/load.ts'
import type { Json } from '../../../dsl/json.ts'
import type { Plan } from '../../../dsl/plan.ts'
import { createEngine, type Engine } from '../../../engine/index.ts'
import { eventsOf, bytesIn } from '../../../engine/estimate/cost.ts'
import { estimate, type Estimate } from '../../../engine/estimate/estimate.ts'
import type { Range } from '../../../engine/estimate/range.ts'
import { newDatabase, newNamespace, temporalServices } from './services.ts'

const { address } = temporalServices()
const { EventType } = temporal.api.enums.v1
type HistoryEvent = temporal.api.history.v1.IHistoryEvent

/** What every function and every callback answers, so that the assumed size is the real one. */
const RESULT = { answer: 'x'.repeat(50) }
const BYTES = JSON.stringify(RESULT).length
const MINUTES = 60_000

let engine: Engine
let connection: Connection
let namespace: string
beforeAll(async () => {
  const [name, store] = await Promise.all([newNamespace(), newDatabase()])
  namespace = name
  connection = await Connection.connect({ address })
  engine = await createEngine({
    engine: 'temporal',
    store,
    temporal: { address, namespace, taskQueue: 'plan' },
    functions: {
      work: () => RESULT,
      ask: () => RESULT,
      once: (_event: Json, { attempt }: { attempt: number }) => {
        if (attempt === 1) throw new Error('the first time')
        return RESULT
      },
    },
    channels: { log: { kind: 'log' } },
    onCallback: ({ token }) => void engine.callback(token, { status: 'succeeded', output: RESULT }),
    onLog: () => undefined,
  })
})
afterAll(async () => {
  await engine.close()
  await connection.close()
})

/** A history, as far as an estimate tells of it. */
interface Seen {
  readonly events: number
  readonly bytes: number
  readonly size: number
  readonly children: readonly string[]
}

async function seenOf(workflowId: string): Promise<Seen> {
  const events: HistoryEvent[] = []
  let nextPageToken: Uint8Array | null | undefined
  do {
    const page = await connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId },
      ...(nextPageToken == null ? {} : { nextPageToken }),
    })
    events.push(...(page.history?.events ?? []))
    nextPageToken = page.nextPageToken
  } while (nextPageToken != null && nextPageToken.length > 0)
  const { workflowExecutionInfo } = await connection.workflowService.describeWorkflowExecution({ namespace, execution: { workflowId } })
  const children = events.flatMap(({ startChildWorkflowExecutionInitiatedEventAttributes: child }) => child?.workflowId ?? [])
  return {
    events: events.length - lostTaskEvents(events),
    bytes: events.reduce((all, event) => all + payloadBytes(event), 0),
    size: Number(workflowExecutionInfo?.historySizeBytes),
    children,
  }
}

/** Events of workflow tasks that a busy machine lost: nothing of the flow's. */
function lostTaskEvents(events: readonly HistoryEvent[]): number {
  const lost = new Set<string>()
  for (const { eventId, eventType, workflowTaskTimedOutEventAttributes: late, workflowTaskFailedEventAttributes: failed } of events) {
    if (eventType !== EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT && eventType !== EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED) continue
    for (const id of [eventId, (late ?? failed)?.scheduledEventId, (late ?? failed)?.startedEventId])
      if (id != null && Number(id) > 0) lost.add(String(id))
  }
  return lost.size
}

/** All payloads of an event, whatever they are of. */
function payloadBytes(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 0
  const { data, metadata } = value as { readonly data?: unknown; readonly metadata?: unknown }
  if (data instanceof Uint8Array && metadata !== undefined) return data.length
  return Object.values(value).reduce<number>((all, part) => all + payloadBytes(part), 0)
}

const call = (name: string, more: object = {}): object => ({ type: 'function', function: name, ...more })
const loop = (concurrency: number, nodes: object, more: object = {}): object => ({
  type: 'loop',
  items: '$.items',
  concurrency,
  nodes,
  ...more,
})
const one = { w: call('work', { params: { n: '$.item' } }) }
const SEQUENCE = {
  flow: 'sequence',
  start: 'a',
  nodes: { a: call('work', { next: 'b' }), b: call('work', { next: 'c' }), c: call('work') },
}
const EXPRESS = { flow: 'in-memory', mode: 'express', start: 'a', nodes: { a: call('work') } }

interface Case {
  readonly flow: object
  readonly items?: number
  /** Its tasks hang on what ends together: the mean of some executions is looked at. */
  readonly shared?: boolean
}

const parallel = (count: number): object => ({
  p: { type: 'parallel', branches: Array.from({ length: count }, (_, at) => `b${at}`) },
  ...Object.fromEntries(Array.from({ length: count }, (_, at) => [`b${at}`, call('work')])),
})

const CASES: Readonly<Record<string, Case>> = {
  'three functions in sequence': { flow: SEQUENCE },
  'a flow with a timeout': { flow: { flow: 'limited', timeout: '1h', start: 'a', nodes: { a: call('work') } } },
  'an event': { flow: { flow: 'event', start: 'a', nodes: { a: { type: 'event', channel: 'log', next: 'b' }, b: call('work') } } },
  'an event with a key': {
    flow: { flow: 'event', start: 'a', nodes: { a: { type: 'event', channel: 'log', key: '$.items[0]', next: 'b' }, b: call('work') } },
  },
  'a condition, decided by the input': {
    flow: {
      flow: 'condition',
      start: 'a',
      nodes: {
        a: {
          type: 'condition',
          branches: [
            { when: '$.items[1] == 1', next: 'b' },
            { default: true, next: 'd' },
          ],
        },
        b: call('work', { next: 'c' }),
        c: call('work'),
        d: call('work'),
      },
    },
  },
  'pass and end': {
    flow: { flow: 'pass', start: 'a', nodes: { a: { type: 'pass', params: { n: '$.items[0]' }, next: 'b' }, b: { type: 'end' } } },
  },
  'a wait': { flow: { flow: 'wait', start: 'a', nodes: { a: { type: 'wait', seconds: 1, next: 'b' }, b: call('work') } } },
  'a callback': { flow: { flow: 'callback', start: 'a', nodes: { a: { type: 'callback', function: 'ask', next: 'b' }, b: call('work') } } },
  'a callback whose answer ends the flow': {
    flow: { flow: 'callback-last', start: 'a', nodes: { a: { type: 'callback', function: 'ask' } } },
  },
  'a subflow, waited for': {
    flow: { flow: 'sub', start: 'a', nodes: { a: { type: 'subflow', flow: 'sequence', next: 'b' }, b: call('work') } },
  },
  'a subflow, not waited for': { flow: { flow: 'sub-not', start: 'a', nodes: { a: { type: 'subflow', flow: 'sequence', wait: false } } } },
  'an express subflow': { flow: { flow: 'sub-express', start: 'a', nodes: { a: { type: 'subflow', flow: 'in-memory' } } } },
  'a service, serial': {
    flow: { flow: 'serial', start: 's', nodes: { s: { type: 'service', nodes: { a: call('work', { next: 'b' }), b: call('work') } } } },
  },
  'a service, parallel': {
    flow: {
      flow: 'service',
      start: 's',
      nodes: { s: { type: 'service', execution: 'parallel', nodes: { a: call('work'), b: call('work') } } },
    },
    shared: true,
  },
  'five branches': { flow: { flow: 'five', start: 'p', nodes: parallel(5) }, shared: true },
  'twenty branches': { flow: { flow: 'twenty', start: 'p', nodes: parallel(20) }, shared: true },
  'a loop without a limit': { flow: { flow: 'loop-0', start: 'each', nodes: { each: loop(0, one) } }, items: 50, shared: true },
  'a loop of ten at a time': { flow: { flow: 'loop-10', start: 'each', nodes: { each: loop(10, one) } }, items: 50, shared: true },
  'a loop of one at a time': { flow: { flow: 'loop-1', start: 'each', nodes: { each: loop(1, one) } }, items: 50 },
  'a loop that waits': {
    flow: { flow: 'loop-wait', start: 'each', nodes: { each: loop(0, { z: { type: 'wait', seconds: 1, next: 'w' }, ...one }) } },
    items: 20,
    shared: true,
  },
  'a loop in batches': {
    flow: { flow: 'batches', start: 'each', nodes: { each: loop(0, { w: call('work', { params: { n: '$.item' }, timeout: 5 }) }) } },
    items: 500,
    shared: true,
  },
}

async function planOf(flow: object): Promise<Plan> {
  const { plan, diagnostics } = await loadFlow(flow)
  if (plan === undefined) throw new Error(JSON.stringify(diagnostics))
  return plan
}

async function estimated(flow: object, input: Json): Promise<Estimate> {
  const others = new Map([
    ['sequence', await planOf(SEQUENCE)],
    ['in-memory', await planOf(EXPRESS)],
  ])
  return estimate(await planOf(flow), { input, bytes: BYTES, items: 1, flow: (name) => others.get(name), now: Date.now() })
}

function inputOf(items = 3): Json {
  return { items: Array.from({ length: items }, (_, at) => at) }
}

async function run(flow: object, input: Json): Promise<Seen & { readonly id: string }> {
  const execution = await engine.start((flow as { flow: string }).flow, { input })
  await execution.result()
  return { id: execution.id, ...(await seenOf(execution.id)) }
}

function mean(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0) / values.length
}

function expectWithin(real: number, { least, most }: Range, what: string): void {
  expect(real, `${what}, at least`).toBeGreaterThanOrEqual(Math.floor(least))
  expect(real, `${what}, at most`).toBeLessThanOrEqual(Math.ceil(most))
}

/** Expected is within a fifth of what was. */
function expectNear(expected: number, real: number, what: string): void {
  expect(Math.abs(expected - real) / real, `${what}: ${expected} expected, ${real} in fact`).toBeLessThanOrEqual(0.2)
}

describe('an estimate holds what the history has', () => {
  beforeAll(async () => {
    for (const { flow } of [{ flow: SEQUENCE }, { flow: EXPRESS }, ...Object.values(CASES)]) await engine.deploy(flow)
  })

  it.for(Object.entries(CASES))('%s', { timeout: 2 * MINUTES }, async ([, { flow, items, shared = false }]) => {
    const input = inputOf(items)
    const { cost, historyBytes } = await estimated(flow, input)
    const seen: Seen[] = []
    for (let times = 0; times < (shared ? 3 : 1); times++) seen.push(await run(flow, input))
    const events = eventsOf(cost)
    for (const history of seen) {
      expectWithin(history.events, events, 'events')
      // an attribute more or less, and digits of times and indexes
      expectNear(bytesIn(cost).expected, history.bytes, 'bytes of payloads')
      expectNear(historyBytes.expected, history.size, 'size of the history')
    }
    expectNear(events.expected, mean(seen.map((history) => history.events)), 'events')
  })

  it('one retry: what one more attempt costs, and not more than all of them', { timeout: MINUTES }, async () => {
    const flow = {
      flow: 'retried',
      start: 'a',
      nodes: { a: call('once', { onError: 'e' }), e: { type: 'error', retry: { max: 3, interval: 1 } } },
    }
    await engine.deploy(flow)
    const { cost } = await estimated(flow, {})
    const { events } = await run(flow, {})
    const { expected, withRetries } = eventsOf(cost)
    expect(withRetries).toBe(expected + 3 * (events - expected))
    expect(events).toBe(22)
  })

  it('a race: at least the winner, at most all', { timeout: MINUTES }, async () => {
    const flow = {
      flow: 'race',
      start: 'p',
      nodes: {
        p: { type: 'parallel', branches: ['a', 'b'], complete: 'any' },
        a: call('work', { next: 'j' }),
        b: call('work', { next: 'c' }),
        c: call('work', { next: 'j' }),
        j: call('work'),
      },
    }
    await engine.deploy(flow)
    const { cost } = await estimated(flow, {})
    expectWithin((await run(flow, {})).events, eventsOf(cost), 'events')
  })

  it('lanes: the events of the parent, and those of all lanes', { timeout: 5 * MINUTES }, async () => {
    const flow = {
      flow: 'lanes',
      start: 'each',
      nodes: { each: loop(9, { v: call('work', { params: { n: '$.item' }, next: 'w' }), w: call('work') }) },
    }
    const input = inputOf(251)
    await engine.deploy(flow)
    const { cost, rows } = await estimated(flow, input)
    expect(rows[0]?.note).toBe('2 lanes of 250, 1 at a time')
    const { children, ...parent } = await run(flow, input)
    expect(children).toHaveLength(2)
    expectWithin(parent.events, eventsOf(cost), 'events of the parent')
    expectNear(bytesIn(cost).expected, parent.bytes, 'bytes of the parent')
    const lanes = await Promise.all(children.map(seenOf))
    const events = lanes.reduce((all, lane) => all + lane.events, 0)
    expectWithin(events, cost.laneEvents, 'events of lanes')
    expectNear(cost.laneEvents.expected, events, 'events of lanes')
    expectNear(cost.laneBytes.expected, mean(lanes.map(({ bytes }) => bytes)) * lanes.length, 'bytes of lanes')
  })

  it('large values: references in the history, the rest in the payload store', { timeout: MINUTES }, async () => {
    const flow = { flow: 'large', start: 'a', nodes: { a: call('work', { next: 'b' }), b: call('work') } }
    await engine.deploy(flow)
    const input = { text: 'x'.repeat(100_000) }
    const { cost, findings } = await estimated(flow, input)
    const { bytes } = await run(flow, input)
    expectNear(bytesIn(cost).expected, bytes, 'bytes of payloads')
    expect(cost.stored.expected).toBe(2 * JSON.stringify(input).length)
    expect(findings.map(({ rule, node }) => [rule, node])).toEqual([['claim-check', 'a']])
  })
})
