import type { GetMessage } from 'amqplib'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Channel, CloudEvent } from '../../../connectors/channels/contract.ts'
import { createEngine } from '../../../engine/create-engine.ts'
import type { Engine } from '../../../engine/api.ts'
import type { ExecutionFailed } from '../../../engine/errors.ts'
import { rejection } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { readCloudEvent } from '../channels/cloud-events.ts'
import { Lab, newName, openKind, range, WAIT } from './lab.ts'
import { Proxy } from '../proxy.ts'

const { rabbitmq } = needServices('rabbitmq')
const FLOW = {
  flow: 'teller',
  mode: 'express',
  start: 'tell',
  nodes: {
    tell: { type: 'event', channel: 'out', data: { order: '$.id' }, subject: 'größe "1" %', eventType: 'test.told', source: '/tests' },
  },
}

async function engineWith(channel: object, url = rabbitmq): Promise<Engine> {
  const engine = await createEngine({
    connections: { mq: { kind: 'rabbitmq', url } },
    channels: { out: { connection: 'mq', ...channel } as never },
  })
  onTestFinished(() => engine.close())
  await engine.deploy(FLOW)
  return engine
}

const eventOf = (id: string, data: unknown = id): CloudEvent => ({
  specversion: '1.0',
  id,
  source: '/tests',
  type: 'test.told',
  time: '2030-01-01T00:00:00.000Z',
  datacontenttype: 'application/json',
  data: data as never,
})

function openChannel(options: object, url = rabbitmq): Channel {
  const kind = openKind({ mq: { kind: 'rabbitmq', url } })
  onTestFinished(() => {
    kind.closed.abort()
    return kind.close!()
  })
  return kind.channel!('out', { connection: 'mq', ...options } as never)
}

const idsIn = async (lab: Lab, queue: string): Promise<string[]> =>
  (await lab.drain(queue)).map(({ properties }) => String(properties.messageId))

describe('a channel over a connection to RabbitMQ', () => {
  test('publishes whole CloudEvents, as their SDK reads them', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const engine = await engineWith({ exchange: '', routingKey: queue })
    const { eventId } = (await engine.run('teller', { input: { id: 17 } })) as { eventId: string }
    const [message] = (await lab.drain(queue)) as [GetMessage]
    const { contentType, messageId, deliveryMode, type } = message.properties
    expect({ messageId, deliveryMode, type }).toEqual({ messageId: eventId, deliveryMode: 2, type: 'test.told' })
    expect(readCloudEvent({ 'content-type': String(contentType) }, message.content.toString())).toMatchObject({
      specversion: '1.0',
      id: eventId,
      source: '/tests',
      type: 'test.told',
      subject: 'größe "1" %',
      data: { order: 17 },
    })
  })

  test('publishes data and headers apart in mode binary', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const engine = await engineWith({ exchange: '', routingKey: queue, mode: 'binary' })
    const { eventId } = (await engine.run('teller', { input: { id: 17 } })) as { eventId: string }
    const [{ properties, content }] = (await lab.drain(queue)) as [GetMessage]
    expect(JSON.parse(content.toString())).toEqual({ order: 17 })
    // the binding's prefix is cloudEvents:, that of HTTP, which the SDK reads, ce-
    const headers = Object.entries(properties.headers as Record<string, string>).map(([name, value]) => [
      name.replace(/^cloudEvents:/, 'ce-'),
      value,
    ])
    const event = readCloudEvent({ ...Object.fromEntries(headers), 'content-type': String(properties.contentType) }, content.toString())
    expect(event).toMatchObject({ id: eventId, subject: 'größe "1" %', data: { order: 17 } })
  })

  test('fails the node where no queue takes the event, or the exchange is not there', async () => {
    const lab = await Lab.open(rabbitmq)
    const [exchange, missing] = [newName('x'), newName('x')]
    await lab.channel.assertExchange(exchange, 'direct', { autoDelete: true })
    const unrouted = (await rejection(
      (await engineWith({ exchange, routingKey: 'nobody' })).run('teller', { input: { id: 1 } }),
    )) as ExecutionFailed
    expect(unrouted.error).toMatchObject({
      errorType: 'PublishFailed',
      errorMessage: `channel out: 312 NO_ROUTE - no queue gets what is sent to exchange '${exchange}' with the routing key 'nobody'`,
    })
    const nowhere = (await rejection((await engineWith({ exchange: missing })).run('teller', { input: { id: 1 } }))) as ExecutionFailed
    expect(nowhere.error.errorMessage).toBe(`channel out: 404 NOT_FOUND - no exchange '${missing}' in vhost '/'`)
    await lab.apart((channel) => channel.deleteExchange(exchange))
  })

  test('of which one event is refused publishes the next', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = newName()
    const channel = openChannel({ exchange: '', routingKey: queue })
    expect(await rejection(channel.publish(eventOf('one')))).toMatchObject({ message: expect.stringMatching(/^312 NO_ROUTE/) })
    await lab.queue({}, queue)
    await channel.publish(eventOf('two'))
    expect(await idsIn(lab, queue)).toEqual(['two'])
  })

  test('loses nothing while its connection is cut, and keeps ids of what it sends again', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const proxy = await Proxy.before(rabbitmq)
    const channel = openChannel({ exchange: '', routingKey: queue }, proxy.url)
    let confirmed = 0
    const published = range(3000).map((n) => channel.publish(eventOf(`e${n}`)).then(() => void confirmed++))
    for (const most of [500, 1500, 2500]) {
      await expect.poll(() => confirmed, WAIT).toBeGreaterThan(most)
      proxy.cut()
    }
    await Promise.all(published)
    const ids = await idsIn(lab, queue)
    expect(new Set(ids)).toEqual(new Set(range(3000).map((n) => `e${n}`)))
  })

  test('waits for a broker that is away, which the health of the engine tells', async () => {
    const engine = await engineWith({ exchange: '', routingKey: 'q' }, 'amqp://127.0.0.1:1')
    const run = rejection(engine.run('teller', { input: { id: 1 } }))
    await expect
      .poll(async () => (await engine.health()).dependencies['connection mq'], WAIT)
      .toEqual({ state: 'failed', required: false, reason: 'connect ECONNREFUSED 127.0.0.1:1' })
    await engine.close()
    await run
  })

  test('names events of any length', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const channel = openChannel({ exchange: '', routingKey: queue })
    await channel.publish({ ...eventOf('é'.repeat(200)), type: 't'.repeat(300) })
    const [{ properties, content }] = (await lab.drain(queue)) as [GetMessage]
    expect(properties.messageId).toMatch(/^[0-9a-f]{64}$/)
    expect(JSON.parse(content.toString())).toMatchObject({ id: 'é'.repeat(200), type: 't'.repeat(300) })
  })
})
