import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { CompressionCodecs, CompressionTypes } from 'kafkajs'
import { describe, it } from 'vitest'
import { until } from '../../engine/calls.ts'
import { needServices } from '../../services/need.ts'
import { TestHost } from '../host.ts'
import { Lab, sourceOf, triggerOf, unique } from './lab.ts'
import { count, numbersOf } from './numbers.ts'

const { kafka } = needServices('kafka')
const lab = new Lab(kafka)
const connection = { brokers: [kafka] }

describe.concurrent('a source', () => {
  it('without its topic says so, and begins when there is one, with its first record', async ({ expect }) => {
    const [known, unknown] = [await lab.topic(), unique('unknown')]
    await lab.numbers(known, 1, 3)
    const host = new TestHost()
    const { source, troubles, end } = sourceOf(connection, triggerOf({ topics: [known, unknown], from: 'latest' }), host)
    await source.start()
    await until(() => host.states.at(-1)?.state === 'failed', 'the failure')
    expect(host.states.at(-1)!.error).toContain(`the broker knows no topic ${unknown}`)
    expect(host.events).toEqual([])
    expect(troubles.length).toBeGreaterThan(0)
    await lab.createTopic(unknown)
    await lab.numbers(unknown, 1, 2, 0, true)
    await until(() => host.events.length === 2, 'the records')
    expect(host.states.at(-1)).toEqual({ state: 'running', error: undefined })
    expect(host.events.map(({ place }) => place)).toEqual([`main/${unknown}/0/0`, `main/${unknown}/0/1`])
    await end()
  })

  it('whose broker is away tries again, and is stopped at once', async ({ expect }) => {
    const host = new TestHost()
    const { source, end } = sourceOf({ brokers: ['127.0.0.1:1'] }, triggerOf({ topics: ['any'] }), host)
    await source.start()
    await until(() => host.states.filter(({ state }) => state === 'connecting').length > 1, 'attempts')
    expect(host.states.at(-1)!.error).toContain('ECONNREFUSED')
    await end()
  })

  it('without a connection fails', async ({ expect }) => {
    const host = new TestHost()
    const { KafkaSource } = await import('../../../connectors/kafka/source.ts')
    const { Groups } = await import('../../../connectors/kafka/groups.ts')
    const { Backoff } = await import('../../../connectors/triggers/backoff.ts')
    const services = {
      ...{ client: undefined, options: undefined, groups: new Groups(), log: () => undefined },
      ...{ backoff: () => new Backoff(), tell: () => undefined, closed: new AbortController().signal },
    }
    const source = new KafkaSource(triggerOf({ topics: ['any'], connection: 'nowhere' }), host, services)
    await source.start()
    expect(host.states).toEqual([{ state: 'failed', error: 'there is no connection nowhere of kind kafka; name one in the configuration' }])
    await source.stop()
  })

  it('that is spoken to in another language fails with a reason', async ({ expect }) => {
    const server = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const host = new TestHost()
    const { port } = server.address() as AddressInfo
    const { source, end } = sourceOf({ brokers: [`127.0.0.1:${port}`] }, triggerOf({ topics: ['any'] }), host)
    await source.start()
    await until(() => host.states.some(({ error }) => error !== undefined), 'the reason')
    await end()
    server.close()
    expect(host.events).toEqual([])
  })

  it('reads what is compressed with gzip and zstd, and says what it cannot read', async ({ expect }) => {
    const [readable, other] = [await lab.topic(), await lab.topic()]
    const producer = lab.kafka.producer()
    await producer.connect()
    for (const [n, compression] of [
      [1, CompressionTypes.GZIP],
      [2, CompressionTypes.ZSTD],
    ] as const)
      await producer.send({ topic: readable, compression, messages: [{ value: `{"n":${n}}` }] })
    const host = new TestHost()
    const { source, end } = sourceOf(connection, triggerOf({ topics: [readable] }), host)
    await source.start()
    await until(() => host.events.length === 2, 'the records')
    expect(numbersOf(host)).toEqual({ 0: [1, 2] })
    await end()
    // the broker looks into it, so it must be right: a frame of snappy with one literal
    const left = CompressionCodecs[CompressionTypes.Snappy]
    CompressionCodecs[CompressionTypes.Snappy] = () => ({
      compress: ({ buffer }: { buffer: Buffer }) => snappyOf(buffer),
      decompress: () => undefined,
    })
    await producer.send({ topic: other, compression: CompressionTypes.Snappy, messages: [{ value: '{"n":1}' }] })
    await producer.send({ topic: other, messages: [{ value: '{"n":2}' }] })
    await producer.disconnect()
    CompressionCodecs[CompressionTypes.Snappy] = left
    const lost = new TestHost()
    const unread = triggerOf({ topics: [other] })
    const second = sourceOf(connection, unread, lost)
    await second.source.start()
    await until(() => lost.states.at(-1)?.state === 'failed', 'the failure')
    expect(lost.states.at(-1)!.error).toContain('records of snappy cannot be read; let producers use gzip, zstd or no compression')
    await second.end()
    // nothing of it is taken, nor what is behind it
    expect(lost.events).toEqual([])
    expect(lost.kept.get(`main/${other}/0`)).toEqual({ next: 0 })
    expect((await lab.committed(unread.groupId, other))[0]).toBeLessThanOrEqual(0)
    // sought past it, as the message says
    lost.kept.set(`main/${other}/0`, { next: { offset: 1, sought: true } })
    const third = sourceOf(connection, unread, lost)
    await third.source.start()
    await until(() => lost.events.length === 1, 'what is behind it')
    expect(numbersOf(lost)).toEqual({ 0: [2] })
    await third.end()
  })

  it('reads what transactions have left, and is not kept by their marks', async ({ expect }) => {
    const topic = await lab.topic()
    const producer = lab.kafka.producer({ transactionalId: unique('writer'), maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    for (const [n, ends] of [
      [1, 'commit'],
      [2, 'abort'],
      [3, 'commit'],
      [4, 'abort'],
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ value: `{"n":${n}}` }] })
      await transaction[ends]()
    }
    await producer.disconnect()
    const host = new TestHost()
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic] }), host)
    await source.start()
    await until(() => host.events.length === 2, 'the records')
    await until(() => source.lag === 0, 'the end')
    expect(numbersOf(host)).toEqual({ 0: [1, 3] })
    await end()
  })

  it('loses nothing when what was not read yet is removed by the broker: it is counted', async ({ expect }) => {
    const topic = await lab.topic()
    await lab.numbers(topic, 1, 5)
    const host = new TestHost(5)
    const { source, end } = sourceOf(connection, triggerOf({ topics: [topic], maxInFlight: 5 }), host)
    await source.start()
    await until(() => host.events.length === 5, 'the first')
    await lab.numbers(topic, 6, 20)
    await until(() => source.lag === 15, 'the rest to be seen')
    const admin = await lab.admin()
    await admin.fetchTopicOffsets(topic)
    await source.pause()
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '11' }] })
    host.end(100)
    await source.start()
    await until(() => host.events.length === 14, 'what is left')
    expect(numbersOf(host)).toEqual({ 0: [...count(1, 5), ...count(12, 20)] })
    expect(host.counts).toEqual({ lost: 6 })
    await end()
  })
})

/** One literal of at most 60 bytes at a time, in the frame that Kafka's own clients write. */
function snappyOf(buffer: Buffer): Buffer {
  const literals: Buffer[] = []
  for (let at = 0; at < buffer.length; at += 60) {
    const part = buffer.subarray(at, at + 60)
    literals.push(Buffer.from([(part.length - 1) << 2]), part)
  }
  const length = buffer.length < 128 ? Buffer.from([buffer.length]) : Buffer.from([(buffer.length & 127) | 128, buffer.length >> 7])
  const block = Buffer.concat([length, ...literals])
  const size = Buffer.alloc(4)
  size.writeUInt32BE(block.length)
  return Buffer.concat([Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]), size, block])
}
