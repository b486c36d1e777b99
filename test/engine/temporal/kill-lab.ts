/** For tests that kill: workers in processes of their own, and a client that starts, answers and waits whatever is away at the moment. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TemporalOptions } from '../../../engine/api.ts'
import type { LocalEngine, TemporalHost } from '../../../engine/internal.ts'
import type { Json } from '../../../dsl/json.ts'
import { WorkerProcess } from '../../../scripts/conformance/worker-process.ts'
import { FUNCTION_FILES } from '../embedded/mixed-flows.ts'
import type { KillWorkerOptions } from './kill-worker.ts'

const built = (await import(
  new URL('../../../dist/engine/internal.js', import.meta.url).href
)) as typeof import('../../../engine/internal.ts')
const taskQueue = 'kill'
const program = new URL('./kill-worker.ts', import.meta.url).pathname

export interface KillLabOptions {
  readonly address: string
  /** One that nobody else uses: what runs there is taken for the lab's. */
  readonly namespace: string
  /** Of an empty database. */
  readonly store: string
  /** One for each worker: what is particular about it. */
  readonly workers: readonly Partial<KillWorkerOptions>[]
}

/** What it came to: the output, or the error's message. */
export type Ended = { readonly output: Json } | { readonly failed: string }

export class KillLab {
  readonly folder = mkdtempSync(join(tmpdir(), 'fnflow-kill-'))
  readonly effects = join(this.folder, 'effects')
  readonly gate = join(this.folder, 'gate')
  private readonly functionsFile = this.processFunctions()
  readonly workers: WorkerProcess[] = []
  engine!: LocalEngine
  host!: TemporalHost
  /** Of callbacks that were not taken as they should. */
  readonly refused: string[] = []
  /** Executions that this client has seen the end of. */
  readonly endedIds: string[] = []
  private readonly results = new Map<string, Promise<Ended>>()
  private readonly endListeners = new Set<() => void>()
  private readonly options: KillLabOptions
  private readonly answered = new Set<string>()
  private lives = 0
  private closed = false
  private answering: Promise<void> = Promise.resolve()

  private constructor(options: KillLabOptions) {
    this.options = options
    writeFileSync(this.effects, '')
  }

  static async open(options: KillLabOptions): Promise<KillLab> {
    const lab = new KillLab(options)
    lab.engine = await lab.openEngine({ worker: false })
    lab.host = (await lab.engine.durableHost()) as TemporalHost
    for (const own of options.workers) lab.workers.push(lab.worker(own))
    lab.answering = lab.answer()
    await Promise.all(lab.workers.map((worker) => worker.ready))
    return lab
  }

  /** An engine in the test's own process. */
  openEngine(more: TemporalOptions): Promise<LocalEngine> {
    const { store, address, namespace } = this.options
    return built.LocalEngine.open({
      engine: 'temporal',
      store,
      temporal: { address, namespace, taskQueue, ...more },
      channels: { log: { kind: 'log' } },
    })
  }

  /** Starts an execution, which may exist already, and waits for its end. */
  start(flow: string, id: string, input: Json): void {
    const result = async (): Promise<Ended> => {
      const execution = await insist(() => this.engine.start(flow, { id, input }))
      const ended = await execution.result().then(
        (output) => ({ output }),
        (error: unknown) => ({ failed: String(error) }),
      )
      appendFileSync(this.effects, `ended - - ${id}\n`)
      this.endedIds.push(id)
      for (const listener of this.endListeners) listener()
      return ended
    }
    const running = result()
    running.catch(() => undefined)
    this.results.set(id, running)
  }

  /** Resolves when so many executions have ended, or that one has: at the instant of the end. */
  whenEnded(what: number | string): Promise<void> {
    const isSo = (): boolean => (typeof what === 'number' ? this.endedIds.length >= what : this.endedIds.includes(what))
    return new Promise((resolve) => {
      const listener = (): void => {
        if (!isSo()) return
        this.endListeners.delete(listener)
        resolve()
      }
      this.endListeners.add(listener)
      listener()
    })
  }

  ended(): Promise<Ended[]> {
    return Promise.all(this.results.values())
  }

  /** The executions that were started here. */
  get ids(): string[] {
    return [...this.results.keys()]
  }

  /** Those of them that have no record. */
  async unrecorded(ids: readonly string[]): Promise<string[]> {
    const known = await insist(() => this.host.cluster.registry.hasRecord(ids))
    return ids.filter((id) => !known.has(id))
  }

  /** Lets go what waits in the function `hold`. */
  openGate(): void {
    writeFileSync(this.gate, '')
  }

  async killWorkers(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()))
  }

  get kills(): number {
    return this.workers.reduce((sum, { kills }) => sum + kills, 0)
  }

  async close(): Promise<void> {
    this.closed = true
    await this.answering
    await Promise.all(this.workers.map((worker) => worker.stop()))
    await this.engine.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** What the workers have said, for whoever looks for the reason of a failure. */
  get lastWords(): string {
    return this.workers.map(({ lastWords }) => lastWords).join('\n')
  }

  /** Writes the functions that run in Node.js and Python, and returns the file that names them. */
  private processFunctions(): string {
    mkdirSync(join(this.folder, 'code'))
    for (const [name, text] of Object.entries(FUNCTION_FILES)) writeFileSync(join(this.folder, 'code', name), text)
    const common = { code: './code', handler: 'index.effect', timeout: 60, environment: { variables: { EFFECTS: this.effects } } }
    const written = ['nodejs', 'python'].map((runtime) => [`${runtime}-effect`, { ...common, runtime, concurrency: { maxInstances: 2 } }])
    const file = join(this.folder, 'functions.json')
    writeFileSync(file, JSON.stringify(Object.fromEntries(written)))
    return file
  }

  private worker(own: Partial<KillWorkerOptions>): WorkerProcess {
    const { store, address, namespace } = this.options
    const { effects, gate, functionsFile } = this
    const options: KillWorkerOptions = {
      address,
      namespace,
      store,
      taskQueue,
      effects,
      gate,
      functionsFile,
      atLeast: 0,
      atMost: 300,
      ...own,
    }
    return new WorkerProcess({ program, args: () => [String(this.lives++), JSON.stringify(options)] })
  }

  /** Answers each callback that a worker announces, once. */
  private async answer(): Promise<void> {
    const answers: Promise<void>[] = []
    while (!this.closed) {
      for (const [, token] of readFileSync(this.effects, 'utf8').matchAll(/^callback \S+ (\S+) \S+\n/gm) as Iterable<[string, string]>) {
        if (this.answered.has(token)) continue
        this.answered.add(token)
        answers.push(this.answerOne(token))
      }
      await sleep(50)
    }
    await Promise.all(answers)
  }

  private async answerOne(token: string): Promise<void> {
    let tries = 0
    try {
      await insist(() => {
        tries += 1
        return this.engine.callback(token, { status: 'succeeded', output: { by: 7 } })
      })
    } catch (error) {
      // the answer to the try before was lost
      if (tries === 1 || codeOf(error) !== 'callback-already-used') this.refused.push(String(error))
    }
  }
}

/** Makes a call again as long as somebody is away. */
export async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!['temporal-unavailable', 'store-failed', 'store-unusable'].includes(codeOf(error))) throw error
      await sleep(200)
    }
  }
}

export function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code)
}
