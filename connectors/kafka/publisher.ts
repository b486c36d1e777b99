/** Publishes to one cluster: what is published while something is on its way goes together next. */
import type { Message, Producer } from 'kafkajs'
import type { Client } from './client.ts'

/** Of one request. */
const MOST_MESSAGES = 500
const MOST_BYTES = 1024 * 1024
const ALL_REPLICAS = -1

export interface Publication {
  readonly topic: string
  readonly key: string | null
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

interface Waiting {
  readonly publication: Publication
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class Publisher {
  private readonly client: Client
  private producer: Promise<Producer> | null = null
  private readonly waiting: Waiting[] = []
  private sending: Promise<void> | null = null
  private isClosed = false

  constructor(client: Client) {
    this.client = client
  }

  /** Resolves when all replicas that are in sync have it. Rejects with what kafkajs throws. */
  publish(publication: Publication): Promise<void> {
    if (this.isClosed) return Promise.reject(new Error('the connection is closed'))
    return new Promise((resolve, reject) => {
      this.waiting.push({ publication, resolve, reject })
      this.sending ??= this.sendAll()
    })
  }

  /** Resolves when what is under way has its answer. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.sending
    await this.disconnect()
  }

  private async sendAll(): Promise<void> {
    // what is published in the same turn goes with the first
    await new Promise((resolve) => setImmediate(resolve))
    while (this.waiting.length > 0) await this.send(this.next())
    this.sending = null
  }

  private next(): Waiting[] {
    let bytes = 0
    let count = 0
    while (count < this.waiting.length && count < MOST_MESSAGES && bytes < MOST_BYTES)
      bytes += this.waiting[count++]!.publication.value.byteLength
    return this.waiting.splice(0, count)
  }

  private async send(all: readonly Waiting[]): Promise<void> {
    try {
      const producer = await (this.producer ??= this.connect())
      const topics = Map.groupBy(all, ({ publication }) => publication.topic)
      const topicMessages = [...topics].map(([topic, some]) => ({ topic, messages: some.map(({ publication }) => messageOf(publication)) }))
      await producer.sendBatch({ acks: ALL_REPLICAS, topicMessages })
      for (const { resolve } of all) resolve()
    } catch (error) {
      // the next one has a producer of its own: this one may be beyond mending
      await this.disconnect()
      if (all.length === 1) all[0]!.reject(error)
      // one that is refused must not take the others with it; those that were taken come twice, under the same id
      else for (const one of all) await this.send([one])
    }
  }

  private async connect(): Promise<Producer> {
    const producer = this.client.producer()
    await producer.connect()
    return producer
  }

  private async disconnect(): Promise<void> {
    const { producer } = this
    this.producer = null
    await producer?.then((one) => one.disconnect()).catch(() => undefined)
  }
}

function messageOf({ key, value, headers }: Publication): Message {
  return { key, value, headers: { ...headers } }
}
