/** Two servers on one store of a cluster, which are killed in turn and together. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Lab, unique } from '../connectors/kafka/lab.ts'
import { Client, newName } from '../connectors/rabbitmq/lab.ts'
import { pause } from '../engine/calls.ts'
import { newDatabase, newNamespace, temporalServices } from '../engine/temporal/services.ts'
import { needServices } from '../services/need.ts'
import type { Audit } from './audit.ts'
import { FLOWS, SIZE, type ChildOptions } from './killed-child.ts'

const { address } = temporalServices()
const { kafka, rabbitmq } = needServices('kafka', 'rabbitmq')
const lab = new Lab(kafka)
const program = new URL('./killed-child.ts', import.meta.url).pathname
const audit = new URL('./audit.ts', import.meta.url).pathname
/** To each topic and queue. */
const BURST = 40
const PARTITIONS = 2
/** Who is killed, one after the other. */
const KILLS = [[0], [1], [0, 1]]
const PATIENCE_MS = 90_000

let options: ChildOptions
let mq: Client
let database: pg.Client
const servers: Server[] = []

/** One life of a server. */
class Server {
  readonly process: ChildProcess
  readonly ready: Promise<void>
  private readonly ended: Promise<string>
  /** What it has printed. */
  said = ''

  constructor() {
    this.process = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.ended = new Promise((resolve) => this.process.once('close', (code, signal) => resolve(signal ?? String(code))))
    this.ready = new Promise((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        this.said += chunk.toString()
        if (this.said.includes('ready\n')) resolve()
      }
      this.process.stdout!.on('data', hear)
      this.process.stderr!.on('data', hear)
      void this.ended.then((how) => reject(new Error(`it has ended: ${how} ${this.said}`)))
    })
    this.ready.catch(() => undefined)
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    expect(await this.ended, this.said).toBe('SIGKILL')
  }
}

beforeAll(async () => {
  const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
  mq = await Client.open(rabbitmq)
  const queues = [newName(), newName()] as const
  for (const queue of queues) await mq.channel.assertQueue(queue, { durable: true, expires: 600_000 })
  const topics = [await lab.topic(PARTITIONS), await lab.topic(PARTITIONS)] as const
  options = { address, namespace, store, kafka, rabbitmq, topics, groupId: unique('group'), queues }
  database = new pg.Client({ connectionString: store })
  await database.connect()
}, 120_000)
afterAll(async () => {
  for (const { process: child } of servers) child.kill('SIGKILL')
  await mq?.close()
  await database?.end()
}, 60_000)

/** Executions that have ended, by flow. */
async function ended(): Promise<number[]> {
  const { rows } = await database
    .query<{ flow: string; count: string }>('SELECT flow, count(*) AS count FROM fnflow.executions GROUP BY flow')
    .catch(() => ({ rows: [] }))
  return FLOWS.map((flow) => Number(rows.find((row) => row.flow === flow)?.count ?? 0))
}

async function until(test: () => Promise<boolean>, what: string): Promise<void> {
  for (const began = Date.now(); !(await test()); await pause(20))
    if (Date.now() - began > PATIENCE_MS)
      throw new Error(`never: ${what}; ${(await ended()).join()} ${servers.map(({ said }) => said).join()}`)
}

it('every message starts one execution, though servers on one store are killed', { timeout: 240_000 }, async () => {
  let sent = 0
  const send = async (): Promise<void> => {
    const numbers = Array.from({ length: BURST }, (_, at) => sent + at)
    sent += BURST
    const records = numbers.map((n) => ({ partition: n % PARTITIONS, value: JSON.stringify({ n }) }))
    const messages = numbers.map((n) => ({ body: n, messageId: `m${n}` }))
    await Promise.all([
      ...options.topics.map((topic) => lab.write(topic, records)),
      ...options.queues.map((queue) => mq.send(queue, ...messages)),
    ])
  }
  servers.push(new Server())
  // the schema is made by one of them
  await servers[0]!.ready
  servers.push(new Server())
  let interrupted = 0
  for (const [life, killed] of KILLS.entries()) {
    await Promise.all(servers.map(({ ready }) => ready))
    const before = await ended()
    await send()
    // all four are at work
    await until(async () => (await ended()).every((count, at) => count > before[at]!), `work in life ${life}`)
    await pause((life * 37) % 100)
    await Promise.all(killed.map((at) => servers[at]!.kill()))
    const [singles, , messages] = await ended()
    if (singles! < sent || messages! < sent) interrupted += 1
    for (const at of killed) servers[at] = new Server()
  }
  // else nothing was under way when they were killed, and this says nothing
  expect(interrupted).toBeGreaterThan(0)
  await Promise.all(servers.map(({ ready }) => ready))
  await send()
  const look = async (): Promise<Audit[]> => {
    const { stdout } = await promisify(execFile)(process.execPath, [audit, JSON.stringify(options), String(sent)])
    return JSON.parse(stdout) as Audit[]
  }
  const isThrough = ({ missing, strange, left }: Audit): boolean => missing.length + strange.length + left === 0
  await until(async () => (await look()).every(isThrough), 'the end')
  // nothing may come twice
  await pause(1500)
  const audits = await look()
  expect(audits.map(({ executions: _, largest: __, ...found }) => found)).toEqual(
    FLOWS.map((flow) => ({ flow, missing: [], doubled: [], strange: [], left: 0 })),
  )
  const [records, recordBatches, messages, messageBatches] = audits
  expect([records!.executions, messages!.executions]).toEqual([sent, sent])
  for (const { executions, largest } of [recordBatches!, messageBatches!]) {
    expect(largest).toBe(SIZE)
    expect(executions).toBeLessThan(sent)
  }
  await Promise.all(servers.map((server) => server.kill()))
})
