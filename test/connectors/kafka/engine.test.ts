/** Through a whole engine on SQLite: what a connector alone cannot show. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { kafkaEvent, partOf } from '../../../connectors/kafka/event.ts'
import { PAYLOAD_LIMIT } from '../../../dsl/json-copy.ts'
import type { Engine } from '../../../engine/api.ts'
import { createEngine } from '../../../engine/index.ts'
import { until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { Lab, unique } from './lab.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)
const LARGE = { 'max.message.bytes': String(20 * 1024 * 1024) }
let store: string
let engine: Engine | undefined

beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'fnflow-kafka-'))
})
afterEach(async () => {
  await engine?.close()
  rmSync(store, { recursive: true, force: true })
})

async function open(channels: Readonly<Record<string, string>>): Promise<Engine> {
  const all = Object.entries(channels).map(([name, topic]) => [name, { connection: 'main', topic }])
  const connections = { main: { kind: 'kafka', brokers: [kafka] } } as const
  return createEngine({ store, connections, channels: Object.fromEntries(all), onLog: () => undefined })
}

const flowOf = (flow: string, trigger: object): object => ({
  flow,
  triggers: [{ type: 'kafka', name: 'in', connection: 'main', groupId: unique('group'), from: 'earliest', ...trigger }],
  start: 'a',
  nodes: { a: { type: 'pass', params: { done: true } } },
})

/** The dead letters of a topic, when there are so many. */
async function lettersOf(topic: string, count: number): Promise<any[]> {
  const consumer = lab.kafka.consumer({ groupId: unique('reader'), maxBytes: 64 * 1024 * 1024, maxBytesPerPartition: 32 * 1024 * 1024 })
  const all: any[] = []
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message: { value, headers } }) => {
      expect(String(headers!['ce_type'])).toBe('fnflow.dead-letter')
      all.push(JSON.parse(String(value)))
    },
  })
  await until(() => all.length >= count, `${count} dead letters`)
  await consumer.disconnect()
  return all
}

it(
  'an event of 6 MiB starts its flow; one byte more is a dead letter, with its bytes where the channel takes them',
  { timeout: 90_000 },
  async () => {
    const [topic, large, small] = [
      await lab.topic(1, LARGE),
      await lab.topic(1, LARGE),
      await lab.topic(1, { 'max.message.bytes': '1048576' }),
    ]
    const timestamp = '1576737962123'
    const bytesWith = (text: string, offset: number): number => {
      const record = { offset: String(offset), timestamp, key: null, value: Buffer.from(text) }
      return Buffer.byteLength(JSON.stringify(kafkaEvent('main', topic, 0, [partOf(record, 'text')])))
    }
    const fitting = 'x'.repeat(PAYLOAD_LIMIT - bytesWith('', 0))
    expect(bytesWith(fitting, 0)).toBe(PAYLOAD_LIMIT)
    const over = `${fitting}y`
    for (const value of [fitting, over, 'behind it']) await lab.write(topic, [{ value, timestamp }])
    engine = await open({ large, small })
    await engine.deploy(flowOf('with-bytes', { topics: [topic], format: 'text', deadLetter: 'large' }))
    await engine.deploy(flowOf('without', { topics: [topic], format: 'text', deadLetter: 'small' }))
    for (const flow of ['with-bytes', 'without'])
      await until(async () => {
        const { counts } = await engine!.triggers.get(flow, 'in')
        return counts.started === 2 && counts.deadLettered === 1
      }, flow)
    const { items } = await engine.list({ flow: 'with-bytes' })
    const inputs = await Promise.all(items.map(async ({ id }) => ((await engine!.describe(id)).input as any).records[0].messages[0]))
    expect(inputs.map((text: string) => text.length).sort((a, b) => a - b)).toEqual(['behind it'.length, fitting.length])
    const [whole] = await lettersOf(large, 1)
    expect(whole).toMatchObject({ flow: 'with-bytes', place: `main/${topic}/0/1`, reason: expect.stringMatching(/6291456|6 MiB/) })
    expect(Buffer.from(whole.data_base64, 'base64').toString() === over).toBe(true)
    const [named] = await lettersOf(small, 1)
    expect(Object.keys(named)).not.toContain('data_base64')
    expect(named.left_out).toEqual({ length: over.length, sha256: createHash('sha256').update(over).digest('hex') })
  },
)

it('poison at the head of each partition is a dead letter, once, and what is behind it starts', async () => {
  const [topic, letters] = [await lab.topic(2), await lab.topic()]
  for (const partition of [0, 1]) {
    await lab.write(topic, [{ partition, key: 'k', value: Buffer.from([0x7b, 0xff, partition]) }])
    await lab.numbers(topic, 1, 5, partition)
  }
  engine = await open({ letters })
  const flow = flowOf('strict', { topics: [topic], format: 'json', deadLetter: 'letters' })
  await engine.deploy(flow)
  const counts = async () => (await engine!.triggers.get('strict', 'in')).counts
  await until(async () => (await counts()).started === 10, 'the rest')
  expect(await counts()).toMatchObject({ started: 10, deadLettered: 2, skipped: 0, lost: 0 })
  // again, from what is kept
  await engine.close()
  engine = await open({ letters })
  for (const partition of [0, 1]) await lab.numbers(topic, 6, 6, partition)
  await until(async () => (await counts()).started === 12, 'what came later')
  expect((await counts()).deadLettered).toBe(2)
  const all = await lettersOf(letters, 2)
  expect(all).toHaveLength(2)
  for (const { place, data_base64: bytes, trigger } of all) {
    const partition = Number(place.split('/').at(-2))
    expect(place).toBe(`main/${topic}/${partition}/0`)
    expect([...Buffer.from(bytes, 'base64')]).toEqual([0x7b, 0xff, partition])
    expect(trigger).toEqual({ type: 'kafka', name: 'in' })
  }
})
