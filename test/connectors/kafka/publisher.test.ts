/** Against a producer of the test's own: what a broker does not do when it is told to. */
import type { Producer, ProducerBatch } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../../connectors/kafka/client.ts'
import { Publisher, type Publication } from '../../../connectors/kafka/publisher.ts'
import { rejection } from '../../engine/calls.ts'

const LONG_MS = 3_600_000

interface Sent {
  readonly topic: string
  readonly values: readonly string[]
}

/** Requests as they come; `answer` decides each of them. */
class FakeCluster {
  readonly requests: Sent[][] = []
  answer: (request: readonly Sent[]) => Promise<void> = () => Promise.resolve()
  connections = 0
  connect: () => Promise<void> = () => Promise.resolve()
  disconnections = 0

  readonly client = {
    producer: () =>
      ({
        connect: () => {
          this.connections += 1
          return this.connect()
        },
        disconnect: () => {
          this.disconnections += 1
          return Promise.resolve()
        },
        sendBatch: async ({ topicMessages = [] }: ProducerBatch) => {
          const request = topicMessages.map(({ topic, messages }) => ({ topic, values: messages.map(({ value }) => String(value)) }))
          this.requests.push(request)
          await this.answer(request)
          return []
        },
      }) as unknown as Producer,
  } as Client
}

class Protocol extends Error {
  override readonly name = 'KafkaJSProtocolError'
  readonly type: string
  constructor(type: string) {
    super(type)
    this.type = type
  }
}

function setUp(options: { attemptMs?: number; closeMs?: number } = {}) {
  const cluster = new FakeCluster()
  const closed = new AbortController()
  const logged: string[] = []
  const publisher = new Publisher(cluster.client, { closed: closed.signal, log: (text) => void logged.push(text), ...options })
  const publish = (value: string, topic = 't', withinMs = LONG_MS): Promise<void> =>
    publisher.publish({ id: `id-${value}`, topic, key: null, value: Buffer.from(value), headers: {} } satisfies Publication, withinMs)
  return { cluster, closed, logged, publisher, publish }
}

const outcomes = async (all: readonly Promise<void>[]): Promise<string[]> =>
  (await Promise.allSettled(all)).map((one) => (one.status === 'fulfilled' ? 'sent' : (one.reason as Error).message))

