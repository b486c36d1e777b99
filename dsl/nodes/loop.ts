import { follow } from '../core/body.ts'
import type { Core } from '../core/core.ts'
import type { PreparedNode } from '../core/prepare.ts'
import { loopPlace, rangeNode, type RangeResult, type RangeSpec } from '../core/range.ts'
import type { NodeRun, RangeChoice } from '../core/state.ts'
import type { Step } from '../core/step-type.ts'
import { parseDuration } from '../duration.ts'
import { NodeError } from '../errors.ts'
import { type Json, type JsonObject, isJsonObject, setMember } from '../json.ts'
import type { CompiledPath } from '../jsonpath/index.ts'
import type { PlanLoopNode } from '../plan.ts'
import { errorNode } from './error.ts'
import { NODE_ID_PATTERN, type Z, common, duration, jsonPath, next, nodeRef, onError, resultName } from './fields.ts'
import { functionNode } from './function.ts'
import { defineNode } from './node.ts'
import { pass } from './pass.ts'
import { wait } from './wait.ts'

interface LoopDetail {
  readonly items: CompiledPath
  readonly start: PreparedNode
  readonly range: PreparedNode
  readonly needsExecutionInput: boolean
}

interface LoopMemory {
  /** Of a range only its own; `items[0]` is iteration `base`. */
  readonly items: readonly Json[]
  readonly base: number
  /** `$$.loop.count`. */
  readonly count: number
  readonly results: Json[]
  /** The next to start. */
  next: number
  /** Iterations that have started and not ended. */
  running: number
  /** Paths that have started and not ended: iterations, or ranges of them. */
  active: number
  readonly concurrency: number
  /** Indexes of the iterations that have failed and were tolerated, or failed the loop. */
  readonly failedAt: number[]
  /** Failures, those of ranges too. */
  failures: number
  /** When the last one started, for `interval`. */
  lastStart: number
  /** Children that end while others are being started must not start more themselves: the stack would grow with the loop. */
  pumping: boolean
  /** Iterations are dealt out, `ranges.size` at a time. */
  readonly ranges: RangeChoice | null
  /** This flow is a range of a loop, and not more. */
  readonly isRange: boolean
}

/** Runs the inner graph once per element. */
const step: Step = {
  builds: true,
  prepare(plan: PlanLoopNode, context): LoopDetail {
    const start = context.graph(plan.nodes).get(plan.start)
    if (start === undefined) throw new Error(`loop ${plan.id}: no inner start ${plan.start}`)
    return {
      items: context.path(plan.items),
      start,
      range: rangeNode(start),
      needsExecutionInput: INTO_EXECUTION.test(JSON.stringify(plan.nodes)),
    }
  },
  start(run, core) {
    const plan = run.node.plan as PlanLoopNode
    const { items: path } = run.node.detail as LoopDetail
    const items = follow(run, path, run.input, 'items')
    if (!Array.isArray(items)) throw new NodeError('NotAnArray', `loop ${run.node.id}: ${path.text} is not an array`)
    const ranges = core.ranges(run, items.length)
    run.memory = {
      items,
      base: 0,
      count: items.length,
      results: new Array<Json>(items.length).fill(null),
      next: 0,
      running: 0,
      active: 0,
      concurrency: ranges === null ? plan.concurrency : ranges.width,
      failedAt: [],
      failures: 0,
      lastStart: core.now(run),
      pumping: false,
      ranges,
      isRange: false,
    } satisfies LoopMemory
    pump(run, core)
  },
  childEnded(run, core, index, ok, value) {
    const memory = run.memory as LoopMemory
    memory.active -= 1
    if (memory.ranges !== null) {
      memory.running -= rangeEnd(memory, index) - index
      if (!takeRange(run, core, index, ok, value)) return
    } else {
      memory.running -= 1
      core.iterationEnded(run, index, ok)
      if (ok) memory.results[index - memory.base] = value
      else {
        memory.failures += 1
        memory.failedAt.push(index)
        if (memory.failures > (run.node.plan as PlanLoopNode).tolerate) return fail(run, core, value)
        memory.results[index - memory.base] = { error: value }
      }
    }
    if (!memory.pumping) pump(run, core)
  },
  timer(run, core) {
    pump(run, core)
  },
}

