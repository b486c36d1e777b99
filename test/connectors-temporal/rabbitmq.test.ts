import { afterEach, expect, it } from 'vitest'
import type { Engine } from '../../engine/api.ts'
import { LocalEngine } from '../../engine/internal.ts'
import { Client, newName, range } from '../connectors/rabbitmq/lab.ts'
import { Proxy } from '../connectors/proxy.ts'
import { until } from '../engine/calls.ts'
import { newDatabase, newNamespace, temporalServices } from '../engine/temporal/services.ts'
import { needServices } from '../services/need.ts'

const { address } = temporalServices()
const { rabbitmq } = needServices('rabbitmq')

const engines: LocalEngine[] = []
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()))
})

/** Messages of all executions of a flow. */
async function started(engine: Engine): Promise<number[]> {
  const values: number[] = []
  for (let cursor: string | undefined; ;) {
    const page = await engine.list({ flow: 'f', limit: 200, ...(cursor === undefined ? {} : { cursor }) })
    const inputs = await Promise.all(page.items.map(async ({ id }) => (await engine.describe(id)).input))
    for (const input of inputs) values.push(...(input as { values: number[] }).values)
    cursor = page.nextCursor
    if (cursor === undefined) return values.sort((a, b) => a - b)
  }
}

it.each([undefined, 7])(
  'messages start one execution each on a cluster, while a server dies and its connections are cut, in batches of %s',
  { timeout: 180_000 },
  async (size) => {
    const [namespace, store] = await Promise.all([newNamespace(), newDatabase()])
    // acknowledgements come late: what a server has started and dies behind is handed out again
    const proxy = await Proxy.before(rabbitmq, 50)
    const open = async (): Promise<LocalEngine> => {
      const engine = await LocalEngine.open(
        {
          engine: 'temporal',
          store,
          temporal: { address, namespace, taskQueue: 'rabbitmq', worker: {} },
          connections: { mq: { kind: 'rabbitmq', url: proxy.url } },
        },
        { backoff: { firstMs: 50, longestMs: 500 } },
      )
      engines.push(engine)
      return engine
    }
    const client = await Client.open(rabbitmq)
    const queue = newName()
    await client.channel.assertQueue(queue, { durable: true, expires: 600_000 })
    const send = (from: number, to: number): Promise<void> =>
      client.send(
        queue,
        ...range(to)
          .slice(from)
          .map((n) => ({ body: n, messageId: `m${n}` })),
      )
    const trigger = { type: 'rabbitmq', name: 't', connection: 'mq', queue, maxInFlight: 500 }
    const many = { ...trigger, input: { values: '$.records[0].messages' } }
    await send(0, 30)
    let engine = await open()
    await engine.deploy({
      flow: 'f',
      triggers: [size === undefined ? many : { ...many, batch: { size, window: '100ms' } }],
      start: 'n',
      nodes: { n: { type: 'pass' } },
    })
    for (const from of [30, 60]) {
      await until(async () => (await started(engine)).length > from - 30, 'work')
      proxy.cut()
      await send(from, from + 30)
      await until(async () => (await started(engine)).length > from - 15, 'work behind a cut')
      await engine.abandon()
      proxy.cut()
      engine = await open()
    }
    // sent twice by its sender
    await send(80, 90)
    await until(async () => (await started(engine)).length >= 90 && (await client.ready(queue)) === 0, 'all of them')
    await until(async () => (await engine.triggers.get('f', 't')).counts.deduplicated >= 10, 'the repeats')
    expect(await started(engine)).toEqual(range(90))
    await client.channel.deleteQueue(queue)
    await client.close()
  },
)
