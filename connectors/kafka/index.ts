/** Kafka: triggers that read topics, and channels that write to them. Loads its driver: see `connectors/index.ts`. */
import type { KafkaChannelOptions } from '../channels/options.ts'
import type { ConnectionHealth, ConnectorKind, KindServices } from '../kind.ts'
import { kafkaChannel } from './channel.ts'
import { Client } from './client.ts'
import { Groups } from './groups.ts'
import { Publisher } from './publisher.ts'
import { isOfTopic, reasonOf } from './reason.ts'
import { KafkaSource } from './source.ts'

/** What the triggers and channels of one connection share. */
interface Shared {
  readonly client: Client
  readonly publisher: Publisher
}

export function openKafka(services: KindServices): ConnectorKind<'kafka'> {
  const all = new Map<string, Shared>()
  const groups = new Groups()
  const states = new Map<string, ConnectionHealth>()
  const shared = (name: string): Shared | undefined => {
    const options = services.connection('kafka', name)
    if (options === undefined) return undefined
    let found = all.get(name)
    if (found === undefined) {
      const client = new Client(options)
      const log = (text: string): void => services.log(`kafka connection ${name}: ${text}`)
      all.set(name, (found = { client, publisher: new Publisher(client, { closed: services.closed, log }) }))
    }
    return found
  }
  const tell = (name: string) => (trouble: unknown) => {
    // a topic that is missing says that the broker is there
    const works = trouble === undefined || isOfTopic(trouble)
    states.set(name, works ? { state: 'ok' } : { state: 'failed', reason: reasonOf(trouble) })
  }
  return {
    source: (trigger, host) =>
      new KafkaSource(trigger, host, {
        client: shared(trigger.connection)?.client,
        options: services.connection('kafka', trigger.connection),
        groups,
        log: (text) => services.log(text),
        backoff: () => services.backoff(),
        tell: tell(trigger.connection),
        closed: services.closed,
      }),
    channel(name, options) {
      const { connection } = options
      const found = shared(connection)
      if (found === undefined) throw new Error(`channel ${name}: there is no connection ${connection} of kind kafka`)
      const { publisher } = found
      return kafkaChannel(options as KafkaChannelOptions, { publisher, tell: tell(connection), closed: services.closed })
    },
    health: () => states,
    async close() {
      await Promise.all([...all.values()].map(({ client, publisher }) => Promise.allSettled([client.close(), publisher.close()])))
    },
  }
}
