import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CallbackInfo, EngineOptions, NodeRecord } from '../../engine/api.ts'
import type { EmbeddedDurable } from '../../engine/embedded/embedded-durable.ts'
import type { EmbeddedHost } from '../../engine/embedded/embedded-host.ts'
import { LocalEngine } from '../../engine/internal.ts'
import { Calls, pause, until, type Call } from './calls.ts'

export { pause, until }

/** What an embedded engine keeps to itself. */
export function hostOf(engine: object): Pick<EmbeddedHost, 'store' | 'journal' | 'afterEvent'> & { readonly loaded: Map<string, any> } {
  return (engine as { readonly host: EmbeddedDurable }).host.host as never
}

/** An engine on a store of its own that can be closed, abandoned as by a crash, and opened again; its functions tell what happens to them. */
export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), 'fnflow-lab-'))
  readonly callbacks: CallbackInfo[] = []
  engine!: LocalEngine
  private readonly options: EngineOptions
  private readonly noted = new Calls()

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
      functions: { ...this.noted.handlers(), ...this.options.functions },
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

  get calls(): Call[] {
    return this.noted.all
  }

  /** Names of functions that throw at present. */
  get failing(): Set<string> {
    return this.noted.failing
  }

  callsOf(name: string): Call[] {
    return this.noted.of(name)
  }

  called(name: string, count = 1): Promise<Call> {
    return this.noted.called(name, count)
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
}
