import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach } from 'vitest'
import { connectorContract, type Stream } from '../contract.ts'
import { needServices } from '../../services/need.ts'
import { Client, newName } from './lab.ts'
import { Proxy } from '../proxy.ts'

const { rabbitmq } = needServices('rabbitmq')

let client: Client
beforeEach(async () => {
  client = await Client.open(rabbitmq)
})
afterEach(() => client.close())

/** A queue in which each value has an id of its own. */
async function stream(): Promise<Stream> {
  const queue = newName()
  await client.channel.assertQueue(queue, { durable: true, expires: 600_000 })
  const send = (bodies: readonly Buffer[]): Promise<void> =>
    client.send(queue, ...bodies.map((body) => ({ body, messageId: randomUUID() })))
  return {
    trigger: ({ batch } = {}) => ({
      type: 'rabbitmq',
      connection: 'mq',
      queue,
      declare: true,
      arguments: { 'x-expires': 600_000 },
      format: 'json',
      ...(batch === undefined ? {} : { batch: { size: batch, window: '100ms' } }),
    }),
    produce: (values) => send(values.map((value) => Buffer.from(JSON.stringify(value)))),
    produceRaw: (bytes) => send([Buffer.from(bytes)]),
    path: { one: '$.records[0].messages[0]', batch: '$.records[0].messages' },
  }
}

const proxy = await Proxy.before(rabbitmq)
connectorContract({
  kind: 'rabbitmq',
  hasOrder: false,
  canSeek: false,
  options: { connections: { mq: { kind: 'rabbitmq', url: proxy.url } } },
  stream,
  cut: async () => void proxy.cut(),
})
