import type { Options, SocketOptions } from 'amqplib'
import type { RabbitmqConnection } from './connection.ts'

/** Of silence while a connection is made. */
const SILENCE_MS = 10_000
/** Both sides notice within three of them that the other is gone. */
const HEARTBEAT_S = 30

/** Where a broker is, and as whom. */
export interface Address {
  readonly options: Options.Connect
  readonly socket: SocketOptions
}

/**
 * Of a connection that has been checked.
 *
 * @param vhost Takes the place of the connection's own.
 * @param name Shown in the broker's list of connections.
 */
export function addressOf(connection: RabbitmqConnection, vhost: string | undefined, name: string): Address {
  const { url, tls = false } = connection
  const given = url === undefined ? connection : partsOf(new URL(url))
  const secure = tls !== false
  const { username = 'guest', password = 'guest' } = given
  return {
    options: {
      protocol: secure ? 'amqps' : 'amqp',
      hostname: given.host as string,
      port: given.port ?? (secure ? 5671 : 5672),
      username,
      password,
      // amqplib takes it as a part of a URL
      vhost: encodeURIComponent(vhost ?? connection.vhost ?? given.vhost ?? '/'),
      heartbeat: connection.heartbeat ?? given.heartbeat ?? HEARTBEAT_S,
    },
    socket: {
      timeout: SILENCE_MS,
      noDelay: true,
      keepAlive: true,
      clientProperties: { product: 'fnflow', connection_name: name },
      ...(typeof tls === 'object' ? tlsOf(tls) : {}),
    },
  }
}

/** As RabbitMQ's URI specification has them. */
function partsOf({ hostname, port, username, password, pathname, searchParams }: URL): Omit<RabbitmqConnection, 'kind'> {
  const heartbeat = Number(searchParams.get('heartbeat') ?? NaN)
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    ...(port === '' ? {} : { port: Number(port) }),
    ...(username === '' && password === '' ? {} : { username: decodeURIComponent(username), password: decodeURIComponent(password) }),
    ...(pathname.length > 1 ? { vhost: decodeURIComponent(pathname.slice(1)) } : {}),
    ...(Number.isInteger(heartbeat) && heartbeat >= 0 ? { heartbeat } : {}),
  }
}

function tlsOf({ ca, cert, key, serverName }: Exclude<NonNullable<RabbitmqConnection['tls']>, boolean>): SocketOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert, key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}
