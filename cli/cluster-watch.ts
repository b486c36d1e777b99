import type { Engine } from '../engine/api.ts'
import { onStderr } from './output.ts'
import { visible } from './visible.ts'

/** Milliseconds between two looks. */
const LOOK_MS = 5000
/** Executions that are looked at; beyond them it would be a load on the cluster. */
const MOST = 50

export interface WatchListeners {
  tell(text: string): void
  /** Absent where the worker in this process tells of callbacks. */
  readonly callback?: (info: {
    readonly execution: string
    readonly flow: string
    readonly node: string
    readonly token: string
    readonly url: string
  }) => void
}

/**
 * Looks after executions on a cluster, and after their children: what keeps one from going on is told, once, and so are callbacks that wait.
 * Without it a command would wait in silence for workers that are not there.
 */
export class ClusterWatch {
  private readonly engine: Engine
  private readonly listeners: WatchListeners
  private readonly watched = new Map<string, string>()
  private readonly told = new Set<string>()
  private readonly stopped = new AbortController()
  private timer: NodeJS.Timeout | undefined
  private unreachable = false

  constructor(engine: Engine, listeners: WatchListeners) {
    this.engine = engine
    this.listeners = listeners
    this.next()
  }

  /** @param callbacks Whether its callbacks are told from here, too. */
  add(id: string, flow: string, callbacks: boolean): void {
    if (this.watched.has(id) || this.watched.size >= MOST) return
    this.watched.set(id, flow)
    if (callbacks && this.listeners.callback !== undefined) void this.follow(id, flow).catch(() => undefined)
  }

  stop(): void {
    this.stopped.abort()
    clearTimeout(this.timer)
  }

  private next(): void {
    if (this.stopped.signal.aborted) return
    this.timer = setTimeout(() => void this.look().then(() => this.next()), LOOK_MS)
  }

  private async look(): Promise<void> {
    for (const [id, flow] of this.watched) {
      if (this.stopped.signal.aborted) return
      try {
        await this.lookAt(id, flow)
        if (this.unreachable) this.listeners.tell('Temporal and PostgreSQL answer again')
        this.unreachable = false
      } catch (error) {
        if (this.stopped.signal.aborted) return
        // it may have ended in between; what goes wrong for good is told by its result
        if ((error as { status?: number }).status !== 503 || this.unreachable) continue
        this.unreachable = true
        this.warn(`the execution cannot be looked at now, the command goes on waiting: ${(error as Error).message}`)
      }
    }
  }

  private async lookAt(id: string, flow: string): Promise<void> {
    const { status, problems = [] } = await this.engine.describe(id)
    if (status !== 'running') {
      this.watched.delete(id)
      return
    }
    for (const problem of problems) {
      // counts and times in them change all the time
      const key = `${id} ${problem.replace(/\d+/g, '0')}`
      if (this.told.has(key)) continue
      this.told.add(key)
      this.warn(`${flow}: ${problem}`)
    }
    const { items } = await this.engine.list({ parent: id, status: 'running', limit: MOST })
    for (const child of items) this.add(child.id, child.flow, true)
  }

  private async follow(id: string, flow: string): Promise<void> {
    for await (const event of this.engine.events(id, { signal: this.stopped.signal })) {
      if (event.type === 'callback') this.listeners.callback?.({ ...event, flow })
    }
  }

  private warn(text: string): void {
    this.listeners.tell(onStderr('yellow', visible(text)))
  }
}
