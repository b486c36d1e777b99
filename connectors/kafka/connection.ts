import { parseDuration } from '../../dsl/duration.ts'
import { inside, membersOf, textAt, tlsOf, WrongOption, type TlsOptions } from '../wrong-option.ts'

const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

export interface KafkaConnection {
  readonly kind: 'kafka'
  /** `host:port` */
  readonly brokers: readonly string[]
  readonly sasl?: { readonly mechanism: (typeof MECHANISMS)[number]; readonly username: string; readonly password: string }
  /** Default false. */
  readonly tls?: TlsOptions
  /** What the broker's logs call this program. Default `fnflow`. */
  readonly clientId?: string
  /** After it the others of a group take over the partitions of a server that has died: a duration from 100 ms, or seconds. Default 10s. */
  readonly sessionTimeout?: string | number
}

const LEAST_SESSION_MS = 100
const LONGEST_SESSION_MS = 30 * 60_000

/** A connection to Kafka as it is configured. Throws WrongOption. */
export function checkKafka(value: object): KafkaConnection {
  const members = membersOf(value, ['kind', 'brokers', 'sasl', 'tls', 'clientId', 'sessionTimeout'], 'a connection of kind kafka')
  const { brokers, clientId, sessionTimeout } = members
  if (!Array.isArray(brokers) || brokers.length === 0)
    throw new WrongOption('expected a list of brokers, such as [localhost:9092]', ['brokers'])
  for (const [at, broker] of brokers.entries()) {
    const port = typeof broker === 'string' ? Number(/^[^\s/@]+:(\d{1,5})$/.exec(broker)?.[1]) : 0
    if (!(port >= 1 && port <= 65_535)) throw new WrongOption('expected host:port, such as localhost:9092', ['brokers', at])
  }
  const sasl = saslOf(members['sasl'])
  if (clientId !== undefined) textAt(members, 'clientId', 'a name')
  if (sessionTimeout !== undefined && sessionMs(sessionTimeout) === undefined)
    throw new WrongOption('expected a duration from 100ms to 30m, such as 10s', ['sessionTimeout'])
  return {
    kind: 'kafka',
    brokers: brokers as string[],
    tls: tlsOf(members['tls']),
    ...(sasl === undefined ? {} : { sasl }),
    ...(clientId === undefined ? {} : { clientId: clientId as string }),
    ...(sessionTimeout === undefined ? {} : { sessionTimeout: sessionTimeout as string | number }),
  }
}

function saslOf(value: unknown): KafkaConnection['sasl'] {
  if (value === undefined || value === null) return undefined
  return inside(['sasl'], () => {
    const members = membersOf(value, ['mechanism', 'username', 'password'], 'sasl: { mechanism, username, password }')
    const mechanism = MECHANISMS.find((one) => one === members['mechanism'])
    if (mechanism === undefined) throw new WrongOption(`expected ${MECHANISMS.join(', ')}`, ['mechanism'])
    return { mechanism, username: textAt(members, 'username', 'a user'), password: textAt(members, 'password', 'a password') }
  })
}

/** Whether two connections lead to one cluster, as far as their brokers tell. */
export function isSameCluster(one: KafkaConnection, other: KafkaConnection): boolean {
  return one.brokers.some((broker) => other.brokers.includes(broker))
}

/** Undefined for what is none. */
export function sessionMs(value: unknown): number | undefined {
  const ms = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined
  return ms !== undefined && ms >= LEAST_SESSION_MS && ms <= LONGEST_SESSION_MS ? ms : undefined
}
