/** Kafka's triggers on a cluster, with the real broker. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EngineOptions } from '../../engine/api.ts'
import { LocalEngine } from '../../engine/internal.ts'
import type { TriggerRecord } from '../../engine/triggers/api.ts'
import { Lab, SESSION, unique } from '../connectors/kafka/lab.ts'
import { pause, until } from '../engine/calls.ts'
import { newDatabase, newNamespace, temporalServices } from '../engine/temporal/services.ts'
import { needServices } from '../services/need.ts'

const { address } = temporalServices()
const { kafka } = needServices('kafka')
const lab = new Lab(kafka)
const LIMIT = { timeout: 180_000 }

let options: EngineOptions
let engine: LocalEngine
const opened: LocalEngine[] = []

async function open(more: EngineOptions = {}): Promise<LocalEngine> {
  const one = await LocalEngine.open({ ...options, ...more }, { backoff: { firstMs: 50, longestMs: 500 } })
  opened.push(one)
  return one
}

beforeAll(async () => {
  const [namespace, store, deadLetters] = await Promise.all([
    newNamespace(),
    newDatabase(),
    lab.topic(1, { 'max.message.bytes': '1000000' }),
  ])
  options = {
    engine: 'temporal',
    store,
    temporal: { address, namespace, taskQueue: 'kafka', worker: {} },
    connections: { main: { kind: 'kafka', brokers: [kafka], sessionTimeout: SESSION } },
    channels: { dead: { connection: 'main', topic: deadLetters } },
  }
  dead = deadLetters
  engine = await open()
}, 120_000)
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
}, 60_000)
let dead: string

/** A flow that is started with the numbers of its records. */
async function deploy(flow: string, topic: string, more: object = {}, nodes: object = { n: { type: 'pass' } }): Promise<string> {
  const groupId = unique('group')
  const trigger = { type: 'kafka', name: 't', connection: 'main', topics: [topic], groupId, from: 'earliest', format: 'json' }
  const input = { values: '$.records[0].messages[*].n', partition: '$.records[0].partition' }
  await engine.deploy({ flow, triggers: [{ ...trigger, input, ...more }], start: 'n', nodes })
  return groupId
}

interface Input {
  readonly values: readonly number[]
  readonly partition: number
}

/** Inputs of all executions of a flow. */
async function inputsOf(flow: string): Promise<Input[]> {
  const inputs: Input[] = []
  for (let cursor: string | undefined; ;) {
    const page = await engine.list({ flow, limit: 200, ...(cursor === undefined ? {} : { cursor }) })
    inputs.push(...((await Promise.all(page.items.map(async ({ id }) => (await engine.describe(id)).input))) as unknown as Input[]))
    cursor = page.nextCursor
    if (cursor === undefined) return inputs
  }
}

const started = async (flow: string): Promise<number[]> => (await inputsOf(flow)).flatMap(({ values }) => values).sort((a, b) => a - b)
const trigger = (flow: string): Promise<TriggerRecord> => engine.triggers.get(flow, 't')
const range = (to: number): number[] => Array.from({ length: to }, (_, at) => at)

/** Waits for these, and a little longer: nothing may come twice. */
async function expectStarted(flow: string, values: readonly number[]): Promise<void> {
  await until(async () => (await started(flow)).length >= values.length, `${values.length} values of ${flow}`)
  await pause(500)
  expect(await started(flow)).toEqual(values)
}

it('records start one execution each, whoever has their partition, and the group is told', LIMIT, async () => {
  const topic = await lab.topic(3)
  const write = (from: number, to: number): Promise<unknown> =>
    Promise.all([0, 1, 2].map((partition) => lab.numbers(topic, from + partition * 1000, to - 1 + partition * 1000, partition)))
  await write(0, 10)
  const groupId = await deploy('single', topic)
  await until(async () => (await started('single')).length > 0, 'work')
  // partitions move to another server, and come back when it leaves
  const other = await open({ temporal: { ...options.temporal, worker: false } })
  await write(10, 20)
  await lab.members(groupId, 2)
  await write(20, 30)
  await until(async () => (await started('single')).length > 60, 'work of both')
  await other.close()
  await write(30, 40)
  await expectStarted(
    'single',
    [0, 1000, 2000].flatMap((base) => range(40).map((n) => base + n)),
  )
  await until(async () => Object.values(await lab.committed(groupId, topic)).join() === '40,40,40', 'the commits')
  await until(async () => (await trigger('single')).counts.started === 120, 'the counts')
  await until(async () => (await trigger('single')).lag === 0, 'no lag')
  expect(await trigger('single')).toMatchObject({ state: 'running', counts: { skipped: 0, lost: 0 } })
})

