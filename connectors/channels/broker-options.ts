import type { ConnectionOptions } from '../connections.ts'
import { membersOf, textAt, WrongOption } from '../wrong-option.ts'
import type { BrokerChannelOptions } from './options.ts'

const KEYS: { readonly [K in ConnectionOptions['kind']]: readonly string[] } = {
  kafka: ['connection', 'topic', 'mode'],
  rabbitmq: ['connection', 'exchange', 'routingKey', 'vhost', 'mode'],
}

/** The options of a channel over a connection of that kind. Throws WrongOption. */
export function checkBrokerChannel(kind: ConnectionOptions['kind'], value: unknown): BrokerChannelOptions {
  const members = membersOf(value, KEYS[kind], `a channel over a connection of kind ${kind}`)
  const { mode, exchange, routingKey, vhost } = members
  if (mode !== undefined && mode !== 'binary' && mode !== 'structured') throw new WrongOption('expected binary or structured', ['mode'])
  if (kind === 'kafka') textAt(members, 'topic', 'the name of a topic')
  else if (typeof exchange !== 'string') throw new WrongOption("expected the name of an exchange; '' for the default one", ['exchange'])
  if (routingKey !== undefined && typeof routingKey !== 'string') throw new WrongOption('expected a text', ['routingKey'])
  if (vhost !== undefined) textAt(members, 'vhost', 'the name of a virtual host')
  return members as unknown as BrokerChannelOptions
}
