/** Topics of one's own on the broker of this run, and what is written to them and asked of them by kafkajs itself. */
import { randomBytes } from 'node:crypto'
import { Kafka, logLevel, Partitioners, type Admin, type Message, type Producer } from 'kafkajs'
import { afterAll } from 'vitest'
import { Client } from '../../../connectors/kafka/client.ts'
import { Groups } from '../../../connectors/kafka/groups.ts'
import { mendRequestQueue } from '../../../connectors/kafka/mend.ts'
import { KafkaSource } from '../../../connectors/kafka/source.ts'
import { Backoff } from '../../../connectors/triggers/backoff.ts'
import type { PlanKafkaTrigger } from '../../../dsl/plan.ts'
import type { KafkaConnection } from '../../../connectors/kafka/connection.ts'
import { until } from '../../engine/calls.ts'
import type { TestHost } from '../host.ts'

/** Servers of tests are believed dead soon. */
export const SESSION = '2s'

/** A name that nobody else has. */
export function unique(name: string): string {
  return `${name}-${randomBytes(6).toString('hex')}`
}

interface Opened {
  readonly admin: Admin
  readonly producer: Producer
}

/** The client of the test itself. */
export class Lab {
  readonly address: string
  readonly kafka: Kafka
  private opened: Promise<Opened> | null = null
  private creating: Promise<unknown> = Promise.resolve()

  constructor(address: string) {
    this.address = address
    mendRequestQueue()
    this.kafka = new Kafka({ brokers: [address], clientId: 'test', logLevel: logLevel.NOTHING, retry: { retries: 10, maxRetryTime: 1000 } })
    afterAll(() => this.close())
  }

  async topic(partitions = 1, settings: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic = unique('topic')
    await this.createTopic(topic, partitions, settings)
    return topic
  }

  async createTopic(topic: string, partitions = 1, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    // one at a time, and apart: kafkajs asks for all topics that it knows at once, and fails for all where one is not there yet, or not any more
    const created = this.creating.then(async () => {
      const creator = this.kafka.admin()
      await creator.connect()
      const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
      await creator.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: partitions, configEntries }] })
      // kafkajs's own wait gives up on a broker that has not heard of it yet
      const ready = async () => (await creator.fetchTopicOffsets(topic)).length === partitions
      await until(() => ready().catch(() => false), `topic ${topic}`)
      await creator.disconnect()
    })
    this.creating = created.catch(() => undefined)
    await created
  }

  async admin(): Promise<Admin> {
    return (await this.open()).admin
  }

  /** One request. */
  async write(topic: string, messages: readonly Message[], isNew = false): Promise<void> {
    const { producer } = isNew ? await this.connect() : await this.open()
    await producer.send({ topic, messages: [...messages], acks: -1 })
    if (isNew) await producer.disconnect()
  }

  /** Numbers `{ n }` from and to, to one partition; one that is new, a producer that is older would drop without a word. */
  async numbers(topic: string, from: number, to: number, partition = 0, isNew = false): Promise<void> {
    const all = Array.from({ length: to - from + 1 }, (_, at) => ({ partition, value: JSON.stringify({ n: from + at }) }))
    await this.write(topic, all, isNew)
  }

  /** What a group has committed of a topic, by partition; -1 for nothing. */
  async committed(groupId: string, topic: string): Promise<Record<number, number>> {
    const { admin } = await this.open()
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return Object.fromEntries(found!.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  }

  /** Resolves when the group has so many members, and each its partitions. */
  async members(groupId: string, count: number): Promise<void> {
    const { admin } = await this.open()
    await until(async () => {
      const [group] = (await admin.describeGroups([groupId])).groups
      return group!.state === 'Stable' && group!.members.length === count
    }, `${count} members`)
  }

  private open(): Promise<Opened> {
    return (this.opened ??= (async () => {
      const admin = this.kafka.admin()
      await admin.connect()
      return { admin, ...(await this.connect()) }
    })())
  }

  private async connect(): Promise<{ readonly producer: Producer }> {
    const producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    return { producer }
  }

  private async close(): Promise<void> {
    if (this.opened === null) return
    const { admin, producer } = await this.opened
    await Promise.all([admin.disconnect(), producer.disconnect()])
  }
}

export function triggerOf(fields: Partial<PlanKafkaTrigger> & Pick<PlanKafkaTrigger, 'topics'>): PlanKafkaTrigger {
  return {
    type: 'kafka',
    name: 'orders',
    connection: 'main',
    groupId: unique('group'),
    from: 'earliest',
    format: 'auto',
    maxInFlight: 100,
    ...fields,
  }
}

/** A source without an engine. It ends with the file, if not before. */
export function sourceOf(
  connection: Omit<KafkaConnection, 'kind'>,
  trigger: PlanKafkaTrigger,
  host: TestHost,
  groups = new Groups(),
): { readonly source: KafkaSource; readonly client: Client; readonly troubles: unknown[]; end(): Promise<void> } {
  const options: KafkaConnection = { kind: 'kafka', sessionTimeout: SESSION, ...connection }
  const client = new Client(options)
  const troubles: unknown[] = []
  const source = new KafkaSource(trigger, host, {
    client,
    options,
    groups,
    log: () => undefined,
    backoff: () => new Backoff({ firstMs: 100, longestMs: 1000 }),
    tell: (trouble) => void troubles.push(trouble),
    closed: new AbortController().signal,
  })
  const end = async (): Promise<void> => {
    await source.stop()
    await client.close()
  }
  afterAll(end)
  return { source, client, troubles, end }
}
