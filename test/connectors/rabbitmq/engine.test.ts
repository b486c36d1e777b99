/** Through an engine, at a real broker: what is large, what starts nothing, a broker that is away for long, and a flow that is slow. */
import { hash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { PAYLOAD_LIMIT } from '../../../dsl/json-copy.ts'
import type { EngineOptions } from '../../../engine/api.ts'
import { LocalEngine } from '../../../engine/internal.ts'
import type { EngineSeams } from '../../../engine/local-engine.ts'
import { needServices } from '../../services/need.ts'
import { Proxy } from '../proxy.ts'
import { Lab, numbered, range, WAIT } from './lab.ts'

const { rabbitmq } = needServices('rabbitmq')

async function open(options: EngineOptions = {}, seams: EngineSeams = {}): Promise<LocalEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'fnflow-rabbitmq-'))
  const connections = { mq: { kind: 'rabbitmq', url: rabbitmq } as const }
  const engine = await LocalEngine.open({ store: join(folder, 'store'), connections, ...options }, seams)
  onTestFinished(async () => {
    await engine.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return engine
}

const flowOf = (trigger: object, nodes: object = { n: { type: 'pass' } }) => ({
  flow: 'f',
  triggers: [{ type: 'rabbitmq', name: 'in', connection: 'mq', ...trigger }],
  start: 'n',
  nodes,
})

async function startedNumbers(engine: LocalEngine): Promise<unknown[]> {
  const { items } = await engine.list({ limit: 200 })
  const inputs = await Promise.all(items.map(async ({ id }) => (await engine.describe(id)).input))
  return inputs.map((input) => (input as { n: unknown }).n).sort((a, b) => Number(a) - Number(b))
}

describe('messages of a queue', () => {
  test('of 6 MiB start executions, what is larger and what is no JSON become dead letters, and what is behind them goes on', async () => {
    const lab = await Lab.open(rabbitmq)
    const [queue, letters] = [await lab.queue(), await lab.queue()]
    // with what the event document has around it
    const largest = 'x'.repeat(PAYLOAD_LIMIT - 1024)
    const tooLarge = 'x'.repeat(PAYLOAD_LIMIT)
    const bad = Buffer.from('no JSON {')
    await lab.send(
      queue,
      { body: bad, messageId: 'bad', contentType: 'text/csv' },
      { body: tooLarge, messageId: 'too-large' },
      { body: largest, messageId: 'largest' },
      { body: 'last', messageId: 'last' },
    )
    const engine = await open({
      channels: { dead: { connection: 'mq', exchange: '', routingKey: letters } as never },
    })
    await engine.deploy(flowOf({ queue, format: 'json', deadLetter: 'dead' }))
    await expect
      .poll(async () => (await engine.triggers.get('f', 'in')).counts, WAIT)
      .toMatchObject({ started: 2, deadLettered: 2, skipped: 0, deduplicated: 0 })
    const { items } = await engine.list()
    const inputs = await Promise.all(items.map(async ({ id }) => JSON.stringify((await engine.describe(id)).input)))
    expect(inputs.filter((input) => input.includes(largest))).toHaveLength(1)
    expect(inputs.filter((input) => input.includes('"messages":["last"]'))).toHaveLength(1)
    const all = (await lab.drain(letters)).map(({ content }) => JSON.parse(content.toString()) as { type: string; data: any })
    expect(all.map(({ type }) => type)).toEqual(['fnflow.dead-letter', 'fnflow.dead-letter'])
    const [first, second] = all.map(({ data }) => data).sort((a, b) => a.data_base64.length - b.data_base64.length)
    expect(first).toMatchObject({ flow: 'f', place: `${queue}/bad`, contentType: 'text/csv', reason: expect.stringContaining('JSON') })
    expect(Buffer.from(first.data_base64, 'base64')).toEqual(bad)
    expect(second).toMatchObject({ place: `${queue}/too-large`, reason: expect.stringMatching(/bytes|MiB/) })
    expect(hash('sha256', Buffer.from(second.data_base64, 'base64'), 'hex')).toBe(hash('sha256', JSON.stringify(tooLarge), 'hex'))
    await expect.poll(() => lab.ready(queue), WAIT).toBe(0)
  })

  test('come when a broker that was away for an hour is there again', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const proxy = await Proxy.before(rabbitmq)
    // an hour with pauses of 1 s to 30 s, a thousand times as fast: so many attempts it takes
    const attempts = 3600 / 30
    const engine = await open({ connections: { mq: { kind: 'rabbitmq', url: proxy.url } } }, { backoff: { firstMs: 1, longestMs: 30 } })
    await engine.deploy(flowOf({ queue, input: { n: '$.records[0].messages[0]' } }))
    await lab.send(queue, ...numbered(10))
    await expect.poll(async () => (await engine.triggers.get('f', 'in')).counts.started, WAIT).toBe(10)
    proxy.isAway = true
    const before = proxy.connections
    proxy.cut()
    await lab.send(queue, ...numbered(20).slice(10))
    await expect.poll(() => proxy.connections - before, WAIT).toBeGreaterThan(attempts)
    expect(await engine.triggers.get('f', 'in')).toMatchObject({ state: 'reconnecting', error: { message: expect.any(String) } })
    const connection = async () => (await engine.health()).dependencies['connection mq']
    expect(await connection()).toMatchObject({ state: 'failed', required: false, reason: expect.any(String) })
    proxy.isAway = false
    await expect.poll(async () => (await engine.triggers.get('f', 'in')).counts.started, WAIT).toBe(20)
    expect(await startedNumbers(engine)).toEqual(range(20))
    const after = await engine.triggers.get('f', 'in')
    expect(after.state).toBe('running')
    expect(after.error).toBeUndefined()
    // an answer may be a second old
    await expect.poll(connection, WAIT).toMatchObject({ state: 'ok' })
  })

  test('that are more than a slow flow can take stay at the broker: memory is flat', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const [count, bytes] = [300, 500_000]
    const body = Buffer.alloc(bytes, 'x')
    await lab.send(queue, ...range(count).map((n) => ({ body, messageId: `m${n}` })))
    const engine = await open()
    const input = { n: '$.records[0].metadata[0].messageId' }
    await engine.deploy(flowOf({ queue, format: 'text', prefetch: 1000, maxInFlight: 4, input }, { n: { type: 'wait', seconds: 0.05 } }))
    const sizes: number[] = []
    const started = async (): Promise<number> => {
      const { external, arrayBuffers } = process.memoryUsage()
      sizes.push(external + arrayBuffers)
      return (await engine.triggers.get('f', 'in')).counts.started
    }
    await expect.poll(started, WAIT).toBeGreaterThan(60)
    // what was taken and not started is no more than may be started
    const ready = await lab.ready(queue)
    expect(count - ready - (await started())).toBeLessThanOrEqual(8)
    // less than half of what waits there
    expect(Math.max(...sizes) - sizes[0]!).toBeLessThan((count * bytes) / 2)
  })
})
