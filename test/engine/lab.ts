import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CallbackInfo, EngineOptions, NodeRecord } from '../../engine/api.ts'
import { LocalEngine } from '../../engine/internal.ts'
import type { Json } from '../../dsl/json.ts'
import type { ModuleHandler } from '../../executors/contract.ts'

export interface Call {
  readonly name: string
  readonly requestId: string
  readonly attempt: number
  readonly event: any
  readonly signal: AbortSignal
  resolve(value: Json): void
  reject(error: Error): void
}

/** An engine on a store of its own that can be closed, abandoned as by a crash, and opened again; its functions tell what happens to them. */
export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), 'fnflow-lab-'))
  readonly callbacks: CallbackInfo[] = []
  readonly calls: Call[] = []
  /** Names of functions that throw at present. */
  readonly failing = new Set<string>()
  engine!: LocalEngine
  private readonly options: EngineOptions

  private constructor(options: EngineOptions) {
    this.options = options
  }

  static async open(flows: readonly object[], options: EngineOptions = {}): Promise<Lab> {
    const lab = new Lab(options)
    await lab.reopen()
    for (const flow of flows) await lab.engine.deploy(flow)
    return lab
  }

  /** Opens the store again, without deploying anything. */
  async reopen(): Promise<void> {
    this.engine = await LocalEngine.open({
      store: join(this.folder, 'store'),
      ...this.options,
      functions: { ...this.functions(), ...this.options.functions },
      onCallback: (info) => this.callbacks.push(info),
    })
  }

  async crash(): Promise<void> {
    await this.engine.abandon()
    await this.reopen()
  }

  async restart(): Promise<void> {
    await this.engine.close()
    await this.reopen()
  }

  async end(): Promise<void> {
    await this.engine.close().catch(() => undefined)
    rmSync(this.folder, { recursive: true, force: true })
  }

  callsOf(name: string): Call[] {
    return this.calls.filter((call) => call.name === name)
  }

  /** The `count`-th call of a function, when it has come. */
  async called(name: string, count = 1): Promise<Call> {
    await until(() => this.callsOf(name).length >= count, `call ${count} of ${name}`)
    return this.callsOf(name)[count - 1] as Call
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

  private functions(): Record<string, ModuleHandler> {
    const noted = (name: string, answer: (call: Call) => unknown): ModuleHandler => {
      return (event, context) =>
        new Promise((resolve, reject) => {
          const call: Call = {
            name,
            requestId: context.request_id,
            attempt: context.attempt,
            event,
            signal: context.signal,
            resolve,
            reject,
          }
          this.calls.push(call)
          if (this.failing.has(name)) reject(Object.assign(new Error(`${name} fails`), { name: 'Broken' }))
          else if (answer !== held) resolve(answer(call))
        })
    }
    return {
      echo: noted('echo', ({ event }) => event),
      a: noted('a', ({ event }) => ({ a: event })),
      b: noted('b', ({ event }) => ({ b: event })),
      c: noted('c', ({ event }) => ({ c: event })),
      held: noted('held', held),
      held2: noted('held2', held),
    }
  }
}

function held(): void {}

/** Polls every few ms; fails after five seconds. */
export async function until(test: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let left = 1000; !(await test()); left--) {
    if (left === 0) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
