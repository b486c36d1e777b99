/** What is published is read by kafkajs itself, and understood by the SDK of CloudEvents. */
import { Kafka as Binding, type CloudEvent as SdkEvent } from 'cloudevents'
import type { KafkaMessage } from 'kafkajs'
import { afterAll, describe, expect, it } from 'vitest'
import { EventTooLarge } from '../../../connectors/channels/contract.ts'
import { openKafka } from '../../../connectors/kafka/index.ts'
import type { ConnectorKind } from '../../../connectors/kind.ts'
import { Backoff } from '../../../connectors/triggers/backoff.ts'
import type { CloudEvent } from '../../../dsl/cloud-event.ts'
import type { ConnectionOptions } from '../../../connectors/connections.ts'
import { createEngine } from '../../../engine/index.ts'
import { until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { Lab, unique } from './lab.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)
const CONNECTIONS: Readonly<Record<string, ConnectionOptions>> = {
  main: { kind: 'kafka', brokers: [kafka] },
  away: { kind: 'kafka', brokers: ['127.0.0.1:1'] },
}
const closed = new AbortController()
const kind: ConnectorKind<'kafka'> = openKafka({
  connection: (of, name) => (CONNECTIONS[name]?.kind === of ? (CONNECTIONS[name] as never) : undefined),
  timezone: 'UTC',
  backoff: () => new Backoff(),
  log: () => undefined,
  closed: closed.signal,
})
afterAll(() => kind.close!())

const EVENT: CloudEvent = {
  specversion: '1.0',
  id: 'execution-1/tell#2',
  source: '/flows/orders',
  type: 'fnflow.event',
  subject: 'order 17 ✓',
  time: '2030-01-01T12:00:00.000Z',
  datacontenttype: 'application/json',
  data: { amount: 5, text: 'größer' },
}

/** All messages of a topic, when there are so many. */
async function messagesOf(topic: string, count: number): Promise<KafkaMessage[]> {
  const consumer = lab.kafka.consumer({ groupId: unique('reader') })
  const all: KafkaMessage[] = []
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void all.push(message) })
  await until(() => all.length >= count, `${count} messages`)
  await consumer.disconnect()
  return all
}

/** As the SDK reads a message. */
function eventOf({ key, value, headers = {} }: KafkaMessage): SdkEvent<unknown> {
  const texts = Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, String(header)]))
  // of binary mode it takes the value as it is; of structured mode it wants the text
  const read = Binding.toEvent({ key: key?.toString(), value: value!.toString(), headers: texts, body: value!.toString() } as never)
  return (Array.isArray(read) ? read[0] : read) as SdkEvent<unknown>
}

function dataOf(event: SdkEvent<unknown>): unknown {
  return typeof event.data === 'string' ? JSON.parse(event.data) : event.data
}

describe('a channel', () => {
  it.each(['binary', 'structured'] as const)('publishes CloudEvents in mode %s', async (mode) => {
    const topic = await lab.topic()
    await kind.channel!('orders', { connection: 'main', topic, mode }).publish(EVENT)
    const [message] = await messagesOf(topic, 1)
    expect(message!.key?.toString()).toBe('order 17 ✓')
    const read = eventOf(message!)
    expect(read.validate()).toBe(true)
    const { id, source, type, subject, time, specversion, datacontenttype } = read
    expect({ id, source, type, subject, time, specversion, datacontenttype, data: dataOf(read) }).toEqual(EVENT)
    const headers = Object.fromEntries(Object.entries(message!.headers!).map(([name, value]) => [name, String(value)]))
    if (mode === 'binary') expect(headers).toMatchObject({ ce_id: EVENT.id, ce_specversion: '1.0', 'content-type': 'application/json' })
    else expect(headers).toEqual({ 'content-type': 'application/cloudevents+json; charset=utf-8' })
  })

  it('keeps the order of a key, and takes many at once', async () => {
    const topic = await lab.topic(3)
    const channel = kind.channel!('orders', { connection: 'main', topic })
    const events = Array.from({ length: 300 }, (_, at) => ({ ...EVENT, id: String(at), subject: `s${at % 5}` }))
    await Promise.all(events.map((event) => channel.publish(event)))
    const all = await messagesOf(topic, 300)
    for (const subject of ['s0', 's1', 's2', 's3', 's4']) {
      const ids = all.filter(({ key }) => String(key) === subject).map(({ headers }) => Number(headers!['ce_id']))
      expect(ids).toEqual(events.filter((event) => event.subject === subject).map(({ id }) => Number(id)))
    }
  })

  it('refuses what the broker refuses, at once and alone', async () => {
    const topic = await lab.topic(1, { 'max.message.bytes': '10000' })
    const channel = kind.channel!('orders', { connection: 'main', topic })
    const large = channel.publish({ ...EVENT, data: 'x'.repeat(20_000) })
    const small = channel.publish(EVENT)
    await expect(large).rejects.toThrow(EventTooLarge)
    await small
    const nowhere = kind.channel!('orders', { connection: 'main', topic: unique('unknown') })
    await expect(nowhere.publish(EVENT)).rejects.toThrow(/does not host this topic/)
    expect(kind.health!().get('main')).toEqual({ state: 'ok' })
  })

  it('tries again while the broker is away, until the engine closes', async () => {
    const publishing = kind.channel!('orders', { connection: 'away', topic: 'any' }).publish(EVENT)
    await until(() => kind.health!().get('away') !== undefined, 'the failure')
    expect(kind.health!().get('away')).toMatchObject({ state: 'failed', reason: expect.stringContaining('ECONNREFUSED') })
    closed.abort()
    await expect(publishing).rejects.toThrow('ECONNREFUSED')
  })

  it('is where event nodes of a flow publish', async () => {
    const topic = await lab.topic()
    const engine = await createEngine({ connections: CONNECTIONS, channels: { orders: { connection: 'main', topic } } })
    await engine.deploy({
      flow: 'teller',
      start: 'tell',
      nodes: {
        tell: { type: 'event', channel: 'orders', subject: 'seventeen', data: { amount: '$.amount' }, next: 'keyed' },
        keyed: { type: 'event', channel: 'orders', subject: 'seventeen', key: '$$.execution.input.customer' },
      },
    })
    const { id } = await engine.start('teller', { input: { amount: 5, customer: 'mia' } })
    expect(await engine.result(id)).toEqual({ eventId: `${id}/keyed#1` })
    const all = await messagesOf(topic, 2)
    expect(all.map(({ key }) => String(key)).sort()).toEqual(['mia', 'seventeen'])
    const message = all.find(({ key }) => String(key) === 'seventeen')
    const keyed = eventOf(all.find(({ key }) => String(key) === 'mia')!)
    expect([keyed.subject, keyed['partitionkey']]).toEqual(['seventeen', 'mia'])
    const read = eventOf(message!)
    expect([read.id, read.source, read.subject, dataOf(read)]).toEqual([`${id}/tell#1`, '/flows/teller', 'seventeen', { amount: 5 }])
    await engine.close()
  })
})
