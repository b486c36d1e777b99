/**
 * The core: `step(flow, event)` changes the state in place and returns the commands that follow from the event.
 * Deterministic and synchronous (I5); the cost of an event does not grow with the flow or the loop.
 */
import { NodeError, type ErrorDocument } from '../errors.ts'
import { checkBounds } from '../json-bounds.ts'
import type { Json } from '../json.ts'
import { follow } from './body.ts'
import { contextOf } from './context.ts'
import type { Core } from './core.ts'
import { findRun, lineageOf } from './place.ts'
import { enterLoop, type RangeSpec } from './range.ts'
import { preparePlan, type PreparedNode, type PreparedPlan } from './prepare.ts'
import { NODES } from '../nodes/index.ts'
import { resumeLoop } from '../nodes/loop.ts'
import {
  Flow,
  NodeRun,
  Scope,
  Timer,
  type Carried,
  type Command,
  type FlowStart,
  type FlowStatus,
  type Recorder,
  type RunStatus,
} from './state.ts'
import type { Plan } from '../plan.ts'

/** Raised by one when an old journal would fold differently; the differences are then flags kept for older executions. */
export const CORE_VERSION = 1

/** Events of the core. `run` may stand for `place` where the host has it at hand. `time` is when the host took it, epoch ms. */
export type CoreEvent =
  | { kind: 'ok'; run?: NodeRun; place?: string; data: Json; time: number }
  | { kind: 'error'; run?: NodeRun; place?: string; data: ErrorDocument; time: number }
  | { kind: 'timer'; place: string; purpose: string; time: number }
  | { kind: 'called'; place: string; data: Json; time: number }
  | { kind: 'refused'; place: string; data: ErrorDocument; time: number }
  | { kind: 'stop'; time: number }
  | { kind: 'carry'; lineage: string; data: Carried; time: number }
  | { kind: 'replace'; lineage: string; data: Json; time: number }

const NO_COMMANDS: Command[] = []
/** Beyond it the list of a step is let go: the runs of a large loop must not stay in memory for as long as their execution. */
const KEPT_COMMANDS = 64

/** Makes a plan ready to run. Cache the result by the plan's hash. */
export function prepare(plan: Plan): PreparedPlan {
  return preparePlan(plan, NODES)
}

/** A new execution. Nothing happens before {@link begin}. */
export function createFlow(prepared: PreparedPlan, start: FlowStart, recorder: Recorder | null = null): Flow {
  const flow = new Flow(prepared, start)
  flow.recorder = recorder
  return flow
}

/** Takes the start event; to be called once, behind `carry` and `replace` events and before all others. */
export function begin(flow: Flow): Command[] {
  const timeout = flow.prepared.plan.timeoutMs
  if (timeout !== undefined) {
    flow.timer = new Timer(null, 'flow', flow.start.startedAt + timeout)
    flow.command(flow.timer)
  }
  enter(flow.root, flow.prepared.start, flow.start.input)
  return take(flow)
}

/**
 * Takes the start of a flow that is one range of a loop, in place of {@link begin}: its iterations run, and nothing else. It ends with a
 * {@link RangeResult}, or with the error that fails the loop.
 */
export function beginRange(flow: Flow, spec: RangeSpec): Command[] {
  flow.now = Math.max(flow.now, spec.beganAt ?? 0)
  resumeLoop(enterLoop(flow, spec), core, spec)
  return take(flow)
}

/**
 * Takes one event. An event for which nothing is outstanding changes nothing and yields no commands (I3): `accepts` tells beforehand.
 * The commands are to be carried out in order, once the event is safe.
 */
export function step(flow: Flow, event: CoreEvent): Command[] {
  if (event.kind === 'carry') {
    ;(flow.carried ??= new Map()).set(event.lineage, event.data)
    return NO_COMMANDS
  }
  if (event.kind === 'replace') {
    ;(flow.replaced ??= new Map()).set(event.lineage, event.data)
    return NO_COMMANDS
  }
  if (flow.status !== 'running') return NO_COMMANDS
  flow.now = event.time
  switch (event.kind) {
    case 'ok': {
      const run = event.run ?? find(flow, event.place ?? '')
      if (run === null || !run.active || run.kind === null) return NO_COMMANDS
      run.kind = null
      if (run.node.step.ok === undefined) core.complete(run, event.data)
      else run.node.step.ok(run, core, event.data)
      break
    }
    case 'error': {
      const run = event.run ?? find(flow, event.place ?? '')
      if (run === null || !run.active || run.kind === null) return NO_COMMANDS
      run.kind = null
      if (run.node.step.failed === undefined) core.fail(run, event.data)
      else run.node.step.failed(run, core, event.data)
      break
    }
    case 'timer': {
      if (event.place === '') {
        if (flow.timer === null) return NO_COMMANDS
        flow.timer = null
        finish(flow, 'timedOut', null, { status: 433, errorType: 'FlowTimeout', errorMessage: timeoutMessage(flow) })
        break
      }
      const run = find(flow, event.place)
      if (run === null || run.timer === null || run.timer.purpose !== event.purpose) return NO_COMMANDS
      const { purpose } = run.timer
      run.timer = null
      if (purpose === 'retry') retryNow(run)
      else run.node.step.timer?.(run, core, purpose)
      break
    }
    case 'called':
    case 'refused': {
      const run = find(flow, event.place)
      if (run?.node.step.called === undefined) return NO_COMMANDS
      run.node.step.called(run, core, event.kind === 'called', event.data as Json)
      break
    }
    case 'stop':
      finish(flow, 'cancelled', null, { status: 499, errorType: 'Cancelled', errorMessage: 'the execution was stopped' })
      break
  }
  return take(flow)
}

