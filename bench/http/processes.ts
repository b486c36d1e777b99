import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A program of `programs/`, in a process of its own, that is asked by messages. */
export class Program {
  private readonly child: ChildProcess
  private readonly open = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>()
  private lastId = 0

  private constructor(child: ChildProcess) {
    this.child = child
  }

  /** Starts it, one of `programs/` by its name or any; resolves when it can be asked. */
  static start(name: string | URL, args: readonly string[] = [], execArgv: readonly string[] = []): Promise<Program> {
    return new Promise((resolve, reject) => {
      const file = fileURLToPath(typeof name === 'string' ? new URL(`programs/${name}.mjs`, import.meta.url) : name)
      const child = fork(file, args, { execArgv: [...execArgv], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
      const program = new Program(child)
      child.on('message', (message: { ready?: true; id: number; answer: never; error?: string }) => {
        if (message.ready === true) return resolve(program)
        const asked = program.open.get(message.id)
        program.open.delete(message.id)
        if (message.error === undefined) asked?.resolve(message.answer)
        else asked?.reject(new Error(`${String(name)}: ${message.error}`))
      })
      child.on('exit', (code) => {
        const gone = new Error(`${String(name)} has ended with ${code}`)
        reject(gone)
        for (const { reject: refuse } of program.open.values()) refuse(gone)
      })
    })
  }

  ask<T>(ask: object): Promise<T> {
    const id = ++this.lastId
    return new Promise<T>((resolve, reject) => {
      this.open.set(id, { resolve: resolve as (answer: never) => void, reject })
      this.child.send({ id, ask })
    })
  }

  /** Ends it in an orderly way. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null) return
    const gone = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.disconnect()
    await gone
  }
}

/** A server of `programs/`, with its port. */
export interface Server {
  readonly program: Program
  readonly port: number
  /** From its first line to when it listens. */
  readonly upMs: number
}

/** As `bin/fnflow.js` begins servers. */
export const OUR_FLAGS = ['--max-semi-space-size=8'] as const

export async function startServer(name: 'ours' | 'reference', args: readonly string[], execArgv: readonly string[] = []): Promise<Server> {
  const program = await Program.start(name, args, name === 'ours' ? [...OUR_FLAGS, ...execArgv] : execArgv)
  const { address, upMs } = await program.ask<{ address: string; upMs: number }>({ what: 'address' })
  return { program, port: Number(new URL(address).port), upMs }
}

export async function endServer({ program }: Server): Promise<void> {
  await program.ask({ what: 'close' })
  await program.end()
}

/** What one lane does again and again; `programs/load.mjs` knows how. */
export type Scenario =
  | { readonly kind: 'post'; readonly path: string; readonly body: string; readonly status: number }
  | { readonly kind: 'get'; readonly paths: readonly string[] }
  | { readonly kind: 'run'; readonly path: string; readonly body: string }

export interface Load {
  readonly count: number
  readonly ms: number
  readonly latencies: readonly number[]
  readonly cpuMs: number
}

export function loadOf(client: Program, server: Server, connections: number, ms: number, scenario: Scenario): Promise<Load> {
  return client.ask({ port: server.port, connections, ms, scenario })
}
