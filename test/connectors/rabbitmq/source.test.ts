import { describe, expect, test } from 'vitest'
import type { Delivery } from '../../../connectors/triggers/contract.ts'
import { PAYLOAD_LIMIT } from '../../../dsl/json-copy.ts'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { begin, Lab, messagesOf, newName, numbered, numbers, range, WAIT } from './lab.ts'
import { Proxy } from '../proxy.ts'

const { rabbitmq } = needServices('rabbitmq')

/** Deliveries that the test answers by hand. */
class Slow extends TestHost {
  readonly answers: ((outcome: Delivery['outcome'] | Error) => void)[] = []
  override fate = (): Promise<Delivery['outcome']> =>
    new Promise((resolve, reject) => {
      this.answers.push((outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)))
    })
}

describe('messages of a queue', () => {
  test('start the flow, in the document of the specification', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const host = new TestHost()
    begin(rabbitmq, host, { queue })
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const headers = { traceparent, n: 3, bytes: Buffer.from([1, 2]), inner: { list: [true, null] } }
    await lab.send(queue, { body: { id: 7 }, messageId: 'one', headers })
    await lab.send(queue, { body: Buffer.from('text'), messageId: 'two', headers: { traceparent: 'none' } }, { body: Buffer.from([0xff]) })
    await expect.poll(() => host.events.length, WAIT).toBe(3)
    const [one, two, three] = host.events
    expect(one!.event).toEqual({
      event_version: 'v1.0',
      event_time: expect.any(Number),
      trigger_type: 'RABBITMQ',
      region: 'local',
      records: [
        {
          exchange: '',
          instance_id: 'mq',
          messages: [{ id: 7 }],
          metadata: [
            {
              messageId: 'one',
              routingKey: queue,
              headers: { ...headers, bytes: { value: 'AQI=', encoding: 'base64' } },
              redelivered: false,
            },
          ],
        },
      ],
    })
    expect(one).toMatchObject({ key: [queue, 'one', expect.stringMatching(/^[0-9a-f]{64}$/)], traceparent })
    expect(two!.event).toMatchObject({ records: [{ messages: ['text'] }] })
    expect(two).not.toHaveProperty('traceparent')
    expect(three).toMatchObject({
      key: null,
      event: { records: [{ messages: ['/w=='], metadata: [{ messageId: null, encoding: 'base64' }] }] },
    })
    await expect.poll(() => host.counts, WAIT).toEqual({ withoutId: 1 })
    expect(host.states.at(-1)).toEqual({ state: 'running', error: undefined })
  })

  test('are acknowledged when something has become of them, and not before', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const host = new Slow()
    const source = begin(rabbitmq, host, { queue })
    await lab.send(queue, ...numbered(3))
    await expect.poll(() => host.answers.length, WAIT).toBe(3)
    host.answers[1]!('filtered')
    await expect.poll(() => host.events.length, WAIT).toBe(1)
    const stopped = source.stop()
    host.answers[0]!('started')
    host.answers[2]!(new Error('the store is away'))
    await stopped
    expect(host.events).toHaveLength(2)
    expect(await lab.ready(queue)).toBe(1)
    expect(await lab.apart((channel) => channel.get(queue))).toMatchObject({
      properties: { messageId: 'm2' },
      fields: { redelivered: true },
    })
  })

  test('that could not be delivered are delivered again', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const host = new TestHost()
    let failures = 5
    host.fate = () => {
      if (failures-- > 0) throw new Error('the store is away')
      return 'started'
    }
    begin(rabbitmq, host, { queue })
    await lab.send(queue, ...numbered(10))
    await expect.poll(() => host.events.length, WAIT).toBe(10)
    expect(numbers(host).flat().sort()).toEqual(range(10))
    await expect.poll(() => lab.ready(queue), WAIT).toBe(0)
    expect(host.counts).toEqual({})
  })

  test('that come again are known by id and body: before, at the same time, and by the next source', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const host = new Slow()
    const source = begin(rabbitmq, host, { queue })
    await lab.send(queue, { body: 1, messageId: 'a' }, { body: 1, messageId: 'a' }, { body: 2, messageId: 'a' })
    await expect.poll(() => host.answers.length, WAIT).toBe(2)
    for (const answer of host.answers) answer('started')
    await expect.poll(() => host.counts, WAIT).toEqual({ deduplicated: 1 })
    await lab.send(queue, { body: 2, messageId: 'a' })
    await expect.poll(() => host.counts, WAIT).toEqual({ deduplicated: 2 })
    await source.stop()
    const next = new TestHost()
    next.keptMessages = host.keptMessages
    begin(rabbitmq, next, { queue })
    await lab.send(queue, { body: 1, messageId: 'a' }, { body: 1, messageId: 'b' })
    await expect.poll(() => next.events.length, WAIT).toBe(1)
    expect(next.counts).toEqual({ deduplicated: 1 })
    expect(await lab.ready(queue)).toBe(0)
  })

  test('that are no JSON under format json are handed on as they came', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const host = new TestHost()
    begin(rabbitmq, host, { queue, format: 'json' })
    await lab.send(queue, { body: Buffer.from('{"a":'), messageId: 'bad', contentType: 'application/json' }, { body: 2, messageId: 'good' })
    await expect.poll(() => host.events.length, WAIT).toBe(2)
    expect(host.events[0]).toMatchObject({
      poison: { name: 'NotInFormat' },
      place: `${queue}/bad`,
      original: { bytes: Buffer.from('{"a":'), contentType: 'application/json' },
    })
    expect(messagesOf(host.events[1]!.event)).toEqual([2])
  })

  test('of several MiB come whole', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const host = new TestHost()
    begin(rabbitmq, host, { queue })
    const body = 'x'.repeat(PAYLOAD_LIMIT)
    await lab.send(queue, { body, messageId: 'big' })
    await expect.poll(() => host.events.length, WAIT).toBe(1)
    expect(messagesOf(host.events[0]!.event)).toEqual([body])
  })

  test('come through a connection that is cut again and again', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const proxy = await Proxy.before(rabbitmq)
    const host = new TestHost()
    begin(proxy.url, host, { queue, prefetch: 20 })
    for (let burst = 0; burst < 5; burst++) {
      await lab.send(queue, ...range(200).map((n) => ({ body: burst * 200 + n, messageId: `m${burst * 200 + n}` })))
      await expect.poll(() => host.events.length, WAIT).toBeGreaterThan(burst * 200 + 50)
      // one that is down for now is cut already
      proxy.cut()
    }
    await expect.poll(() => host.events.length, WAIT).toBe(1000)
    expect(new Set(numbers(host).flat())).toEqual(new Set(range(1000)))
    await expect.poll(() => lab.ready(queue), WAIT).toBe(0)
    expect(host.states).toContainEqual({ state: 'reconnecting', error: expect.any(String) })
  })
})

