import type { ConfirmChannel as AmqpChannel, Message } from 'amqplib'
import { endChannel, endOf } from './channel-end.ts'
import { BrokerError, NO_ROUTE, type ConfirmChannel, type Publication } from './port.ts'
import { reasonOf } from './reason.ts'

/** AMQP's code of a broker that fails within. */
const INTERNAL_ERROR = 541

/** A channel whose messages the broker confirms; one that no queue takes comes back, before its confirm. */
export function confirmChannelOf(channel: AmqpChannel): ConfirmChannel {
  const end = endOf(channel)
  const { ended, isOpen } = end
  /** What has come back and is not confirmed yet: how often, by exchange, routing key and id. */
  const returned = new Map<string, number>()
  channel.on('return', ({ fields, properties }: Message) => {
    const { messageId } = properties as { readonly messageId?: unknown }
    const name = nameOf(fields.exchange, fields.routingKey, String(messageId))
    returned.set(name, (returned.get(name) ?? 0) + 1)
  })
  const cameBack = (name: string): boolean => {
    const times = returned.get(name) ?? 0
    if (times > 1) returned.set(name, times - 1)
    else returned.delete(name)
    return times > 0
  }
  return {
    ended,
    get isOpen() {
      return isOpen()
    },
    publish: (publication) =>
      new Promise((resolve, reject) => {
        const { exchange, routingKey, messageId } = publication
        const name = nameOf(exchange, routingKey, messageId)
        const confirmed = (error: unknown): void => {
          if (cameBack(name))
            return reject(new BrokerError(`312 NO_ROUTE - no queue gets what is sent to ${toText(exchange, routingKey)}`, NO_ROUTE))
          if (error === null || error === undefined) return resolve()
          // a channel that ends tells its publications first
          queueMicrotask(() => {
            if (isOpen()) reject(new BrokerError('the broker could not keep the message (nack)', INTERNAL_ERROR))
            else void ended.then(reject)
          })
        }
        try {
          channel.publish(exchange, routingKey, publication.body, propertiesOf(publication), confirmed)
        } catch (error) {
          reject(reasonOf(error))
        }
      }),
    close: () => endChannel(channel, end),
  }
}

function propertiesOf({ messageId, contentType, type, time, headers }: Publication) {
  return {
    mandatory: true,
    persistent: true,
    messageId,
    contentType,
    timestamp: Math.floor(time / 1000),
    headers,
    appId: 'fnflow',
    ...(type === undefined ? {} : { type }),
  }
}

function nameOf(...parts: readonly string[]): string {
  return parts.join('\0')
}

function toText(exchange: string, routingKey: string): string {
  const to = exchange === '' ? 'the default exchange' : `exchange '${exchange}'`
  return `${to} with the routing key '${routingKey}'`
}