it('batches keep their bounds when a server dies', LIMIT, async () => {
  const topic = await lab.topic()
  const groupId = await deploy('batched', topic, { batch: { size: 7, window: '100ms' }, maxInFlight: 10 })
  for (let from = 0; from < 120; from += 40) {
    await lab.numbers(topic, from, from + 39)
    await until(async () => (await started('batched')).length > from, `work behind ${from}`)
    await engine.abandon()
    engine = await open()
  }
  await expectStarted('batched', range(120))
  const sizes = (await inputsOf('batched')).map(({ values }) => values.length)
  expect(Math.max(...sizes)).toBe(7)
  await until(async () => (await lab.committed(groupId, topic))[0] === 120, 'the commit')
})

it('a trigger goes back to where it is sought, and keeps its place while it is disabled', LIMIT, async () => {
  const topic = await lab.topic()
  const groupId = await deploy('sought', topic)
  await lab.numbers(topic, 0, 4)
  await expectStarted('sought', range(5))
  await engine.triggers.seek('sought', 't', { offsets: { [`${topic}/0`]: 3 } })
  await expectStarted('sought', [0, 1, 2, 3, 3, 4, 4])
  await engine.triggers.disable('sought', 't')
  await lab.numbers(topic, 5, 6)
  await pause(300)
  expect(await started('sought')).toHaveLength(7)
  await engine.triggers.enable('sought', 't')
  await expectStarted('sought', [0, 1, 2, 3, 3, 4, 4, 5, 6])
  await until(async () => (await lab.committed(groupId, topic))[0] === 7, 'the commit')
})

it('poison at the head, and what is too large, become dead letters, and large events start', LIMIT, async () => {
  const topic = await lab.topic(1, { 'max.message.bytes': '8000000' })
  const large = 'x'.repeat(5.9 * 1024 * 1024)
  const tooLarge = JSON.stringify({ n: 2, text: 'y'.repeat(6.2 * 1024 * 1024) })
  await lab.write(topic, [{ value: 'no JSON {' }])
  await lab.write(topic, [{ value: JSON.stringify({ n: 1, text: large }) }])
  await lab.write(topic, [{ value: tooLarge }])
  await lab.write(topic, [{ value: '{"n":3}' }])
  await deploy('poisoned', topic, { deadLetter: 'dead', input: { values: '$.records[0].messages[*].n', event: '$' } })
  await expectStarted('poisoned', [1, 3])
  const [first] = (await inputsOf('poisoned')).filter(({ values }) => values[0] === 1) as unknown as { event: any }[]
  expect(first!.event.records[0].messages[0].text === large).toBe(true)
  await until(async () => (await trigger('poisoned')).counts.deadLettered === 2, 'the counts')
  const letters: any[] = []
  const consumer = lab.kafka.consumer({ groupId: unique('reader') })
  await consumer.connect()
  await consumer.subscribe({ topics: [dead], fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void letters.push(JSON.parse(message.value!.toString())) })
  await until(() => letters.length >= 2, 'the dead letters')
  await consumer.disconnect()
  expect(letters).toMatchObject([
    { flow: 'poisoned', place: `main/${topic}/0/0`, data_base64: Buffer.from('no JSON {').toString('base64') },
    { place: `main/${topic}/0/2`, left_out: { length: tooLarge.length, sha256: createHash('sha256').update(tooLarge).digest('hex') } },
  ])
})

it('no more executions run at a time than maxInFlight', LIMIT, async () => {
  const topic = await lab.topic()
  await lab.numbers(topic, 0, 7)
  await deploy('slow', topic, { maxInFlight: 3 }, { n: { type: 'wait', seconds: 3600 } })
  const running = async () => (await engine.list({ flow: 'slow', status: 'running' })).items
  await until(async () => (await running()).length === 3, 'three of them')
  await pause(500)
  expect(await running()).toHaveLength(3)
  await until(async () => (await trigger('slow')).state === 'paused', 'its state')
  for (let ended = 0; ended < 8; ended++) {
    await until(async () => (await running()).length > 0, 'one that runs')
    const now = await running()
    expect(now.length).toBeLessThanOrEqual(3)
    const { id } = now[0]!
    await engine.stop(id)
    // lists are a moment late
    await until(async () => (await engine.describe(id)).status !== 'running', 'its end')
    await until(async () => (await running()).every((one) => one.id !== id), 'its end in the list')
  }
  await expectStarted('slow', range(8))
})