describe('maxInFlight', () => {
  test('ends the consumer, with nothing in hand; goes on when there is room', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const host = new TestHost(2)
    begin(rabbitmq, host, { queue })
    await lab.send(queue, ...numbered(10))
    await expect.poll(() => host.events.length, WAIT).toBe(2)
    expect(host.states.at(-1)?.state).toBe('paused')
    await expect.poll(async () => (await lab.channel.checkQueue(queue)).consumerCount, WAIT).toBe(0)
    expect(await lab.ready(queue)).toBe(8)
    host.end(3)
    await expect.poll(() => host.events.length, WAIT).toBe(5)
    await expect.poll(() => lab.ready(queue), WAIT).toBe(5)
    for (let left = 5; left > 0; left--) {
      host.end()
      await expect.poll(() => host.events.length, WAIT).toBe(11 - left)
    }
    expect(numbers(host).flat().sort()).toEqual(range(10))
    await expect.poll(() => lab.ready(queue), WAIT).toBe(0)
  })
})

describe('batches', () => {
  test('are full, or as old as their window', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    await lab.send(queue, ...numbered(25))
    const host = new TestHost()
    begin(rabbitmq, host, { queue, batch: { size: 10, window: '300ms' } })
    await expect.poll(() => host.events.length, WAIT).toBe(3)
    expect(numbers(host)).toEqual([range(10), range(20).slice(10), range(25).slice(20)])
    expect(host.events.map(({ messages }) => messages?.keys.length)).toEqual([10, 10, 5])
    expect(host.events[0]!.messages?.keepMs).toBe(7 * 86_400_000)
    expect(await lab.ready(queue)).toBe(0)
  })

  test('leave out what is known, keep one of two alike, and count those without an id', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const host = new TestHost()
    const source = begin(rabbitmq, host, { queue, batch: { size: 3, window: '100ms' } })
    await lab.send(queue, ...numbered(3))
    await expect.poll(() => host.events.length, WAIT).toBe(1)
    await source.stop()
    await lab.send(queue, { body: 1, messageId: 'm1' }, { body: 8, messageId: 'm8' }, { body: 8, messageId: 'm8' }, { body: 9 })
    const next = new TestHost()
    next.keptMessages = host.keptMessages
    begin(rabbitmq, next, { queue, batch: { size: 4, window: '100ms' } })
    await expect.poll(() => next.counts, WAIT).toEqual({ deduplicated: 2, withoutId: 1 })
    expect(numbers(next)).toEqual([[8, 9]])
    expect(await lab.ready(queue)).toBe(0)
  })

  test('are cut where they would be too big, and at what is no JSON', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const big = 'x'.repeat(2.5 * 1024 * 1024)
    const bodies = [big, big, big, Buffer.from('{'), 1, 2].map((body, n) => ({ body, messageId: `m${n}` }))
    await lab.send(queue, ...bodies)
    const host = new TestHost()
    begin(rabbitmq, host, { queue, format: 'json', batch: { size: 100, window: '300ms' } })
    await expect.poll(() => host.events.length, WAIT).toBe(4)
    const shapes = host.events.map(({ event, poison }) => (poison === undefined ? messagesOf(event).length : poison.name))
    expect(shapes).toEqual([2, 1, 'NotInFormat', 2])
    expect(Buffer.byteLength(JSON.stringify(host.events[0]!.event))).toBeLessThan(PAYLOAD_LIMIT)
  })

  test('keep the order of messages that came by several exchanges', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const [one, two] = [newName('x'), newName('x')]
    for (const exchange of [one, two]) {
      await lab.channel.assertExchange(exchange, 'fanout', { autoDelete: true })
      await lab.channel.bindQueue(queue, exchange, '')
    }
    for (const [n, exchange] of [one, one, two, one].entries()) await lab.send('', { body: n, exchange, messageId: `m${n}` })
    const host = new TestHost()
    begin(rabbitmq, host, { queue, batch: { size: 4 } })
    await expect.poll(() => host.events.length, WAIT).toBe(1)
    expect(host.events[0]!.event).toMatchObject({
      records: [
        { exchange: one, messages: [0, 1] },
        { exchange: two, messages: [2] },
        { exchange: one, messages: [3] },
      ],
    })
  })
})

describe('a source', () => {
  test('pauses with what is under way, and goes on where it was', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    const host = new TestHost()
    const source = begin(rabbitmq, host, { queue })
    await lab.send(queue, ...numbered(2))
    await expect.poll(() => host.events.length, WAIT).toBe(2)
    await source.pause()
    expect(host.states.at(-1)?.state).toBe('paused')
    await lab.send(queue, { body: 2, messageId: 'm2' })
    expect(await lab.ready(queue)).toBe(1)
    await source.start()
    await expect.poll(() => numbers(host).flat(), WAIT).toEqual(range(3))
  })

  test('knows how many messages wait', async () => {
    const lab = await Lab.open(rabbitmq)
    const queue = await lab.queue()
    await lab.send(queue, ...numbered(7))
    const source = begin(rabbitmq, new TestHost(0), { queue })
    await expect.poll(() => source.lag, WAIT).toBe(7)
  })
})
