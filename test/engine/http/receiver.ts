import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server that notes what it gets, and answers as it is told. */
export class Receiver {
  readonly received: Received[] = []
  answer: (
    request: Received,
    count: number,
  ) => { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> } | null = () => ({ status: 200 })
  url = ''
  private readonly server: Server

  constructor() {
    this.server = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const received = { method, url, headers, body: Buffer.concat(parts).toString() }
        this.received.push(received)
        const answer = this.answer(received, this.received.length)
        // null: the connection breaks
        if (answer === null) return void request.socket.destroy()
        response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
        response.end(answer.body ?? '')
      })
    })
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}
