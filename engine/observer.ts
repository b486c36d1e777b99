/** What an engine tells of its work while somebody counts it: metrics are made of it. */
import type { NodeRun, Recorder, RunStatus } from '../dsl/core/state.ts'
import type { ErrorDocument } from '../dsl/errors.ts'
import type { Json } from '../dsl/json.ts'
import type { ExecutionStatus } from './api.ts'

/** Called synchronously, as things happen; must be quick and must not throw. All names are of deployed flows and registered functions. */
export interface EngineObserver {
  /** In this process, or handed to a cluster by it. */
  executionStarted(flow: string): void
  /** Of executions that ran in this process; on a cluster, where this process has no worker, of all of them, as they are recorded. */
  executionEnded(flow: string, status: ExecutionStatus): void
  /** `ms` from the node's start, retries and waits included. */
  nodeEnded(flow: string, type: string, ms: number): void
  /** One delivery: `app/name`, and 200 or the status of its error document. */
  invocationEnded(functionName: string, status: number): void
  /** A transaction of the store. */
  committed(ms: number): void
}

/** Who observes an engine. Whoever has something to tell looks at `current`: null costs one comparison. */
export class Observers {
  current: EngineObserver | null = null
  /** The recorder that tells of nodes; null as long as nobody observes. */
  nodes: NodeObserver | null = null
  private readonly all = new Set<EngineObserver>()

  /** Returns how to stop. */
  add(observer: EngineObserver): () => void {
    this.all.add(observer)
    this.settle()
    return () => {
      this.all.delete(observer)
      this.settle()
    }
  }

  private settle(): void {
    const [first, ...others] = this.all
    this.current = first === undefined ? null : others.length === 0 ? first : new Several([first, ...others])
    this.nodes = this.current === null ? null : (this.nodes ?? new NodeObserver(this))
  }
}

class Several implements EngineObserver {
  private readonly observers: readonly EngineObserver[]

  constructor(observers: readonly EngineObserver[]) {
    this.observers = observers
  }

  executionStarted(flow: string): void {
    for (const observer of this.observers) observer.executionStarted(flow)
  }

  executionEnded(flow: string, status: ExecutionStatus): void {
    for (const observer of this.observers) observer.executionEnded(flow, status)
  }

  nodeEnded(flow: string, type: string, ms: number): void {
    for (const observer of this.observers) observer.nodeEnded(flow, type, ms)
  }

  invocationEnded(functionName: string, status: number): void {
    for (const observer of this.observers) observer.invocationEnded(functionName, status)
  }

  committed(ms: number): void {
    for (const observer of this.observers) observer.committed(ms)
  }
}

/** Tells how long nodes took, for the executions of all flows of an engine; those that were taken over took their time elsewhere. */
export class NodeObserver implements Recorder {
  private readonly observers: Observers
  private folding = false

  constructor(observers: Observers) {
    this.observers = observers
  }

  /** While a journal is folded: what has ended in it was told before. */
  quietly<T>(fold: () => T): T {
    this.folding = true
    try {
      return fold()
    } finally {
      this.folding = false
    }
  }

  /** A recorder that tells this one and another. */
  beside(other: Recorder | null): Recorder {
    return other === null ? this : new Both(this, other)
  }

  started(): void {
    // the run knows since when
  }

  changed(): void {
    // only beginnings and ends count
  }

  ended(run: NodeRun): void {
    if (this.folding || run.startedAt < 0) return
    const { flow } = run.scope
    this.observers.current?.nodeEnded(flow.prepared.plan.flow, run.node.plan.type, flow.now - run.startedAt)
  }

  iterationEnded(): void {
    // the nodes in it are told of
  }
}

class Both implements Recorder {
  private readonly observer: NodeObserver
  private readonly other: Recorder

  constructor(observer: NodeObserver, other: Recorder) {
    this.observer = observer
    this.other = other
  }

  started(run: NodeRun): void {
    this.other.started(run)
  }

  changed(run: NodeRun): void {
    this.other.changed(run)
  }

  ended(run: NodeRun, status: RunStatus, value: Json | ErrorDocument | undefined): void {
    this.observer.ended(run)
    this.other.ended(run, status, value)
  }

  iterationEnded(run: NodeRun, index: number, ok: boolean): void {
    this.other.iterationEnded(run, index, ok)
  }
}

/** What an engine stands on and how it is. */
export interface EngineHealth {
  /** By name: `store`, `temporal`, `postgresql`. */
  readonly dependencies: Readonly<Record<string, DependencyHealth>>
  /** Of the triggers for which this process brings events; absent: there are none. */
  readonly triggers?: readonly TriggerHealth[]
}

export interface TriggerHealth {
  readonly flow: string
  readonly name: string
  readonly state: 'running' | 'paused' | 'connecting' | 'reconnecting' | 'failed'
  /** What is wrong with it. */
  readonly reason?: string
}

export interface DependencyHealth {
  /** `recovering`: what was left by an earlier process is being read. */
  readonly state: 'ok' | 'recovering' | 'failed'
  /** Of one that recovers: executions that are still to be read. */
  readonly left?: number
  /** False: without it the engine goes on, with less. */
  readonly required?: boolean
  /** Of a broker that is away: its words. */
  readonly reason?: string
}
