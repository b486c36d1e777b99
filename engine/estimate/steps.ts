/** What one run of each kind of node costs on Temporal: the prices of docs/design/temporal.md, as workflows/flow.ts makes them. */
import { NodeError } from '../../dsl/errors.ts'
import { parseTime } from '../../dsl/time.ts'
import type {
  PlanCallbackNode,
  PlanConditionNode,
  PlanEventNode,
  PlanFunctionNode,
  PlanPassNode,
  PlanSubflowNode,
  PlanWaitNode,
} from '../../dsl/plan.ts'
import { checkBody, checkPayloads, checkWait, wouldFail } from './checks.ts'
import { FREE, NO_PENDING, step, type Cost } from './cost.ts'
import type { Done } from './done.ts'
import { bytesOf, isGuessedObject, objectOf, Unknown, type Guess } from './guess.ts'
import { fillParams, fillTemplate, holds, look } from './look.ts'
import {
  attributeBytes,
  expressBytes,
  ID,
  invokeBytes,
  PLAN_BYTES,
  publishBytes,
  publishedOutput,
  resolveBytes,
  signalBytes,
  startInfoBytes,
  timerSummaryBytes,
} from './payloads.ts'
import { exactly, times } from './range.ts'
import type { NodeRun } from './scope.ts'

const ONE_ACTIVITY = { ...NO_PENDING, activities: 1 }

export function functionStep(run: NodeRun<PlanFunctionNode>): Done {
  const { assumed } = run.scope.setting
  const { result } = assumed
  return { cost: effect(run, { payloads: [...invocation(run), bytesOf(result)], own: 3, wakes: 1, invocations: 1 }), output: result }
}

export function eventStep(run: NodeRun<PlanEventNode>): Done {
  const { node, place, scope, view } = run
  const data = node.data === undefined ? run.input : fillTemplate(node.data, view)
  const { channel, subject, source = `/flows/${scope.setting.plan.flow}`, eventType = 'fnflow.event' } = node
  const event = { source, type: eventType, ...(subject === undefined ? {} : { subject }) }
  const key = node.key === undefined ? null : fillTemplate(node.key, view)
  const request = publishBytes({ node: node.id, place, channel }, event, data, key)
  const output = publishedOutput(place)
  return { cost: effect(run, { payloads: [request, bytesOf(output)], own: 3, wakes: 1 }), output }
}

/** Invokes, with a timer beside it, and is woken by the signal. */
export function callbackStep(run: NodeRun<PlanCallbackNode>): Done {
  const { node, place, scope } = run
  const { result } = scope.setting.assumed
  checkWait(run, node.timeoutMs)
  const payloads = [...invocation(run), bytesOf(result), signalBytes(place, result)]
  const summary = timerSummaryBytes(node.label, 'timeout')
  const cost = effect(run, { payloads, own: 4, wakes: 2, invocations: 1 })
  // where the answer ends the flow, nobody takes the timer back: it goes with the workflow
  const own = { ...cost.own, least: cost.own.least - 1 }
  const timerBytes = { ...exactly(2 * summary), least: summary }
  const pending = { ...ONE_ACTIVITY, timers: 1 }
  return { cost: { ...cost, own, timers: exactly(1), timerBytes, pending, opening: node.timeoutMs }, output: result }
}

/** Looks the flow up, and starts it; an express one within an activity. */
export function subflowStep(run: NodeRun<PlanSubflowNode>): Done {
  const { node, place, scope, times: runs } = run
  const { setting } = scope
  const { depth } = setting
  const input = bodyOf(run)
  checkBody(run, bytesOf(input), 'the input of the child')
  const child = setting.child({ flow: node.flow, node: run.lineage, input, wait: node.wait, times: runs })
  const output = node.wait ? child.output : { executionId: ID }
  const flow = node.flow.replace(/:.*$/s, '')
  const parent = { node: run.lineage, place }
  const payloads = [
    ...resolveBytes(flow, place, child.mode, child.hints),
    startInfoBytes({ flow, depth: depth + 1, hints: child.hints, parent }) + (child.mode === 'express' ? expressBytes(node.wait) : 0),
    PLAN_BYTES,
    bytesOf(input),
  ]
  if (child.mode === 'express') {
    const answer = bytesOf({ ok: true, value: output })
    return { cost: effect(run, { payloads: [...payloads, answer], own: 6, wakes: 2 }), output }
  }
  const cost = effect(run, {
    payloads: node.wait ? [...payloads, bytesOf(output)] : payloads,
    summaries: attributeBytes(true),
    own: node.wait ? 6 : 5,
    wakes: node.wait ? 3 : 2,
  })
  const pending = { ...ONE_ACTIVITY, children: 1 }
  // a child that is quick may end before its start is told
  const tasks = node.wait ? { ...cost.tasks, least: cost.tasks.least - 1 } : cost.tasks
  return { cost: { ...cost, tasks, pending }, output }
}

