/** A broker of its own, which is killed, too. */
import { spawn, type ChildProcess } from 'node:child_process'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../../scripts/services/ports.ts'
import { startServices, type RunningServices } from '../../../scripts/services/start.ts'
import { pause } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import type { Audit } from './audit.ts'
import { Lab, unique } from './lab.ts'
import { Proxy } from '../proxy.ts'

needServices('kafka')

const KILLS = 10
/** Half of the 20,000 for each topic, some before each kill and the rest at the end. */
const EACH = 10_000
const PARTITIONS = 4
const BURST = EACH / (KILLS + 1)
const START_MS = 180_000
const LIMIT_MS = 600_000

const child = new URL('./killed-child.ts', import.meta.url).pathname
const audit = new URL('./audit.ts', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'fnflow-kafka-kill-'))
let services: RunningServices<'kafka'>
let lab: Lab
let proxy: Proxy
let address: string
let running: Life | undefined

beforeAll(async () => {
  const [port, advertised] = [await freePort(), await freePort()]
  services = await startServices(['kafka'], { log: () => undefined, options: { kafka: { proxied: { port, advertised } } } })
  proxy = new Proxy(port)
  await proxy.listen(advertised)
  address = `127.0.0.1:${advertised}`
  lab = new Lab(services.addresses.kafka)
}, START_MS)

afterAll(async () => {
  running?.process.kill('SIGKILL')
  proxy?.close()
  await services?.stop()
  rmSync(folder, { recursive: true, force: true })
}, START_MS)

interface Progress {
  readonly started: readonly [number, number]
  readonly lag: readonly [number, number]
  readonly states: readonly string[]
}

/** One life of the engine. */
class Life {
  readonly process: ChildProcess
  private last: Progress = { started: [0, 0], lag: [-1, -1], states: [] }
  private readonly ended: Promise<string>
  private errors = ''

  constructor(args: readonly string[]) {
    this.process = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let rest = ''
    this.process.stdout!.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop()!
      if (lines.length > 0) this.last = JSON.parse(lines.at(-1)!) as Progress
    })
    this.process.stderr!.on('data', (chunk: Buffer) => (this.errors += chunk.toString()))
    this.ended = new Promise((resolve) => this.process.once('exit', (code, signal) => resolve(signal ?? String(code))))
  }

  /** Both triggers are at work: each has started something, and there is more. */
  async atWork(): Promise<void> {
    await this.until(({ started }) => started[0] > 0 && started[1] > 0, 'work')
  }

  /** A moment later. Throws where it has ended by itself. */
  async alive(): Promise<void> {
    await pause(100)
    if (this.process.exitCode !== null) throw new Error(`it ended by itself: ${this.errors}`)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    expect(await this.ended, this.errors).toBe('SIGKILL')
  }

  private async until(test: (progress: Progress) => boolean, what: string): Promise<void> {
    const began = Date.now()
    while (!test(this.last)) {
      if (this.process.exitCode !== null) throw new Error(`it ended by itself: ${this.errors}`)
      if (Date.now() - began > 120_000) throw new Error(`never: ${what}; ${JSON.stringify(this.last)} ${this.errors}`)
      await pause(10)
    }
  }
}

it(
  `${2 * EACH} records start one execution each, though the engine is killed ${KILLS} times and the broker twice, and connections are cut`,
  { timeout: LIMIT_MS },
  async () => {
    const [singles, batches] = [await lab.topic(PARTITIONS), await lab.topic(PARTITIONS)]
    const group = unique('group')
    const args = [join(folder, 'store'), address, singles, batches, group]
    let written = 0
    const burst = async (until: number): Promise<void> => {
      const messages = Array.from({ length: until - written }, (_, at) => ({
        partition: (written + at) % PARTITIONS,
        value: JSON.stringify({ n: written + at }),
      }))
      written = until
      await Promise.all([lab.write(singles, messages), lab.write(batches, messages)])
    }
    // takes partitions away, and leaves their records alone
    const thief = async (name: string): Promise<void> => {
      const consumer = lab.kafka.consumer({
        groupId: `${group}-${name}`,
        sessionTimeout: 3000,
        heartbeatInterval: 500,
        maxWaitTimeInMs: 100,
      })
      await consumer.connect()
      await consumer.subscribe({ topics: [name === 'single' ? singles : batches] })
      await consumer.run({ autoCommit: false, eachBatch: async () => undefined })
      await pause(500)
      await consumer.disconnect()
    }
    for (let kill = 0; kill < KILLS; kill++) {
      running = new Life(args)
      await burst(Math.round(BURST * (kill + 1)))
      await running.atWork()
      if (kill % 3 === 0) expect(proxy.cut()).toBeGreaterThan(0)
      if (kill % 3 === 1) await Promise.all([thief('single'), thief('batched')])
      if (kill === 2) await services.services.kafka.restart()
      if (kill === 5) {
        await services.services.kafka.kill()
        await services.services.kafka.restart()
      }
      await pause(Math.random() * 150)
      await running.kill()
    }
    await burst(EACH)
    running = new Life(args)
    // what is committed has been started; how much that is must not hang on how long a partition takes to be assigned
    const read = async (topic: string, name: string): Promise<number> =>
      Object.values(await lab.committed(`${group}-${name}`, topic)).reduce((sum, offset) => sum + Math.max(0, offset), 0)
    while ((await read(singles, 'single')) < EACH || (await read(batches, 'batched')) < EACH) await running.alive()
    await running.kill()

    const { stdout } = await promisify(execFile)(process.execPath, [audit, join(folder, 'store'), lab.address, singles, batches])
    const { sizes, executions, ...found } = JSON.parse(stdout) as Audit
    expect(found).toEqual({ records: 2 * EACH, missing: [], doubled: [], disordered: [], wrong: [] })
    // batches were batches
    expect(sizes['20']).toBeGreaterThan(100)
    expect(executions).toBeLessThan(EACH + EACH / 2)
  },
)
