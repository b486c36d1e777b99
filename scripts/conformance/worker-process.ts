import { spawn, type ChildProcess } from 'node:child_process'

/** What runs in a worker's process: it sends `'ready'` when it takes work, and ends when its parent has. */
export interface WorkerProgram {
  /** Path of the program. */
  readonly program: string
  /** Its arguments, in its first life, its second and so on. */
  readonly args: (life: number) => readonly string[]
  /** Takes what else it sends. */
  readonly message?: (message: unknown) => void
}

/** Before a process that ended by itself is started again, ms. */
const PAUSE_MS = 300
/** So many ends before it was ready, one behind the other: it will not come up. */
const MOST_FAILURES = 100
const LAST_CHARACTERS = 4000

/** A worker in a process of its own, which can be killed at any instant and is then started again. */
export class WorkerProcess {
  /** Lives so far, the one at hand included. */
  lives = 0
  kills = 0
  private readonly program: WorkerProgram
  private child: ChildProcess | null = null
  private current!: PromiseWithResolvers<void>
  private isReady = false
  private failures = 0
  private stopped = false
  private said = ''

  constructor(program: WorkerProgram) {
    this.program = program
    this.renew()
    this.begin()
  }

  /** Resolves when the life at hand, or the next that gets so far, takes work. Rejects if none does. */
  get ready(): Promise<void> {
    return this.current.promise
  }

  /** SIGKILL, now; the next life begins when the process is gone. Resolves then. */
  async kill(): Promise<void> {
    const { child } = this
    if (child === null) return
    this.kills += 1
    await ended(child)
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    this.stopped = true
    if (this.child !== null) await ended(this.child)
  }

  /** The end of what it printed, over all of its lives. */
  get lastWords(): string {
    return this.said
  }

  private begin(): void {
    if (this.stopped) return
    const { program, args, message } = this.program
    const child = spawn(process.execPath, [program, ...args(this.lives++)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    this.child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.said = `${this.said}${chunk.toString()}`.slice(-LAST_CHARACTERS)
      })
    }
    child.on('message', (given) => {
      if (given !== 'ready') message?.(given)
      // what a process has sent may be read when it has ended
      else if (this.child === child) this.becameReady()
    })
    child.once('error', (error) => this.current.reject(error))
    child.once('exit', (code, signal) => this.hasEnded(code, signal))
  }

  private renew(): void {
    this.isReady = false
    this.current = Promise.withResolvers<void>()
    this.current.promise.catch(() => undefined)
  }

  private becameReady(): void {
    this.isReady = true
    this.failures = 0
    this.current.resolve()
  }

  private hasEnded(code: number | null, signal: NodeJS.Signals | null): void {
    this.child = null
    if (this.isReady) this.renew()
    if (signal === 'SIGKILL') return this.begin()
    this.failures += 1
    if (this.failures < MOST_FAILURES) setTimeout(() => this.begin(), PAUSE_MS)
    else this.current.reject(new Error(`the worker ended with ${code ?? signal} again and again before it was ready: ${this.said}`))
  }
}

/** Kills a process and waits for its end. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}
