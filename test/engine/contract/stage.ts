import { expect } from 'vitest'
import type { ModuleHandler } from '../../../executors/contract.ts'
import type { CallbackInfo, Engine, EngineOptions, Execution, NodeRecord } from '../../../engine/index.ts'
import { Calls, until, type Call } from '../calls.ts'
import type { ToldLine } from './bench.ts'
import type { Subject } from './subject.ts'

/** What one test of the contract has of the engine: names, functions and callbacks that no other test sees. */
export class Stage {
  readonly subject: Subject
  engine!: Engine
  readonly calls = new Calls()
  readonly callbacks: CallbackInfo[] = []
  lines: ToldLine[] = []
  private readonly number: number
  private readonly handlers = new Map<string, ModuleHandler>()
  private options: EngineOptions = {}

  constructor(subject: Subject, number: number) {
    this.subject = subject
    this.number = number
  }

  /** A flow or an execution of this test. */
  readonly name = (name: string): string => `${name}-${this.number}`

  /** Refers to a function of this test. */
  readonly ref = (name: string): string => `t${this.number}/${name}`

  /** A node that calls one: those of {@link Calls}, and `f` and `g` ({@link on}). */
  readonly fn = (name: string, more: object = {}): object => ({ type: 'function', function: this.ref(name), ...more })

  readonly ask = (name: string, more: object = {}): object => ({ type: 'callback', function: this.ref(name), ...more })

  /** Says what the function `f` or `g` does. */
  on(name: 'f' | 'g', handler: ModuleHandler): void {
    this.handlers.set(name, handler)
  }

  async deploy(...flows: readonly object[]): Promise<void> {
    for (const flow of flows) await this.engine.deploy(flow)
  }

  /** Starts a flow of this test. */
  async start(flow: string, options: Parameters<Engine['start']>[1] = {}): Promise<Execution> {
    return this.engine.start(this.name(flow), options)
  }

  async waiting(count = 1): Promise<CallbackInfo> {
    await until(() => this.callbacks.length >= count, `callback ${count}`)
    return this.callbacks[count - 1] as CallbackInfo
  }

  /** Records by place. */
  async records(id: string, iterations?: string): Promise<Record<string, NodeRecord>> {
    const records = await this.engine.nodes(id, iterations === undefined ? {} : { iterations })
    return Object.fromEntries(records.map((record) => [record.place, record]))
  }

  /** Waits until the node at a place has a status. */
  async reached(id: string, place: string, status: string): Promise<void> {
    await until(async () => (await this.records(id))[place]?.status === status, `${place} of ${id} is ${status}`)
  }

  /** Of the executions of a flow, newest first. */
  async statuses(flow: string): Promise<string[]> {
    return (await this.engine.list({ flow: this.name(flow) })).items.map(({ status }) => status)
  }

  /** What lists or logs show: now, or soon where they follow a moment later. */
  async shows(assertion: () => Promise<void>): Promise<void> {
    if (this.subject.showsAtOnce) return assertion()
    let failure: unknown
    const holds = async (): Promise<boolean> => {
      try {
        await assertion()
        return true
      } catch (error) {
        failure = error
        return false
      }
    }
    await until(holds, 'shown').catch(() => Promise.reject(failure as Error))
  }

  async aborted(...calls: readonly Call[]): Promise<void> {
    if (!this.subject.abortsAtOnce) await until(() => calls.every(({ signal }) => signal.aborted), 'the functions are told')
    expect(calls.map(({ signal }) => signal.aborted)).toEqual(calls.map(() => true))
  }

  /** By name: what the engine has for this test. */
  functions(): Record<string, ModuleHandler> {
    const custom = (name: string): ModuleHandler => {
      return (event, context) => (this.handlers.get(name) as ModuleHandler)(event, context)
    }
    const all = { ...this.calls.handlers(), f: custom('f'), g: custom('g') }
    return Object.fromEntries(Object.entries(all).map(([name, handler]) => [this.ref(name), handler]))
  }

  isOwn(flow: string): boolean {
    return flow.endsWith(`-${this.number}`)
  }

  use(engine: Engine, lines: ToldLine[]): void {
    this.engine = engine
    this.lines = lines
  }

  /** Opens an engine for this test alone. */
  async own(options: EngineOptions): Promise<void> {
    this.options = options
    this.engine = await this.subject.open(this.place, this.ownOptions())
  }

  /** Ends the engine as a crash would, as far as this kind can be, and opens the next. */
  async interrupt(): Promise<void> {
    await this.subject.interrupt(this.engine)
    await this.own(this.options)
  }

  async restart(): Promise<void> {
    await this.engine.close()
    await this.own(this.options)
  }

  /** An engine beside that of this test, at the same place. */
  also(): Promise<Engine> {
    return (this.subject.alsoOpen as NonNullable<Subject['alsoOpen']>)(this.place, {})
  }

  private get place(): string {
    return `own-${this.number}`
  }

  private ownOptions(): EngineOptions {
    return {
      channels: { log: { kind: 'log' }, news: { kind: 'log' } },
      onCallback: (info) => this.callbacks.push(info),
      onLog: (line) => this.lines.push(line),
      ...this.options,
      functions: { ...this.functions(), ...this.options.functions },
    }
  }
}

/** Counts calls by function since the last look. */
export function callsSince({ calls }: Stage): () => Record<string, number> {
  let seen = 0
  return () => {
    const counts: Record<string, number> = {}
    for (const { name } of calls.all.slice(seen)) counts[name] = (counts[name] ?? 0) + 1
    seen = calls.all.length
    return counts
  }
}
