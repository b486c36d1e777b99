import { inside, membersOf, textAt, tlsOf, WrongOption, type TlsOptions } from '../wrong-option.ts'

const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

export interface KafkaConnection {
  readonly kind: 'kafka'
  /** `host:port` */
  readonly brokers: readonly string[]
  readonly sasl?: { readonly mechanism: (typeof MECHANISMS)[number]; readonly username: string; readonly password: string }
  /** Default false. */
  readonly tls?: TlsOptions
}

/** A connection to Kafka as it is configured. Throws WrongOption. */
export function checkKafka(value: object): KafkaConnection {
  const members = membersOf(value, ['kind', 'brokers', 'sasl', 'tls'], 'a connection of kind kafka')
  const { brokers } = members
  if (!Array.isArray(brokers) || brokers.length === 0)
    throw new WrongOption('expected a list of brokers, such as [localhost:9092]', ['brokers'])
  for (const [at, broker] of brokers.entries()) {
    const port = typeof broker === 'string' ? Number(/^[^\s/@]+:(\d{1,5})$/.exec(broker)?.[1]) : 0
    if (!(port >= 1 && port <= 65_535)) throw new WrongOption('expected host:port, such as localhost:9092', ['brokers', at])
  }
  const sasl = saslOf(members['sasl'])
  return {
    kind: 'kafka',
    brokers: brokers as string[],
    tls: tlsOf(members['tls']),
    ...(sasl === undefined ? {} : { sasl }),
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