describe('a publisher', () => {
  it('tries once for all who wait while the cluster is away', async () => {
    const { cluster, publish, publisher } = setUp()
    cluster.connect = () => Promise.reject(new Error('connect ECONNREFUSED'))
    const all = await outcomes(Array.from({ length: 2000 }, (_, at) => publish(String(at), `t${at % 3}`)))
    expect(new Set(all)).toEqual(new Set(['connect ECONNREFUSED']))
    expect(cluster.connections).toBe(1)
    cluster.connect = () => Promise.resolve()
    await publish('again')
    expect(cluster.connections).toBe(2)
    await publisher.close()
  })

  it.each([0, 17, 499])('finds the one that is refused in a few requests: %i', async (bad) => {
    const { cluster, publish } = setUp()
    const refusal = new Protocol('MESSAGE_TOO_LARGE')
    cluster.answer = async (request) => {
      if (request.some(({ values }) => values.includes(String(bad)))) throw refusal
    }
    const all = Array.from({ length: 500 }, (_, at) => publish(String(at)))
    const found = await outcomes(all)
    expect(found.flatMap((one, at) => (one === 'sent' ? [] : [at]))).toEqual([bad])
    expect(await rejection(all[bad]!)).toBe(refusal)
    expect(cluster.requests.length).toBeLessThan(25)
    // nobody's connection is to blame
    expect(cluster.connections).toBe(1)
  })

  it('keeps topics from each other, and the order in each', async () => {
    const { cluster, publish } = setUp()
    cluster.answer = async (request) => {
      if (request.some(({ topic }) => topic === 'gone')) throw new Protocol('UNKNOWN_TOPIC_OR_PARTITION')
    }
    const topics = ['one', 'gone', 'two']
    const found = await outcomes(Array.from({ length: 300 }, (_, at) => publish(String(at), topics[at % 3])))
    expect(found.map((one) => one === 'sent')).toEqual(Array.from({ length: 300 }, (_, at) => at % 3 !== 1))
    expect(cluster.requests.length).toBe(4)
    expect(cluster.requests.find(([first]) => first?.topic === 'two')![0]!.values).toEqual(
      Array.from({ length: 100 }, (_, at) => String(at * 3 + 2)),
    )
  })

  it('fails only the topic whose leader is away, all of it at once, and goes on with the others', async () => {
    const { cluster, publish } = setUp()
    cluster.answer = async (request) => {
      if (request.some(({ topic }) => topic === 'far')) throw new Error('connect ETIMEDOUT')
    }
    const topics = ['one', 'far', 'two']
    // more than one request has
    const found = await outcomes(Array.from({ length: 900 }, (_, at) => publish(String(at), topics[at % 3])))
    expect(found).toEqual(Array.from({ length: 900 }, (_, at) => (at % 3 === 1 ? 'connect ETIMEDOUT' : 'sent')))
    expect(cluster.requests.filter((request) => request.some(({ topic }) => topic === 'far'))).toHaveLength(2)
  })

  it('finds out once more, and not for each topic, when the cluster goes away behind a connection', async () => {
    const { cluster, publish } = setUp()
    await publish('first')
    cluster.answer = () => Promise.reject(new Error('read ECONNRESET'))
    cluster.connect = () => Promise.reject(new Error('connect ECONNREFUSED'))
    const found = await outcomes(Array.from({ length: 900 }, (_, at) => publish(String(at), `t${at % 9}`)))
    expect(new Set(found)).toEqual(new Set(['connect ECONNREFUSED']))
    expect(cluster.connections).toBe(2)
  })

  it('that the broker does not answer gives up, and goes on with another connection', async () => {
    const { cluster, publish } = setUp({ attemptMs: 50 })
    cluster.answer = () => new Promise(() => undefined)
    const found = await outcomes([publish('1'), publish('2')])
    expect(new Set(found)).toEqual(new Set(['the broker has not answered within 0.1 s']))
    expect(cluster.disconnections).toBe(1)
    cluster.answer = () => Promise.resolve()
    await publish('3')
    expect(cluster.connections).toBe(2)
  })

  it('gives each event the time that it has, also while others are on their way', async () => {
    const { cluster, publish } = setUp()
    let answer!: () => void
    cluster.answer = () => new Promise((resolve) => (answer = resolve))
    const first = publish('first')
    await expect.poll(() => cluster.requests.length).toBe(1)
    expect(await rejection(publish('second', 't', 20))).toMatchObject({ message: 'the broker has not answered within 0.1 s' })
    answer()
    await first
    // it was not sent when its time was over
    expect(cluster.requests).toHaveLength(1)
  })

  it('ends though the broker does not answer, and says what was not sent', async () => {
    const { cluster, publish, publisher, logged } = setUp({ closeMs: 20 })
    cluster.answer = () => new Promise(() => undefined)
    const first = publish('1', 'orders')
    await expect.poll(() => cluster.requests.length).toBe(1)
    const all = [first, ...Array.from({ length: 7 }, (_, at) => publish(String(at + 2), 'mails'))]
    const found = outcomes(all)
    await publisher.close()
    expect(new Set(await found)).toEqual(new Set(['the connection was closed before the broker has answered']))
    expect(logged).toEqual([
      'closed before the broker has answered: 1 for topic orders (id-1); 7 for topic mails (id-2, id-3, id-4, id-5, id-6, …)',
    ])
    expect(await rejection(publish('late'))).toMatchObject({ message: 'the connection is closed' })
  })

  it('waits for the answers of a broker that is there when it ends', async () => {
    const { cluster, publish, publisher, logged } = setUp()
    let answer!: () => void
    cluster.answer = () => new Promise((resolve) => (answer = resolve))
    const one = publish('1')
    await expect.poll(() => cluster.requests.length).toBe(1)
    const closing = publisher.close()
    answer()
    await Promise.all([one, closing])
    expect(logged).toEqual([])
  })

  it('gives up soon after the end of the engine, before anybody closes it', async () => {
    const { cluster, publish, closed } = setUp({ closeMs: 20 })
    cluster.connect = () => new Promise(() => undefined)
    const one = publish('1')
    closed.abort()
    expect(await rejection(one)).toMatchObject({ message: 'the connection was closed before the broker has answered' })
  })
})
