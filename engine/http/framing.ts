/**
 * What Node's HTTP parser lets through, and a proxy in front might read otherwise: where a request ends, and for whom it is. Such requests are refused, and
 * their connection is closed.
 */
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { Problem } from './problem.ts'
import { requestIdOf } from './request-ids.ts'

/** Holds the connections on which something was refused: what is behind it there may be no request, and is not taken. */
export class Framing {
  private readonly refused = new WeakSet<Socket>()

  constructor(server: Server) {
    // Node answers other expectations than 100-continue itself, with nothing in it; this one says why
    server.on('checkExpectation', ({ headers, socket }: IncomingMessage, response: ServerResponse) => {
      this.refused.add(socket)
      const { document } = new Problem('bad-request', 'Expect: only 100-continue is known')
      response.writeHead(document.status, {
        'content-type': 'application/problem+json; charset=utf-8',
        connection: 'close',
        'x-request-id': requestIdOf(headers),
      })
      response.end(JSON.stringify(document))
    })
  }

  /** What is wrong with a request; undefined where nothing is. The connection is to be closed then. */
  refusalOf({ raw, headers }: Pick<FastifyRequest, 'raw' | 'headers'>): Problem | undefined {
    if (this.refused.has(raw.socket)) return new Problem('bad-request', 'a request before this one, on the same connection, was refused')
    const problem = misframed(raw, headers)
    if (problem !== undefined) this.refused.add(raw.socket)
    return problem
  }
}

function misframed({ httpVersion, rawHeaders, url = '/' }: IncomingMessage, headers: IncomingHttpHeaders): Problem | undefined {
  const encoding = headers['transfer-encoding']
  if (encoding !== undefined && (encoding.toLowerCase() !== 'chunked' || httpVersion === '1.0'))
    return new Problem('bad-request', `transfer-encoding: expected chunked, in HTTP/1.1, not ${encoding} in HTTP/${httpVersion}`)
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  if (hosts > 1 || (hosts === 0 && httpVersion !== '1.0')) return new Problem('bad-request', `one Host header is expected, not ${hosts}`)
  // the absolute form, for proxies: its host is what counts, so it must not be another one
  if (!url.startsWith('/') && url !== '*' && !isAbout(url, headers.host))
    return new Problem('bad-request', 'the host of the request and the header Host differ')
  return undefined
}

function isAbout(url: string, host: string | undefined): boolean {
  return URL.canParse(url) && host !== undefined && URL.canParse(`http://${host}`) && new URL(url).host === new URL(`http://${host}`).host
}
