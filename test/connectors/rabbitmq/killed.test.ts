/** A broker of its own, which is killed, too. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect } from 'amqplib'
import { expect, onTestFinished, test } from 'vitest'
import { startServices } from '../../../scripts/services/start.ts'
import { pause } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import type { Audit } from './audit.ts'
import { newName, range } from './lab.ts'
import { Proxy } from '../proxy.ts'

needServices('rabbitmq')

const KILLS = 10
/** Half of the 20,000 for each queue, some before each kill and the rest at the end. */
const EACH = 10_000
const LIMIT_MS = 600_000
const PATIENCE_MS = 180_000

const child = new URL('./killed-child.ts', import.meta.url).pathname
const audit = new URL('./audit.ts', import.meta.url).pathname

interface Counts {
  readonly started: number
  readonly deduplicated: number
}

interface Progress {
  readonly counts: readonly [Counts, Counts]
  readonly states: readonly string[]
}

/** One life of the engine. */
class Life {
  private readonly process: ChildProcess
  private readonly ended: Promise<string>
  private first: Progress | undefined
  private last: Progress | undefined
  private errors = ''

  constructor(args: readonly string[]) {
    this.process = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let rest = ''
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      if (lines.length > 0) this.last = JSON.parse(lines.at(-1)!) as Progress
      this.first ??= this.last
    })
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => (this.errors += text))
    this.ended = new Promise((resolve) => this.process.once('exit', (code, signal) => resolve(signal ?? String(code))))
    onTestFinished(() => void this.process.kill('SIGKILL'))
  }

  get counts(): readonly [Counts, Counts] {
    return this.last!.counts
  }

  /** Both triggers have started something in this life. */
  atWork(): Promise<void> {
    return this.until('work', () => [0, 1].every((at) => this.last!.counts[at]!.started > this.first!.counts[at]!.started))
  }

  /** Everything has become something. */
  through(left: () => Promise<number>): Promise<void> {
    return this.until('the end', async () => {
      const before = JSON.stringify(this.last!.counts)
      if ((await left()) > 0) return false
      // what is not acknowledged yet is not counted by the broker
      await pause(1500)
      return (await left()) === 0 && JSON.stringify(this.last!.counts) === before
    })
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    expect(await this.ended, this.errors).toBe('SIGKILL')
  }

  private async until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
    const began = Date.now()
    while (this.last === undefined || !(await test())) {
      if (this.process.exitCode !== null) throw new Error(`it ended by itself: ${this.errors}`)
      if (Date.now() - began > PATIENCE_MS) throw new Error(`never: ${what}; ${JSON.stringify(this.last)} ${this.errors}`)
      await pause(10)
    }
  }
}

/** Resolves when the broker has all of these messages; while it is away they are sent again, under the same ids. */
async function send(url: string, queue: string, from: number, to: number): Promise<void> {
  for (;;) {
    try {
      const connection = await connect(url)
      connection.on('error', () => undefined)
      const channel = await connection.createConfirmChannel()
      channel.on('error', () => undefined)
      await channel.assertQueue(queue, { durable: true })
      for (const n of range(to - from)) {
        const messageId = `m${from + n}`
        channel.sendToQueue(queue, Buffer.from(String(from + n)), { persistent: true, messageId })
      }
      await channel.waitForConfirms()
      return await connection.close()
    } catch {
      await pause(100)
    }
  }
}

async function readyIn(url: string, queues: readonly string[]): Promise<number> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  let ready = 0
  for (const queue of queues) ready += (await channel.checkQueue(queue)).messageCount
  await connection.close()
  return ready
}

test(
  `${2 * EACH} messages start one execution each, though the engine is killed ${KILLS} times and the broker twice, and connections are cut`,
  { timeout: LIMIT_MS },
  async () => {
    const { addresses, services, stop } = await startServices(['rabbitmq'], { log: () => undefined, own: true })
    const folder = mkdtempSync(join(tmpdir(), 'fnflow-rabbitmq-kill-'))
    onTestFinished(async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    })
    const url = addresses.rabbitmq
    // most of what is started is not acknowledged yet when a kill comes
    const proxy = await Proxy.before(url, 50)
    const queues = [newName(), newName()]
    // a redelivery is cut elsewhere
    const begin = (size: number): Life => new Life([join(folder, 'store'), proxy.url, ...queues, String(size)])
    let sent = 0
    const burst = async (until: number): Promise<void> => {
      const from = sent
      sent = until
      await Promise.all(queues.map((queue) => send(url, queue, from, until)))
    }
    for (let kill = 0; kill < KILLS; kill++) {
      const life = begin(kill % 2 === 0 ? 20 : 13)
      await burst(Math.round((EACH * (kill + 1)) / (KILLS + 1)))
      await life.atWork()
      if (kill % 3 === 0) proxy.cut()
      if (kill === 2) await services.rabbitmq.restart()
      if (kill === 5) {
        await services.rabbitmq.kill()
        await services.rabbitmq.restart()
      }
      await pause(Math.random() * 100)
      await life.kill()
    }
    // some of it is sent twice
    await Promise.all([burst(EACH), send(url, queues[0]!, EACH - 100, EACH), send(url, queues[1]!, EACH - 100, EACH)])
    const life = begin(20)
    await life.through(() => readyIn(url, queues))
    await life.kill()

    const asked = [join(folder, 'store'), url, queues[0]!, 'single', String(EACH), queues[1]!, 'batched', String(EACH)]
    const { stdout } = await promisify(execFile)(process.execPath, [audit, ...asked])
    const [singles, batches] = JSON.parse(stdout) as [Audit, Audit]
    const whole = { left: 0, messages: EACH, missing: [], doubled: [], wrong: [] }
    expect(singles).toEqual({ ...whole, executions: EACH, sizes: { 1: EACH } })
    expect(batches).toMatchObject(whole)
    // batches were batches, and there was much that came again
    expect(batches.executions).toBeLessThan(EACH / 5)
    for (const { deduplicated } of life.counts) expect(deduplicated).toBeGreaterThan(100)
  },
)
