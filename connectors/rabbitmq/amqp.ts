/** amqplib behind {@link Broker}: what it leaves open (ends that never come, sockets of dead connections, events nobody listens to) is closed here. */
import { connect as amqpConnect, type Channel, type ChannelModel, type ConsumeMessage } from 'amqplib'
import type { Address } from './address.ts'
import { asked, endChannel, endOf } from './channel-end.ts'
import { confirmChannelOf } from './confirms.ts'
import { patience } from './patience.ts'
import { BrokerError, type Broker, type BrokerChannel, type BrokerMessage } from './port.ts'
import { reasonOf } from './reason.ts'

/** For a handshake altogether, however it trickles. */
const CONNECT_MS = 15_000

/** Of AMQP. */
const NOT_ALLOWED = 530

/** Opens a connection. Rejects with BrokerError; the reason is the broker's, or the network's. */
export async function connect({ options, socket }: Address): Promise<Broker> {
  let late = false
  const opening = amqpConnect(options, socket)
  // one that opens after all is of no use
  opening.then((model) => late && cut(model)).catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BrokerError(`no answer within ${CONNECT_MS / 1000} s`)), CONNECT_MS)
  })
  try {
    return brokerOf(await Promise.race([opening, timeout]))
  } catch (error) {
    late = true
    throw refusedVhost(error, options.vhost ?? '') ?? reasonOf(error)
  } finally {
    clearTimeout(timer)
  }
}

/** amqplib keeps to itself what the broker says of a virtual host that it does not open. */
function refusedVhost(error: unknown, vhost: string): BrokerError | undefined {
  if (!(error instanceof Error) || !error.message.startsWith('Expected ConnectionOpenOk; got <ConnectionClose')) return undefined
  const why = 'it is not there, is down, has too many connections, or the user may not use it'
  return new BrokerError(`530 NOT_ALLOWED - the broker refuses virtual host '${decodeURIComponent(vhost)}': ${why}`, NOT_ALLOWED)
}

function brokerOf(model: ChannelModel): Broker {
  let isOpen = true
  let blocked: string | undefined
  let why: BrokerError | undefined
  const ended = new Promise<BrokerError>((resolve) => {
    model.on('error', (error) => (why ??= reasonOf(error)))
    model.on('close', (error) => {
      isOpen = false
      // a dead peer never answers the end of our half
      cut(model)
      resolve(why ?? (error === undefined ? new BrokerError('the connection was closed') : reasonOf(error)))
    })
  })
  model.on('blocked', (reason) => (blocked = reason || 'it gives no reason'))
  model.on('unblocked', () => (blocked = undefined))
  return {
    ended,
    get isOpen() {
      return isOpen
    },
    get blocked() {
      return blocked
    },
    channel: async () => channelOf(await asked(() => model.createChannel())),
    confirmChannel: async () => confirmChannelOf(await asked(() => model.createConfirmChannel())),
    close: () => end(ended, model),
  }
}

function channelOf(channel: Channel): BrokerChannel {
  const end = endOf(channel)
  const { ended, isOpen } = end
  const ready = ({ messageCount }: { readonly messageCount: number }) => ({ ready: messageCount })
  const quietly = (act: () => void): void => {
    try {
      if (isOpen()) act()
    } catch {
      // it ends just now: the broker hands the message out again
    }
  }
  return {
    ended,
    get isOpen() {
      return isOpen()
    },
    prefetch: async (count) => void (await asked(() => channel.prefetch(count))),
    declareQueue: async (queue, args) => ready(await asked(() => channel.assertQueue(queue, { durable: true, arguments: args }))),
    checkQueue: async (queue) => ready(await asked(() => channel.checkQueue(queue))),
    declareExchange: async (exchange, type) => void (await asked(() => channel.assertExchange(exchange, type, { durable: true }))),
    checkExchange: async (exchange) => void (await asked(() => channel.checkExchange(exchange))),
    bindQueue: async (queue, exchange, key, args) => void (await asked(() => channel.bindQueue(queue, exchange, key, args))),
    async consume(queue, received, cancelled) {
      const { consumerTag } = await asked(() =>
        channel.consume(queue, (message) => (message === null ? cancelled() : received(messageOf(message)))),
      )
      return consumerTag
    },
    cancel: async (consumer) => void (await asked(() => channel.cancel(consumer))),
    ack: (tag, through) => quietly(() => channel.ack(tagged(tag), through)),
    requeue: (tag) => quietly(() => channel.nack(tagged(tag), false, true)),
    close: () => endChannel(channel, end),
  }
}

async function end(ended: Promise<unknown>, model: ChannelModel): Promise<void> {
  await Promise.race([asked(() => model.close()).catch(() => undefined), ended, patience()])
  cut(model)
}

/** amqplib ends its half of the socket alone. */
function cut({ connection }: ChannelModel): void {
  const { stream } = connection as unknown as { readonly stream?: { destroy(): void; on(event: 'error', ignored: () => void): void } }
  stream?.on('error', () => undefined)
  stream?.destroy()
}

function messageOf({ fields, properties, content }: ConsumeMessage): BrokerMessage {
  const { messageId, contentType, headers } = properties as unknown as { readonly [key: string]: unknown }
  return {
    tag: fields.deliveryTag,
    redelivered: fields.redelivered,
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    messageId: typeof messageId === 'string' && messageId !== '' ? messageId : undefined,
    contentType: typeof contentType === 'string' ? contentType : undefined,
    headers: (headers ?? {}) as Readonly<Record<string, unknown>>,
    body: content,
  }
}

/** All that amqplib looks at of a message that it acknowledges. */
function tagged(deliveryTag: number): ConsumeMessage {
  return { fields: { deliveryTag } } as ConsumeMessage
}