/** Everything that is outstanding: what a recovery has to issue again. */
export function outstanding(flow: Flow): Command[] {
  const commands: Command[] = []
  if (flow.status !== 'running') return commands
  if (flow.timer !== null) commands.push(flow.timer)
  const visit = (scope: Scope): void => {
    const run = scope.current
    if (run === null) return
    if (run.timer !== null) commands.push(run.timer)
    if (run.kind !== null) commands.push(run)
    if (run.children !== null) for (const child of run.children.values()) visit(child)
  }
  visit(flow.root)
  return commands
}

/** The active run at a place, or null. */
export function find(flow: Flow, place: string): NodeRun | null {
  return findRun(flow, place)
}

function take(flow: Flow): Command[] {
  const count = flow.commandCount
  if (count === 0) return NO_COMMANDS
  flow.commandCount = 0
  if (count > KEPT_COMMANDS) return flow.commands.splice(0)
  // nearly always one: a literal costs a fraction of a slice
  return count === 1 ? [flow.commands[0] as Command] : flow.commands.slice(0, count)
}

function timeoutMessage(flow: Flow): string {
  return `flow ${flow.prepared.plan.flow} did not end within ${(flow.prepared.plan.timeoutMs ?? 0) / 1000} s`
}

/** Goes on with a path. What follows without a wait comes back to the loop here: the stack must not grow with the length of a path. */
function enter(scope: Scope, node: PreparedNode, arrived: Json): void {
  if (scope.entering) {
    scope.ahead = node
    scope.arriving = arrived
    return
  }
  scope.entering = true
  enterOne(scope, node, arrived)
  while (scope.ahead !== null) {
    const next: PreparedNode = scope.ahead
    scope.ahead = null
    enterOne(scope, next, scope.arriving)
  }
  scope.entering = false
  scope.arriving = null
}

function enterOne(scope: Scope, node: PreparedNode, arrived: Json): void {
  const flow = scope.flow
  const run = new NodeRun(scope, node, arrived)
  scope.current = run
  if (flow.carried !== null || flow.replaced !== null) {
    const lineage = lineageOf(run)
    const carried = flow.carried?.get(lineage)
    if (carried !== undefined) return takeOver(run, carried)
    const replaced = flow.replaced?.get(lineage)
    if (replaced !== undefined) (run as { arrived: Json }).arrived = replaced
  }
  run.startedAt = flow.now
  flow.recorder?.started(run)
  attempt(run)
}

/** A node that another execution has done already: recorded, not run. */
function takeOver(run: NodeRun, carried: Carried): void {
  const recorder = run.scope.flow.recorder
  if (recorder !== null) {
    run.input = filteredOr(run, run.arrived)
    run.invocations = carried.attempts
    run.attempt = Math.max(1, carried.attempts)
    recorder.started(run)
  }
  const next = carried.next === undefined ? run.node.next : (run.node.graph.get(carried.next) ?? run.node.next)
  leave(run, carried.status, carried.output, next)
}

function filteredOr(run: NodeRun, otherwise: Json): Json {
  try {
    return filtered(run)
  } catch {
    return otherwise
  }
}

function filtered(run: NodeRun): Json {
  const path = run.node.inputPath
  return path === null ? run.arrived : follow(run, path, run.arrived, 'input')
}

/** One attempt: the input filter, then the step of the kind. */
function attempt(run: NodeRun): void {
  try {
    run.input = filtered(run)
    run.node.step.start(run, core)
  } catch (error) {
    core.fail(run, asDocument(error))
  }
}

/** A mistake of our own fails the node as well: an execution never hangs. */
function asDocument(error: unknown): ErrorDocument {
  if (error instanceof NodeError) return error.document
  return { status: 500, errorType: 'InternalError', errorMessage: error instanceof Error ? error.message : String(error) }
}

function retryNow(run: NodeRun): void {
  run.attempt += 1
  run.memory = null
  run.status = 'running'
  run.scope.flow.recorder?.changed(run)
  attempt(run)
}

/** What an error node makes of a result: flow-language.md, 5, steps 1 to 3. */
function handle(run: NodeRun, ok: boolean, result: Json, onward: PreparedNode | null): void {
  const handler = run.node.onError
  if (handler !== null) {
    try {
      const { retry } = handler
      if (retry !== null && run.attempt <= retry.max && (retry.when === null ? !ok : core.isTrue(run, retry.when, result))) {
        core.timer(run, 'retry', run.scope.flow.now + retry.intervalMs * retry.backoff ** (run.attempt - 1))
        run.status = 'retrying'
        run.scope.flow.recorder?.changed(run)
        return
      }
      for (const branch of handler.catches) {
        if (branch.when === null ? !ok : core.isTrue(run, branch.when, result)) return leave(run, 'caught', result, branch.next)
      }
    } catch (error) {
      return failed(run, asDocument(error))
    }
  }
  if (!ok) return failed(run, result as unknown as ErrorDocument)
  leave(run, 'succeeded', result, onward)
}

