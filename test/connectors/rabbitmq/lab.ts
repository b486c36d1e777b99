import { randomBytes } from 'node:crypto'
import { connect, type Channel, type ChannelModel, type ConfirmChannel, type GetMessage, type Options } from 'amqplib'
import { onTestFinished } from 'vitest'
import { checkConnection, type ConnectionOptions } from '../../../connectors/connections.ts'
import type { ConnectorKind, KindServices } from '../../../connectors/kind.ts'
import { openRabbitmq } from '../../../connectors/rabbitmq/index.ts'
import type { SessionPatience } from '../../../connectors/rabbitmq/session.ts'
import { Backoff } from '../../../connectors/triggers/backoff.ts'
import type { TriggerSource } from '../../../connectors/triggers/contract.ts'
import { compileTrigger } from '../../../dsl/triggers/index.ts'
import type { PlanRabbitmqTrigger } from '../../../dsl/plan.ts'
import type { TestHost } from '../host.ts'

/** For `expect.poll`: a machine that does much else may take its time. */
export const WAIT = { timeout: 30_000, interval: 10 }

/** Nothing of the tests waits longer. */
const SOON = { firstMs: 50, longestMs: 500 }

const SHORT: SessionPatience = { withheldMs: 200 }

/** A name that no other test has. */
export function newName(prefix = 'q'): string {
  return `fnflow-test-${prefix}-${randomBytes(6).toString('hex')}`
}

/** A trigger as a definition has it. */
export function triggerOf(given: object): PlanRabbitmqTrigger {
  return compileTrigger({ type: 'rabbitmq', name: 'mail', connection: 'mq', ...given }) as PlanRabbitmqTrigger
}

/** A client beside the connector. */
export class Client {
  readonly channel: ConfirmChannel
  private readonly model: ChannelModel

  private constructor(model: ChannelModel, channel: ConfirmChannel) {
    this.model = model
    this.channel = channel
  }

  static async open(address: string): Promise<Client> {
    const model = await connect(address)
    model.on('error', () => undefined)
    return new Client(model, await confirmChannel(model))
  }

  /** Resolves when the broker has them all. */
  async send(
    queue: string,
    ...messages: readonly (Options.Publish & { readonly body: unknown; readonly exchange?: string })[]
  ): Promise<void> {
    for (const { body, exchange = '', ...options } of messages) {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
      this.channel.publish(exchange, queue, bytes, { persistent: true, ...options })
    }
    await this.channel.waitForConfirms()
  }

  /** Messages that wait. */
  async ready(queue: string): Promise<number> {
    return (await this.channel.checkQueue(queue)).messageCount
  }

  /** Takes all messages that wait. */
  drain(queue: string): Promise<GetMessage[]> {
    return this.apart(async (channel) => {
      const messages: GetMessage[] = []
      for (;;) {
        const message = await channel.get(queue, { noAck: true })
        if (message === false) return messages
        messages.push(message)
      }
    })
  }

  /** Its error does not end the client's own channel. */
  async apart<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await this.model.createChannel()
    channel.on('error', () => undefined)
    try {
      return await use(channel)
    } finally {
      await channel.close().catch(() => undefined)
    }
  }

  async close(): Promise<void> {
    await this.model.close().catch(() => undefined)
  }
}

/** A client of one test. */
export class Lab {
  private readonly client: Client

  private constructor(client: Client) {
    this.client = client
  }

  /** Its connection is closed when the test is through. */
  static async open(address: string): Promise<Lab> {
    const client = await Client.open(address)
    onTestFinished(() => client.close())
    return new Lab(client)
  }

  get channel(): ConfirmChannel {
    return this.client.channel
  }

  /** A durable queue that is deleted when the test is through. */
  async queue(options: Options.AssertQueue = {}, name = newName()): Promise<string> {
    await this.channel.assertQueue(name, { durable: true, ...options })
    this.forget(name)
    return name
  }

  /** Deletes a queue when the test is through. */
  forget(name: string): void {
    onTestFinished(() =>
      this.apart((channel) => channel.deleteQueue(name)).then(
        () => undefined,
        () => undefined,
      ),
    )
  }

  send(...given: Parameters<Client['send']>): Promise<void> {
    return this.client.send(...given)
  }

  ready(queue: string): Promise<number> {
    return this.client.ready(queue)
  }

  drain(queue: string): Promise<GetMessage[]> {
    return this.client.drain(queue)
  }

  apart<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    return this.client.apart(use)
  }
}

async function confirmChannel(model: ChannelModel): Promise<ConfirmChannel> {
  const channel = await model.createConfirmChannel()
  channel.on('error', () => undefined)
  return channel
}

export interface Kind extends ConnectorKind<'rabbitmq'> {
  readonly closed: AbortController
}

/** The connector without an engine, with short pauses. */
export function openKind(connections: Readonly<Record<string, ConnectionOptions>>, patience: SessionPatience = SHORT): Kind {
  const closed = new AbortController()
  const services: KindServices = {
    connection: (_, name) => connections[name] as never,
    timezone: 'UTC',
    closed: closed.signal,
    log: () => undefined,
    backoff: () => new Backoff(SOON),
  }
  return { ...openRabbitmq(services, patience), closed }
}

/** Starts a source, which is stopped when the test is through. */
export function begin(
  connection: string | ConnectionOptions,
  host: TestHost,
  given: object,
  patience: SessionPatience = {},
): TriggerSource {
  const mq = typeof connection === 'string' ? ({ kind: 'rabbitmq', url: connection } as const) : connection
  const source = openKind({ mq: checkConnection(mq) }, { ...SHORT, ...patience }).source(triggerOf(given), host)
  onTestFinished(() => source.stop())
  void source.start()
  return source
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

/** Messages for {@link Lab.send}: 0, 1 … */
export const numbered = (count: number): { body: number; messageId: string }[] => range(count).map((n) => ({ body: n, messageId: `m${n}` }))

/** What has come, by event. */
export const numbers = (host: TestHost): unknown[][] => host.events.map(({ event }) => messagesOf(event))

export function messagesOf(event: unknown): unknown[] {
  const { records } = event as { readonly records: readonly { readonly messages: readonly unknown[] }[] }
  return records.flatMap(({ messages }) => messages)
}
