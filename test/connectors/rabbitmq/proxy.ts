import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Stands between a client and a broker, and cuts their connections. */
export class Proxy {
  readonly url: string
  /** While true, connections are not taken. */
  refuses = false
  private readonly pairs = new Set<readonly [Socket, Socket]>()

  private constructor(url: string) {
    this.url = url
  }

  /** @param target `amqp://user:password@host:port/vhost` */
  static async before(target: string): Promise<Proxy> {
    const { hostname, port } = new URL(target)
    const server = createServer((client) => {
      if (proxy.refuses) return void client.resetAndDestroy()
      const broker = connect(Number(port), hostname)
      const pair = [client, broker] as const
      proxy.pairs.add(pair)
      for (const socket of pair) {
        socket
          .on('error', () => undefined)
          .on('close', () => {
            proxy.pairs.delete(pair)
            for (const each of pair) each.destroy()
          })
      }
      client.pipe(broker).pipe(client)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = new URL(target)
    url.port = String((server.address() as AddressInfo).port)
    const proxy = new Proxy(url.href)
    onTestFinished(() => {
      server.close()
      proxy.cut()
    })
    return proxy
  }

  /** Ends all connections in the middle of whatever passes. */
  cut(): number {
    const { size } = this.pairs
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy()
    return size
  }
}