/** The run has ended well, or was caught; the path goes on. */
function leave(run: NodeRun, status: 'succeeded' | 'caught', output: Json, next: PreparedNode | null): void {
  const scope = run.scope
  run.active = false
  run.status = status
  run.to = next
  scope.current = null
  if (run.node.keepOutput) (scope.outputs ??= new Map()).set(run.node.id, output)
  scope.flow.recorder?.ended(run, status, output)
  if (next === null || next === scope.join) scopeEnded(scope, true, output)
  else enter(scope, next, output)
}

function failed(run: NodeRun, error: ErrorDocument): void {
  const scope = run.scope
  run.active = false
  run.status = 'failed'
  scope.current = null
  scope.flow.recorder?.ended(run, 'failed', error)
  scopeEnded(scope, false, error as unknown as Json)
}

function scopeEnded(scope: Scope, ok: boolean, value: Json): void {
  const parent = scope.parent
  if (parent === null) {
    if (ok) finish(scope.flow, 'succeeded', value, null)
    else finish(scope.flow, 'failed', null, value as unknown as ErrorDocument)
    return
  }
  parent.children?.delete(scope.index)
  if (parent.active) parent.node.step.childEnded?.(parent, core, scope.index, ok, value)
}

function finish(flow: Flow, status: FlowStatus, output: Json, error: ErrorDocument | null): void {
  if (flow.timer !== null) {
    flow.command({ kind: 'clear', timer: flow.timer })
    flow.timer = null
  }
  if (flow.root.current !== null) cancel(flow.root.current)
  flow.root.current = null
  flow.status = status
  flow.root.outputs = null
  flow.output = output
  flow.error = error
  flow.command(END)
}

const END: Command = { kind: 'end' }

function cancel(run: NodeRun): void {
  withdraw(run)
  core.cancelChildren(run)
  run.active = false
  run.status = 'cancelled'
  run.scope.flow.recorder?.ended(run, 'cancelled', undefined)
}

/** Takes back what the run has outstanding itself. */
function withdraw(run: NodeRun): void {
  core.clearTimer(run)
  if (run.kind !== null) {
    run.scope.flow.command({ kind: 'cancel', run, effect: run.kind, attempt: run.attempt })
    run.kind = null
  }
}

const core: Core = {
  effect(run, effect) {
    run.kind = effect
    run.handle = null
    run.invocations += 1
    run.scope.flow.command(run)
  },
  timer(run, purpose, due) {
    core.clearTimer(run)
    run.timer = new Timer(run, purpose, due)
    run.scope.flow.command(run.timer)
  },
  clearTimer(run) {
    if (run.timer === null) return
    run.scope.flow.command({ kind: 'clear', timer: run.timer })
    run.timer = null
  },
  now: (run) => run.scope.flow.now,
  waiting(run) {
    setStatus(run, 'waiting')
  },
  complete(run, output) {
    core.completeTo(run, output, run.node.next)
  },
  completeTo(run, output, next) {
    withdraw(run)
    const path = run.node.outputPath
    const builds = run.node.step.builds === true && output !== run.input
    let value = output
    if (path !== null || builds) {
      try {
        if (builds) checkBounds(output, `the output of node ${run.node.id}`)
        if (path !== null) value = follow(run, path, output, 'output')
      } catch (error) {
        return handle(run, false, asDocument(error) as unknown as Json, null)
      }
    }
    if (run.node.onError === null) leave(run, 'succeeded', value, next)
    else handle(run, true, value, next)
  },
  fail(run, error) {
    withdraw(run)
    core.cancelChildren(run)
    if (run.node.onError === null) failed(run, error)
    else handle(run, false, error as unknown as Json, null)
  },
  spawn(run, index, start, input, join) {
    const scope = new Scope(run.scope.flow, run, index, join)
    ;(run.children ??= new Map()).set(index, scope)
    enter(scope, start, input)
  },
  cancelChildren(run) {
    const children = run.children
    if (children === null) return
    run.children = null
    for (const scope of children.values()) {
      if (scope.current !== null) cancel(scope.current)
      scope.current = null
    }
  },
  isTrue: (run, expression, data) => expression.evaluate(data, contextOf(run)),
  iterationEnded(run, index, ok) {
    run.scope.flow.recorder?.iterationEnded(run, index, ok)
  },
  ranges: (run, count) => run.scope.flow.ranges?.(run, count) ?? null,
  rangeEnded(run, ok, value) {
    if (ok) finish(run.scope.flow, 'succeeded', value, null)
    else finish(run.scope.flow, 'failed', null, value as unknown as ErrorDocument)
  },
}

function setStatus(run: NodeRun, status: RunStatus): void {
  run.status = status
  run.scope.flow.recorder?.changed(run)
}
