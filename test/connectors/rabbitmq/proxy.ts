import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Stands between a client and a broker, and cuts their connections. */
export class Proxy {
  readonly url: string
  private readonly pairs = new Set<readonly [Socket, Socket]>()

  private constructor(url: string) {
    this.url = url
  }

  /**
   * @param target `amqp://user:password@host:port/vhost`
   * @param delayMs What the client sends arrives so much later, its acknowledgements too: what it dies behind is likely to be sent again.
   */
  static async before(target: string, delayMs = 0): Promise<Proxy> {
    const { hostname, port } = new URL(target)
    const server = createServer((client) => {
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
      broker.pipe(client)
      if (delayMs === 0) client.pipe(broker)
      else client.on('data', (bytes) => void setTimeout(() => broker.writable && broker.write(bytes), delayMs))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = new URL(target)
    url.port = String((server.address() as AddressInfo).port)
    const proxy = new Proxy(url.href)
    // it keeps no process alive: outside of a test there is nothing that would close it
    server.unref()
    return proxy
  }

  /** Ends all connections in the middle of whatever passes. */
  cut(): number {
    const { size } = this.pairs
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy()
    return size
  }
}
