import type { Json } from '../dsl/json.ts'
import type { FlowMode } from '../dsl/plan.ts'
import type { CallbackInfo, Engine, Execution, StartOptions } from '../engine/api.ts'
import type { ClusterWatch } from './cluster-watch.ts'
import type { Interrupts } from './interrupt.ts'
import { say } from './output.ts'
import { createProgress, type Progress } from './progress.ts'

export interface SessionStart {
  readonly flow: string
  readonly mode: FlowMode
  readonly input: Json
  readonly trace: boolean
  readonly id?: string
  /** Of an execution on a cluster. */
  readonly watch?: ClusterWatch
  readonly onCallback?: (info: CallbackInfo) => void
}

/** One execution, followed to its end. */
export class Session {
  engine: Engine | undefined
  progress: Progress | undefined
  private readonly interrupts: Interrupts
  private readonly waiting = new AbortController()

  constructor(interrupts: Interrupts) {
    this.interrupts = interrupts
  }

  /** Aborted by `giveUp`, with its reason. */
  get signal(): AbortSignal {
    return this.waiting.signal
  }

  tell(text: string): void {
    if (this.progress === undefined) say(text)
    else this.progress.line(text)
  }

  /** Ends the wait for the execution; it goes on. */
  giveUp(reason: Error): void {
    this.waiting.abort(reason)
  }

  /** Rejects with ExecutionFailed, and with what the engine refuses; with `aborted` after `giveUp`. */
  async execute(start: SessionStart): Promise<Json> {
    const { flow, mode, input, id, watch } = start
    const engine = this.engine as Engine
    const progress = (this.progress = await createProgress(`${flow} (${watch === undefined ? mode : 'temporal'})`))
    const options: StartOptions = {
      input,
      ...(id === undefined ? {} : { id }),
      ...(mode === 'express' ? { onNode: (node) => progress.node(node) } : {}),
    }
    const execution = await engine.start(flow, options)
    watch?.add(execution.id, flow, false)
    const stop = (): void => {
      this.tell('interrupted; stopping the execution (again: end at once)')
      void this.stop(execution)
    }
    this.interrupts.signal.addEventListener('abort', stop, { once: true })
    if (this.interrupts.interrupted) stop()
    const followed = mode === 'standard' ? this.follow(execution, start, progress) : Promise.resolve()
    const counting = mode === 'standard' && progress.live ? countLoops(engine, execution.id, progress) : undefined
    try {
      return await execution.result({ signal: this.waiting.signal })
    } finally {
      counting?.stop()
      this.interrupts.signal.removeEventListener('abort', stop)
      await followed
      progress.end()
      this.progress = undefined
      if (start.trace) {
        const { printTrace } = await import('./trace.ts')
        await printTrace(progress.records.values(), mode === 'standard' ? engine : undefined, execution.id)
      }
    }
  }

  private async stop(execution: Execution): Promise<void> {
    // it may have ended in between
    await execution.stop().catch(() => undefined)
    const { status } = await execution.describe().catch(() => ({ status: 'running' }))
    // without a worker nobody ends it, and its result would be waited for in vain
    if (status === 'running') this.giveUp(new StopNotTaken(execution.id))
  }

  /** Shows the nodes of a durable execution until its end. What goes wrong here is told by its result, too. */
  private async follow({ id, flow }: Execution, { onCallback }: SessionStart, progress: Progress): Promise<void> {
    try {
      for await (const event of (this.engine as Engine).events(id, { signal: this.waiting.signal })) {
        if (event.type === 'node') progress.node(event.node)
        else if (event.type === 'callback') onCallback?.({ ...event, flow })
      }
    } catch {
      return
    }
  }
}

/** Thrown when an execution was asked to stop, and nobody has done it. */
export class StopNotTaken extends Error {
  constructor(execution: string) {
    super(`the execution ${execution} was asked to stop, which is safe with Temporal; it ends when a worker has taken note of it`)
  }
}

/** Milliseconds between two looks at the counts of loops. */
const COUNT_MS = 500

/** Events tell when a loop begins and ends; how far it has come is looked up now and then. */
function countLoops(engine: Engine, id: string, progress: Progress): { stop(): void } {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const look = async (): Promise<void> => {
    const before = performance.now()
    const loops = [...progress.records.values()].filter(({ type, status }) => type === 'loop' && status === 'running')
    if (loops.length > 0) {
      for (const node of await engine.nodes(id)) {
        // it may have ended in between, which was told by an event
        if (node.type === 'loop' && node.status === 'running' && progress.records.get(node.place)?.status === 'running') progress.node(node)
      }
    }
    // records hold inputs and outputs: large ones are looked up less often
    next(Math.max(COUNT_MS, 20 * (performance.now() - before)))
  }
  const next = (ms: number): void => {
    // what goes wrong here is told by the result, too
    if (!stopped) timer = setTimeout(() => void look().catch(() => undefined), ms)
  }
  next(COUNT_MS)
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
