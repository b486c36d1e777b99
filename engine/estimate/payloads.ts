/** How large the payloads are that stand in a history beside the flow's own values: built as the workflow builds them. */
import type { CloudEvent } from '../../dsl/cloud-event.ts'
import { compileParams } from '../../dsl/params.ts'
import type { PlanCallbackNode, PlanFunctionNode, PlanLoopNode } from '../../dsl/plan.ts'
import {
  ATTRIBUTES,
  scopeAttribute,
  type ExpressRequest,
  type FlowHints,
  type PublishRequest,
  type ResolvedChild,
  type ResolveRequest,
  type StartInfo,
} from '../../workflows/protocol/shapes.ts'
import { invokeRequest } from '../../workflows/protocol/requests.ts'
import { bytesOf, isGuessedObject, objectOf, type Guess } from './guess.ts'

/** As long as the ids that the engine makes. */
export const ID = '-'.repeat(36)
const HASH = '-'.repeat(40)
const VERSION = 'latest'
const SCOPE = ''

/** The plan stays as its hash. */
export const PLAN_BYTES = HASH.length

/** Of a value of the protocol's own. */
function size(value: object): number {
  return bytesOf(value as Guess)
}

export interface StartFacts {
  readonly flow: string
  readonly depth: number
  readonly hints: FlowHints
  readonly parent?: { readonly node: string; readonly place: string }
  /** Of what runs behind the first run: it is told when that began. */
  readonly behind?: boolean
}

/** First argument of a workflow. */
export function startInfoBytes({ flow, depth, hints, parent, behind = false }: StartFacts): number {
  const info: StartInfo = {
    protocol: 1,
    id: ID,
    flow,
    version: VERSION,
    hash: HASH,
    scope: SCOPE,
    depth,
    hints,
    ...(parent === undefined ? {} : { parent: { execution: ID, ...parent } }),
    ...(behind ? { startedAt: EPOCH_MS } : {}),
  }
  return size(info)
}

/** Search attributes and memo of an execution. */
export function attributeBytes(isChild: boolean): number {
  const values = {
    [ATTRIBUTES.version]: [VERSION],
    [ATTRIBUTES.scope]: [scopeAttribute(SCOPE)],
    ...(isChild ? { [ATTRIBUTES.parent]: [ID] } : {}),
  }
  return Object.values(values).reduce((all, value) => all + size(value), size([HASH]))
}

/** First argument of the activity `invoke`. */
export function invokeBytes(
  plan: PlanFunctionNode | PlanCallbackNode,
  setting: { readonly place: string; readonly flow: string; readonly inline: number },
): number {
  return size(invokeRequest(plan, { ...setting, scope: SCOPE, until: EPOCH_MS }))
}

const EPOCH_MS = 1_800_000_000_000
const TIME = new Date(EPOCH_MS).toISOString()

/** The argument of the activity `publish`; `event` without what the engine puts in. */
export function publishBytes(
  { node, place, channel }: { readonly node: string; readonly place: string; readonly channel: string },
  event: Pick<CloudEvent, 'source' | 'type'> & { readonly subject?: string },
  data: Guess,
  /** Null: none. */
  key: Guess,
): number {
  const whole: CloudEvent = {
    specversion: '1.0',
    id: `${ID}/${place}`,
    time: TIME,
    datacontenttype: 'application/json',
    ...event,
    ...(key === null ? {} : { partitionkey: '' }),
    data: null,
  }
  const request: PublishRequest = { execution: ID, node, place, channel, event: whole }
  // what is no text becomes one
  const keyBytes = key === null ? 0 : typeof key === 'string' ? bytesOf(key) - bytesOf('') : bytesOf(key)
  return size(request) + bytesOf(data) - bytesOf(null) + keyBytes
}

/** What the activity `publish` answers. */
export function publishedOutput(place: string): Guess {
  return { eventId: `${ID}/${place}` }
}

/** Argument and result of the activity `resolve`. */
export function resolveBytes(flow: string, place: string, mode: 'standard' | 'express', hints: FlowHints): readonly [number, number] {
  const request: ResolveRequest = { scope: SCOPE, execution: ID, place, flow }
  const answer: ResolvedChild = { id: ID, flow, version: VERSION, hash: HASH, mode, hints, hasLoop: false }
  return [size(request), size(answer)]
}

/** First argument of the activity `express`, around the start that it holds. */
export function expressBytes(wait: boolean): number {
  return size({ info: null, wait } satisfies { readonly [key in keyof ExpressRequest]: unknown }) - bytesOf(null)
}

/** What people see of a timer. */
export function timerSummaryBytes(label: string, purpose: string): number {
  return bytesOf(`${label}: ${purpose} | ${TIME}`)
}

/** What the signal `callback` carries beside the answer. */
export function signalBytes(place: string, value: Guess): number {
  return bytesOf({ place, ok: true, value })
}

export interface RangeFacts {
  readonly loop: PlanLoopNode
  /** The loop's, filtered. */
  readonly input: Guess
  /** Those of the range. */
  readonly items: Guess
  /** Of the whole loop. */
  readonly count: number
  readonly executionInput: Guess
}

/** Arguments of a lane or a batch behind start and plan: the execution's input, where iterations may ask for it, and what is to be done. */
export function rangeBytes({ loop, input, items, count, executionInput }: RangeFacts): readonly [number, number] {
  const spec = {
    around: [],
    loop: loop.id,
    attempt: 1,
    outputs: {},
    from: count,
    items,
    count,
    concurrency: loop.concurrency,
    input: neededInput(loop, input),
    ...(loop.intervalMs > 0 ? { after: EPOCH_MS } : {}),
  }
  const asks = /\$\$(?!\.(?:node|nodes|loop|flow|trigger|callback|execution\.(?:id|startedAt))\b)/.test(JSON.stringify(loop.nodes))
  return [bytesOf(asks ? executionInput : null), bytesOf(spec)]
}

/** As dsl/nodes/loop.ts: where the first node takes some members of the loop's input only, these. */
function neededInput({ start, nodes }: PlanLoopNode, input: Guess): Guess {
  const first = nodes[start]
  if (first === undefined || !('params' in first) || first.params === undefined || first.input !== undefined || !isGuessedObject(input))
    return input
  const names = compileParams(first.params).paths.flatMap(({ isContext, definite, names: [name] }) =>
    isContext ? [] : [definite ? name : undefined],
  )
  if (names.includes(undefined)) return input
  return objectOf(Object.entries(input).filter(([key]) => names.includes(key)))
}

/** What a lane or a batch comes to, without its list of results. */
export const RANGE_RESULT_BYTES = size({ results: null, failedAt: [], lastStart: EPOCH_MS }) - bytesOf(null)

/** An error document as functions' failures have them, with a stack. */
export const ERROR_BYTES = 1000
