import type { ConnectionHealth, ConnectorKind, KindServices } from '../kind.ts'
import { addressOf } from './address.ts'
import { connect } from './amqp.ts'
import { Link } from './link.ts'
import { Publisher, type PublisherOptions } from './publisher.ts'
import type { SessionPatience } from './session.ts'
import { RabbitmqSource } from './source.ts'

/** What triggers and channels use of one connection are two: a broker that takes no more messages stops to read all of a connection, acknowledgements too. */
type Use = 'triggers' | 'channels'

/**
 * RabbitMQ, over amqplib.
 *
 * @param patience For tests.
 */
export function openRabbitmq(services: KindServices, patience?: SessionPatience): ConnectorKind<'rabbitmq'> {
  /** By connection, virtual host and use. */
  const links = new Map<string, { readonly name: string; readonly link: Link }>()
  const publishers: Publisher[] = []

  function linkOf(name: string, vhost: string | undefined, use: Use): Link | undefined {
    const connection = services.connection('rabbitmq', name)
    if (connection === undefined) return undefined
    const key = JSON.stringify([name, vhost ?? null, use])
    let found = links.get(key)
    if (found === undefined) {
      const address = addressOf(connection, vhost, `fnflow ${name} (${use})`)
      links.set(key, (found = { name, link: new Link(() => connect(address), services.backoff()) }))
    }
    return found.link
  }

  return {
    source: (trigger, host) =>
      new RabbitmqSource(trigger, host, {
        link: linkOf(trigger.connection, trigger.vhost, 'triggers'),
        backoff: () => services.backoff(),
        ...(patience === undefined ? {} : { patience }),
      }),
    channel(name, options) {
      const { connection, vhost } = options as { readonly connection: string; readonly vhost?: string }
      const link = linkOf(connection, vhost, 'channels')
      if (link === undefined) throw new Error(`channel ${name}: there is no connection ${connection} of kind rabbitmq`)
      const publisher = new Publisher(options as PublisherOptions, { link, backoff: () => services.backoff(), closed: services.closed })
      publishers.push(publisher)
      return publisher
    },
    health() {
      const health = new Map<string, ConnectionHealth>()
      for (const { name, link } of links.values()) {
        const one = link.health
        // one that fails is what is told of a name
        if (one !== undefined && health.get(name)?.state !== 'failed') health.set(name, one)
      }
      return health
    },
    async close() {
      await Promise.all(publishers.map((publisher) => publisher.close()))
      await Promise.all([...links.values()].map(({ link }) => link.close()))
    },
  }
}