export function waitStep(run: NodeRun<PlanWaitNode>): Done {
  const { node, lineage } = run
  const { ms, apart } = waitOf(run)
  if (ms !== null && ms <= 0) return { cost: FREE, output: run.input }
  checkWait(run, ms)
  const once = ms === null ? { ...exactly(1), least: 0 } : exactly(1)
  const cost = step({
    timers: once,
    timerBytes: times(once, timerSummaryBytes(node.label, 'wait')),
    wakes: once,
    tasks: once,
    pending: { ...NO_PENDING, timers: 1 },
    longest: { activities: 0, events: 5, waitMs: ms ?? 0, nodes: [{ place: lineage, times: 1 }] },
    opening: apart ? null : ms,
    apart,
  })
  return { cost, output: run.input }
}

/** How long; null: who knows. `apart`: it may differ from run to run. */
function waitOf({ node, scope, view }: NodeRun<PlanWaitNode>): { readonly ms: number | null; readonly apart: boolean } {
  const given = node.until ?? node.seconds ?? 0
  const isPath = typeof given === 'string' && given.startsWith('$')
  const value = isPath ? look(given, view) : given
  if (node.until === undefined) return { ms: typeof value === 'number' ? value * 1000 : null, apart: isPath }
  const time = typeof value === 'string' ? parseTime(value) : undefined
  return { ms: time === undefined ? null : time - scope.setting.assumed.now, apart: isPath }
}

export function passStep(run: NodeRun<PlanPassNode>): Done {
  return { cost: FREE, output: bodyOf(run) }
}

/** The ways that it may take. */
export function conditionStep(run: NodeRun<PlanConditionNode>): Done {
  const ways = new Set<string>()
  for (const { when, next } of run.node.branches) {
    const answer = answerOf(when, run)
    if (answer === false) continue
    ways.add(next)
    if (answer === true) return { cost: FREE, output: run.input, ways: [...ways] }
  }
  ways.add(run.node.otherwise)
  return { cost: FREE, output: run.input, ways: [...ways] }
}

function answerOf(when: string, run: NodeRun): boolean | undefined {
  try {
    return holds(when, run.view)
  } catch (error) {
    if (!(error instanceof NodeError)) throw error
    wouldFail(run, error.document)
    return undefined
  }
}

/** What a function, a child or a pass is given (flow-language.md, 4.3). */
function bodyOf({ node, scope, input, view }: NodeRun<PlanFunctionNode | PlanCallbackNode | PlanSubflowNode | PlanPassNode>): Guess {
  if (node.params === undefined) return input
  const params = fillParams(node.params, view)
  if (!scope.setting.plan.mergeInput) return params
  if (isGuessedObject(input) && isGuessedObject(params)) return objectOf([...Object.entries(input), ...Object.entries(params)])
  return input instanceof Unknown ? new Unknown(input.bytes + bytesOf(params)) : params
}

/** Request and body of the activity `invoke`. */
function invocation(run: NodeRun<PlanFunctionNode> | NodeRun<PlanCallbackNode>): readonly [number, number] {
  const { node, place, scope } = run
  const body = bytesOf(bodyOf(run))
  checkBody(run, body, 'the body of the invocation')
  return [invokeBytes(node, { place, flow: scope.setting.plan.flow, inline: scope.budget.inline }), body]
}

interface EffectCost {
  readonly payloads: readonly number[]
  /** Bytes beside the payloads, which always stay. */
  readonly summaries?: number
  readonly own: number
  readonly wakes: number
  readonly invocations?: number
}

/** An activity, or what begins with one. */
function effect(run: NodeRun, { payloads, summaries = 0, own, wakes, invocations = 0 }: EffectCost): Cost {
  const { node, lineage, scope, times: runs } = run
  checkPayloads(run, payloads)
  const { bytes, stored } = scope.budget.take(payloads, runs)
  return step({
    invocations,
    own,
    wakes,
    tasks: wakes,
    bytes: bytes + summaries + bytesOf(node.label),
    stored,
    pending: ONE_ACTIVITY,
    width: 1,
    atOnce: invocations,
    longest: {
      activities: 1,
      events: own + 3 * wakes + (node.type === 'callback' ? 2 : 0),
      waitMs: 0,
      nodes: [{ place: lineage, times: 1 }],
    },
  })
}
