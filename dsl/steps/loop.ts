import { follow } from '../core/body.ts'
import { NodeError } from '../errors.ts'
import { isJsonObject, setMember, type Json, type JsonObject } from '../json.ts'
import type { Core } from '../core/core.ts'
import type { NodeRun } from '../core/state.ts'
import type { PreparedNode } from '../core/prepare.ts'
import type { Step } from '../core/step-type.ts'
import type { CompiledPath } from '../jsonpath/index.ts'
import type { PlanLoopNode } from '../plan.ts'

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
export const loop: Step = {
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
