/** Connections to brokers as they are configured (cli.md). No driver is loaded for them. */
import { checkKafka, type KafkaConnection } from './kafka/connection.ts'
import { checkRabbitmq, type RabbitmqConnection } from './rabbitmq/connection.ts'
import { membersOf, WrongOption } from './wrong-option.ts'

export type ConnectionOptions = KafkaConnection | RabbitmqConnection

const CHECKS: { readonly [K in ConnectionOptions['kind']]: (value: object) => Extract<ConnectionOptions, { kind: K }> } = {
  kafka: checkKafka,
  rabbitmq: checkRabbitmq,
}

export const CONNECTION_KINDS = Object.keys(CHECKS) as ConnectionOptions['kind'][]

/** Throws {@link WrongOption}, whose message repeats no value: it may be a secret. */
export function checkConnection(value: unknown): ConnectionOptions {
  const { kind } = membersOf(value, null, 'a connection such as { kind: kafka, brokers: [localhost:9092] }')
  if (!CONNECTION_KINDS.includes(kind as ConnectionOptions['kind']))
    throw new WrongOption(`expected ${CONNECTION_KINDS.join(' or ')}`, ['kind'])
  return CHECKS[kind as ConnectionOptions['kind']](value as object)
}
