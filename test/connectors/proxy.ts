import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** Stands between clients and a broker on this machine, and cuts their connections. */
export class Proxy {
  /** Where {@link Proxy.before} has it listen. */
  url = ''
  /** Clients are cut as soon as they come: the broker is away. */
  isAway = false
  /** Connections that clients have opened. */
  connections = 0
  private readonly server: Server
  private readonly pairs = new Set<readonly [Socket, Socket]>()

  /** @param delayMs What clients send arrives so much later, their acknowledgements too: what they die behind is likely to be sent again. */
  constructor(target: number, delayMs = 0) {
    this.server = createServer((client) => {
      this.connections += 1
      if (this.isAway) return void client.resetAndDestroy()
      const broker = connect(target, '127.0.0.1')
      const pair = [client, broker] as const
      this.pairs.add(pair)
      for (const socket of pair) {
        socket
          .on('error', () => undefined)
          .on('close', () => {
            this.pairs.delete(pair)
            for (const each of pair) each.destroy()
          })
      }
      broker.pipe(client)
      if (delayMs === 0) client.pipe(broker)
      else client.on('data', (bytes) => void setTimeout(() => broker.writable && broker.write(bytes), delayMs))
    })
    // it keeps no process alive: what is made outside of a test is closed by nobody
    this.server.unref()
  }

  /** Before the host and port of a URL: `url` is the same one to the proxy. */
  static async before(target: string, delayMs = 0): Promise<Proxy> {
    const url = new URL(target)
    const proxy = new Proxy(Number(url.port), delayMs)
    url.port = String(await proxy.listen())
    proxy.url = url.href
    return proxy
  }

  /** Resolves to the port. */
  listen(port = 0): Promise<number> {
    return new Promise((resolve, reject) =>
      this.server.once('error', reject).listen(port, '127.0.0.1', () => resolve((this.server.address() as AddressInfo).port)),
    )
  }

  /** All connections, at once, in the middle of whatever passes. Returns how many. */
  cut(): number {
    const { size } = this.pairs
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy()
    return size
  }

  close(): void {
    this.cut()
    this.server.close()
  }
}