/** Runs a range of a loop's iterations; `run` is the loop's, in a flow that is nothing but the range. */
export function resumeLoop(run: NodeRun, core: Core, { from, items, count, concurrency, after }: RangeSpec): void {
  run.memory = {
    items,
    base: from,
    count,
    results: new Array<Json>(items.length).fill(null),
    next: from,
    running: 0,
    active: 0,
    concurrency,
    failedAt: [],
    failures: 0,
    lastStart: after ?? Number.NEGATIVE_INFINITY,
    pumping: false,
    ranges: null,
    isRange: true,
  } satisfies LoopMemory
  pump(run, core)
}

/** Starts what may start now, whatever the size: an order of starts that hung on the host would fold differently. Completes the loop when all have ended. */
function pump(run: NodeRun, core: Core): void {
  const plan = run.node.plan as PlanLoopNode
  const memory = run.memory as LoopMemory
  const end = memory.base + memory.items.length
  memory.pumping = true
  while (memory.next < end && (memory.concurrency === 0 || memory.active < memory.concurrency)) {
    const now = core.now(run)
    if ((memory.next > memory.base || memory.isRange) && now < memory.lastStart + plan.intervalMs) {
      if (run.timer === null) core.timer(run, 'interval', memory.lastStart + plan.intervalMs)
      break
    }
    memory.lastStart = now
    if (memory.ranges === null) start(run, core, memory)
    else startRange(run, core, memory)
    // an iteration without any wait may have failed the loop; a retry of it has a memory of its own
    if (!run.active || run.status === 'retrying' || run.memory !== memory) return
  }
  memory.pumping = false
  if (memory.next === end && memory.active === 0) complete(run, core, memory)
}

function complete(run: NodeRun, core: Core, memory: LoopMemory): void {
  const { results, failedAt, base, lastStart } = memory
  if (memory.isRange)
    core.rangeEnded(run, true, {
      results,
      failedAt: failedAt.map((index) => index - base),
      lastStart: Number.isFinite(lastStart) ? lastStart : 0,
    } satisfies RangeResult as unknown as Json)
  else core.complete(run, { [(run.node.plan as PlanLoopNode).resultPath]: results })
}

function fail(run: NodeRun, core: Core, error: Json): void {
  if ((run.memory as LoopMemory).isRange) core.rangeEnded(run, false, error)
  else core.fail(run, error as never)
}

function start(run: NodeRun, core: Core, memory: LoopMemory): void {
  const index = memory.next++
  const input: JsonObject = isJsonObject(run.input) ? { ...run.input } : {}
  setMember(input, (run.node.plan as PlanLoopNode).as, memory.items[index - memory.base] as Json)
  memory.running += 1
  memory.active += 1
  core.spawn(run, index, (run.node.detail as LoopDetail).start, input, null)
}

function startRange(run: NodeRun, core: Core, memory: LoopMemory): void {
  const from = memory.next
  memory.next = rangeEnd(memory, from)
  memory.running += memory.next - from
  memory.active += 1
  core.spawn(run, from, (run.node.detail as LoopDetail).range, run.input, null)
}

function rangeEnd({ ranges, items }: LoopMemory, from: number): number {
  return Math.min(items.length, from + (ranges?.size ?? 1))
}

/** Takes the outcome of a range; false if it fails the loop. */
function takeRange(run: NodeRun, core: Core, from: number, ok: boolean, value: Json): boolean {
  const memory = run.memory as LoopMemory
  if (!ok) {
    core.fail(run, value as never)
    return false
  }
  const { results, failedAt, lastStart, failed, missing = [] } = value as unknown as RangeResult
  const failures = new Set(failedAt)
  const unknown = new Set(missing)
  results.forEach((result, at) => {
    if (unknown.has(at)) return
    memory.results[from + at] = result
    core.iterationEnded(run, from + at, !failures.has(at))
  })
  memory.failures += failures.size
  memory.lastStart = Math.max(memory.lastStart, lastStart)
  if (failed === undefined && memory.failures <= (run.node.plan as PlanLoopNode).tolerate) return true
  const last = results[failedAt.at(-1) ?? -1] as { readonly error: Json } | undefined
  core.fail(run, (failed ?? last?.error ?? null) as never)
  return false
}

