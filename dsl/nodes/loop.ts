import { follow } from '../core/body.ts'
import type { Core } from '../core/core.ts'
import type { PreparedNode } from '../core/prepare.ts'
import type { NodeRun } from '../core/state.ts'
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
}

interface LoopMemory {
  readonly items: readonly Json[]
  /** `$$.loop.count`. */
  readonly count: number
  readonly results: Json[]
  /** The next to start. */
  next: number
  running: number
  failures: number
  /** When the last one started, for `interval`. */
  lastStart: number
  /** Children that end while others are being started must not start more themselves: the stack would grow with the loop. */
  pumping: boolean
}

/** Runs the inner graph once per element. */
const step: Step = {
  builds: true,
  prepare(plan: PlanLoopNode, context): LoopDetail {
    const start = context.graph(plan.nodes).get(plan.start)
    if (start === undefined) throw new Error(`loop ${plan.id}: no inner start ${plan.start}`)
    return { items: context.path(plan.items), start }
  },
  start(run, core) {
    const { items: path } = run.node.detail as LoopDetail
    const items = follow(run, path, run.input, 'items')
    if (!Array.isArray(items)) throw new NodeError('NotAnArray', `loop ${run.node.id}: ${path.text} is not an array`)
    const now = core.now(run)
    run.memory = {
      items,
      count: items.length,
      results: new Array<Json>(items.length).fill(null),
      next: 0,
      running: 0,
      failures: 0,
      lastStart: now,
      pumping: false,
    } satisfies LoopMemory
    pump(run, core)
  },
  childEnded(run, core, index, ok, value) {
    const memory = run.memory as LoopMemory
    memory.running -= 1
    core.iterationEnded(run, index, ok)
    if (ok) memory.results[index] = value
    else {
      memory.failures += 1
      if (memory.failures > (run.node.plan as PlanLoopNode).tolerate) return core.fail(run, value as never)
      memory.results[index] = { error: value }
    }
    if (!memory.pumping) pump(run, core)
  },
  timer(run, core) {
    pump(run, core)
  },
}

/** Starts what may start now, whatever the size: an order of starts that hung on the host would fold differently. Completes the loop when all have ended. */
function pump(run: NodeRun, core: Core): void {
  const plan = run.node.plan as PlanLoopNode
  const memory = run.memory as LoopMemory
  memory.pumping = true
  while (memory.next < memory.items.length && (plan.concurrency === 0 || memory.running < plan.concurrency)) {
    const now = core.now(run)
    if (memory.next > 0 && now < memory.lastStart + plan.intervalMs) {
      if (run.timer === null) core.timer(run, 'interval', memory.lastStart + plan.intervalMs)
      break
    }
    memory.lastStart = now
    start(run, core, memory)
    // an iteration without any wait may have failed the loop; a retry of it has a memory of its own
    if (!run.active || run.status === 'retrying' || run.memory !== memory) return
  }
  memory.pumping = false
  if (memory.next === memory.items.length && memory.running === 0) core.complete(run, { [plan.resultPath]: memory.results })
}

function start(run: NodeRun, core: Core, memory: LoopMemory): void {
  const index = memory.next++
  const input: JsonObject = isJsonObject(run.input) ? { ...run.input } : {}
  setMember(input, (run.node.plan as PlanLoopNode).as, memory.items[index] as Json)
  memory.running += 1
  core.spawn(run, index, (run.node.detail as LoopDetail).start, input, null)
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
