import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { guardProcess, unguardProcess } from './guardian.ts'
import { killTree, signal } from './process-group.ts'
import type { Launch } from './service.ts'

/** How long a server may take to end in good order before it is killed. */
const STOP_MS = 10_000
/** How long a server may take until it answers: a start of a few seconds, on a machine that does much else. */
const READY_MS = 120_000
const POLL_MS = 50
const LAST_LINES = 5

/** One process of a server, in a group of its own, so that an interrupt from the terminal does not reach it before its clients. */
export class ServerProcess {
  readonly pid: number
  /** Resolves, with how it ended, when the first process has. */
  readonly ended: Promise<string>
  private readonly child: ChildProcess
  private readonly logFile: string
  private hasEnded = false
  private askedToEnd = false

  private constructor(child: ChildProcess, pid: number, logFile: string, quitSignal: NodeJS.Signals) {
    this.child = child
    this.pid = pid
    this.logFile = logFile
    guardProcess(pid, quitSignal)
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        unguardProcess(pid)
        this.hasEnded = true
        resolve(signal === null ? `code ${code}` : signal)
      })
    })
  }

  /** Starts the server; what it prints goes to the end of `logFile`. Rejects if the program can't be started at all. */
  static start(launch: Launch, logFile: string): Promise<ServerProcess> {
    const log = openSync(logFile, 'a')
    return new Promise((resolve, reject) => {
      const child = spawn(launch.command, launch.args, {
        cwd: launch.cwd,
        env: { ...process.env, ...launch.env },
        detached: true,
        stdio: ['ignore', log, log],
        ...launch.user,
      })
      closeSync(log)
      child.once('error', reject)
      child.once('spawn', () => {
        // It must not keep this process alive: whoever forgets to stop it has the guardian.
        child.unref()
        resolve(new ServerProcess(child, child.pid!, logFile, launch.quitSignal))
      })
    })
  }

  get running(): boolean {
    return !this.hasEnded
  }

  /** Whether it ends, or ended, because somebody asked for it. */
  get expectedToEnd(): boolean {
    return this.askedToEnd
  }

  /** Resolves when `check` does; throws when the process ends before, or takes too long. */
  async ready(check: () => Promise<void>): Promise<void> {
    const deadline = performance.now() + READY_MS
    for (;;) {
      let problem: unknown
      try {
        await check()
        if (this.running) return
      } catch (error) {
        problem = error
      }
      if (!this.running) throw new Error(`it ended with ${await this.ended} before it answered${this.lastWords()}`)
      if (performance.now() > deadline)
        throw new Error(
          `it does not answer after ${READY_MS / 1000} s: ${problem instanceof Error ? problem.message : String(problem)}${this.lastWords()}`,
        )
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  /** Sends a signal. SIGKILL goes to all of the server's processes. Resolves, unless it is one that ends nothing, when it has ended. */
  async kill(name: NodeJS.Signals): Promise<void> {
    if (!this.running) return
    if (name === 'SIGSTOP' || name === 'SIGCONT') return void signal(this.pid, name)
    this.askedToEnd = true
    this.child.ref()
    if (name === 'SIGKILL') await killTree(this.pid)
    else signal(this.pid, name)
    await this.ended
  }

  /** Ends the server in good order or, if it takes too long, with SIGKILL. */
  async stop(name: NodeJS.Signals): Promise<void> {
    if (!this.running) return
    // One that a test has paused would not hear it.
    signal(this.pid, 'SIGCONT')
    const timer = setTimeout(() => void this.kill('SIGKILL'), STOP_MS)
    await this.kill(name)
    clearTimeout(timer)
  }

  /** The end of what it printed, for messages. */
  lastWords(): string {
    let text = ''
    try {
      text = readFileSync(this.logFile, 'utf8').trim()
    } catch {
      // Its folder is gone.
    }
    return text === '' ? '' : `; it last printed:\n${text.split('\n').slice(-LAST_LINES).join('\n')}`
  }
}
