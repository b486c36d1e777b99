import { connect, createServer, type Server, type Socket } from 'node:net'

/** Hands on what it gets, both ways, until it is told to cut. */
export class Proxy {
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  constructor(target: number) {
    this.server = createServer((client) => {
      const behind = connect(target, '127.0.0.1')
      for (const socket of [client, behind]) {
        this.sockets.add(socket)
        socket
          .on('error', () => undefined)
          .on('close', () => {
            client.destroy()
            behind.destroy()
            this.sockets.delete(socket)
          })
      }
      client.pipe(behind).pipe(client)
    })
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => this.server.once('error', reject).listen(port, '127.0.0.1', resolve))
  }

  /** All connections, at once, in the middle of whatever they are at. Returns how many. */
  cut(): number {
    const { size } = this.sockets
    for (const socket of this.sockets) socket.resetAndDestroy()
    return size
  }

  close(): void {
    this.cut()
    this.server.close()
  }
}