/** What whoever does a range is given. */
export interface RangeRequest {
  readonly kind: RangeChoice['kind']
  readonly spec: RangeSpec
  /** Something in the loop may ask for the input of the whole execution. */
  readonly needsExecutionInput: boolean
}

/** Of a loop whose iterations are dealt out: which ones a range's run stands for. */
export function rangeOf(run: NodeRun): RangeRequest {
  const loop = run.scope.parent as NodeRun
  const memory = loop.memory as LoopMemory
  const { kind, concurrency } = memory.ranges as RangeChoice
  const from = run.scope.index
  const items = memory.items.slice(from, rangeEnd(memory, from))
  const after = (loop.node.plan as PlanLoopNode).intervalMs > 0 && from > 0 ? { after: memory.lastStart } : {}
  const { start, needsExecutionInput } = loop.node.detail as LoopDetail
  const spec = { ...loopPlace(loop), from, items, count: memory.count, concurrency, input: neededInput(loop.input, start), ...after }
  return { kind, spec, needsExecutionInput }
}

/** Any path into the context that may lead to `$$.execution.input`. */
const INTO_EXECUTION = /\$\$(?!\.(?:node|nodes|loop|flow|trigger|callback|execution\.(?:id|startedAt))\b)/

/**
 * What iterations can see of the loop's input, which mostly holds all of the items: where the first node takes some members only, these.
 */
function neededInput(input: Json, { params, mergeInput, inputPath }: PreparedNode): Json {
  if (params === null || mergeInput || inputPath !== null || !isJsonObject(input)) return input
  const needed: JsonObject = {}
  for (const path of params.paths) {
    if (path.isContext) continue
    const [name] = path.names
    if (!path.definite || typeof name !== 'string') return input
    if (Object.hasOwn(input, name)) setMember(needed, name, input[name] as Json)
  }
  return needed
}

export const loop = defineNode({
  kind: 'loop',
  step,
  schema: (z: Z) =>
    z.strictObject({
      type: z.literal('loop'),
      items: jsonPath(z, "The array in the node's input."),
      ...common(z),
      as: resultName(z, "Name of the element in an iteration's input.", 'item').optional(),
      resultPath: resultName(z, "The output's member that holds the list of the iterations' outputs.", 'result').optional(),
      concurrency: z
        .int()
        .min(0)
        .max(100)
        .meta({ description: 'Iterations at one time; 0: no limit.', default: 0, rule: 'loop-concurrency' })
        .optional(),
      interval: duration(z, 'Between the starts of two iterations; 0 by default.').optional(),
      tolerate: z.int().min(0).meta({ description: 'How many iterations may fail.', default: 0 }).optional(),
      start: nodeRef(z, 'First node of the inner graph; found by itself if left out.').optional(),
      nodes: z
        .record(
          z.string().regex(new RegExp(NODE_ID_PATTERN)),
          z.discriminatedUnion('type', [functionNode.schema(z), wait.schema(z), errorNode.schema(z), pass.schema(z)]),
        )
        .meta({ description: 'The inner graph, run once per element.', graph: true }),
      ...next(z),
      ...onError(z),
    }),
  hasNext: true,
  mayFail: true,
  inner: { rule: 'loop-body', allowed: ['function', 'wait', 'error', 'pass'], shape: () => 'entry' },
  compile(node, { base, graph }) {
    const { nodes, entry } = graph(node.nodes)
    return {
      ...base,
      type: 'loop',
      items: node.items,
      as: node.as ?? 'item',
      resultPath: node.resultPath ?? 'result',
      concurrency: node.concurrency ?? 0,
      intervalMs: node.interval === undefined ? 0 : parseDuration(node.interval)!,
      tolerate: node.tolerate ?? 0,
      start: node.start ?? entry,
      nodes,
    }
  },
})
