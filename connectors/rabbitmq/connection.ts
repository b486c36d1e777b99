import { membersOf, textAt, tlsOf, WrongOption, type TlsOptions } from '../wrong-option.ts'

/** Where a broker is: by `url`, or by `host` and what goes with it. */
export interface RabbitmqConnection {
  readonly kind: 'rabbitmq'
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. */
  readonly url?: string
  readonly host?: string
  /** Default 5672, with TLS 5671. */
  readonly port?: number
  /** Default `guest`. */
  readonly username?: string
  /** Default `guest`. */
  readonly password?: string
  /** Default: the path of the URL, else `/`. A trigger or channel may have another one. */
  readonly vhost?: string
  /** Default: as the URL says; with `host` none. */
  readonly tls?: TlsOptions
  /** Seconds after which both sides look whether the other is there; 0: they do not. Default 30. */
  readonly heartbeat?: number
}

const PARTS = ['host', 'port', 'username', 'password'] as const
const KEYS = ['kind', 'url', ...PARTS, 'vhost', 'tls', 'heartbeat']
const LONGEST_HEARTBEAT_S = 3600

/** A connection to RabbitMQ as it is configured. Throws WrongOption, whose message does not repeat the URL: it holds a password. */
export function checkRabbitmq(value: object): RabbitmqConnection {
  const members = membersOf(value, KEYS, 'a connection of kind rabbitmq')
  const { vhost, heartbeat } = members
  if (vhost !== undefined) textAt(members, 'vhost', 'the name of a virtual host')
  if (heartbeat !== undefined && !isWhole(heartbeat, 0, LONGEST_HEARTBEAT_S))
    throw new WrongOption(`expected a number of seconds from 0 to ${LONGEST_HEARTBEAT_S}`, ['heartbeat'])
  const tls = tlsOf(members['tls'])
  return { ...(members as object), kind: 'rabbitmq', tls: members['url'] === undefined ? tlsOfParts(members, tls) : tlsOfUrl(members, tls) }
}

function tlsOfUrl(members: { readonly [key: string]: unknown }, tls: TlsOptions): TlsOptions {
  const expected = 'a URL such as amqp://user:password@localhost:5672'
  const url = textAt(members, 'url', expected)
  const { protocol, hostname } = URL.canParse(url) ? new URL(url) : { protocol: '', hostname: '' }
  if (!['amqp:', 'amqps:'].includes(protocol) || hostname === '' || !isDecodable(url))
    throw new WrongOption(`expected ${expected}`, ['url'])
  const part = PARTS.find((key) => members[key] !== undefined)
  if (part !== undefined) throw new WrongOption(`expected url, or ${PARTS.join(', ')}: not both`, [part], true)
  if (protocol === 'amqp:' && tls !== false) throw new WrongOption('expected a URL that begins with amqps://, or no tls', ['url'])
  return protocol === 'amqps:' && tls === false ? true : tls
}

function tlsOfParts(members: { readonly [key: string]: unknown }, tls: TlsOptions): TlsOptions {
  if (members['host'] === undefined) throw new WrongOption('expected url: amqp://user:password@localhost:5672, or host', ['url'])
  textAt(members, 'host', 'the name or the address of a host')
  for (const key of ['username', 'password']) if (members[key] !== undefined) textAt(members, key, 'a text')
  if (members['port'] !== undefined && !isWhole(members['port'], 1, 65_535))
    throw new WrongOption('expected a port from 1 to 65535', ['port'])
  return tls
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}

/** A % that is not escaped may stand in a URL, and in none of its parts. */
function isDecodable(url: string): boolean {
  try {
    const { username, password, pathname } = new URL(url)
    for (const part of [username, password, pathname]) decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}
