import { membersOf, textAt, tlsOf, WrongOption, type TlsOptions } from '../wrong-option.ts'

export interface RabbitmqConnection {
  readonly kind: 'rabbitmq'
  /** `amqp://user:password@host:port`, or `amqps:`; a trigger's `vhost` takes the place of its path. */
  readonly url: string
  /** Default: as the URL says. */
  readonly tls?: TlsOptions
}

/** A connection to RabbitMQ as it is configured. Throws WrongOption, whose message does not repeat the URL: it holds a password. */
export function checkRabbitmq(value: object): RabbitmqConnection {
  const members = membersOf(value, ['kind', 'url', 'tls'], 'a connection of kind rabbitmq')
  const expected = 'a URL such as amqp://user:password@localhost:5672'
  const url = textAt(members, 'url', expected)
  const { protocol, hostname } = URL.canParse(url) ? new URL(url) : { protocol: '', hostname: '' }
  if (!['amqp:', 'amqps:'].includes(protocol) || hostname === '') throw new WrongOption(`expected ${expected}`, ['url'])
  const tls = tlsOf(members['tls'])
  if (protocol === 'amqp:' && tls !== false) throw new WrongOption('expected a URL that begins with amqps://, or no tls', ['url'])
  return { kind: 'rabbitmq', url, tls: protocol === 'amqps:' && tls === false ? true : tls }
}
