/** A process's own HTTP server around the API: what `fnflow serve` listens with. */
import type { Socket } from 'node:net'
import { fastify, type FastifyInstance } from 'fastify'
import { answer, BODY_LIMIT, fnflowApi, type FnflowApiOptions } from './api.ts'
import { Problem, problemOf } from './problem.ts'

export interface ServerOptions extends FnflowApiOptions {
  /** Hosts, beside `localhost`, `127.0.0.1` and `[::1]`, that a request may name. */
  readonly hosts?: readonly string[]
}

const HEADERS_TIMEOUT_MS = 10_000
const BODY_TIMEOUT_MS = 30_000
const MOST_HEADER_BYTES = 16 * 1024
/** A server that closes looks this often for connections that have nothing to do any more, and cuts the others after so long. */
const SWEEP_MS = 100
const CLOSE_MS = 10_000

/** The server, which does not listen yet. As long as there are no keys it is for this machine alone (http-api.md, 1). */
export async function createServer({ hosts: named = [], ...api }: ServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: BODY_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    // what comes meanwhile is answered by the routes, as a problem
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    http: { maxHeaderSize: MOST_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS },
    frameworkErrors: (error, _request, reply) => void answer(reply, problemOf(error)),
    clientErrorHandler: (error, socket) => refuse(socket, error.code),
  })
  const hosts = new Set(['localhost', '127.0.0.1', '[::1]', ...named])
  let closing = false
  // a page of another site can make a browser ask this machine, by a name that it has made to be this machine's
  app.addHook('onRequest', async ({ headers: { host = '', origin } }) => {
    if (closing) throw new Problem('shutting-down', 'the server is being stopped')
    if (!hosts.has(nameOf(`http://${host}`)))
      throw new Problem('forbidden', `this server is for this machine: the host ${host} is not known here`)
    if (origin !== undefined && !hosts.has(nameOf(origin))) throw new Problem('forbidden', `requests of pages of ${origin} are not taken`)
  })
  app.addHook('onSend', async (_request, reply) => {
    if (closing) void reply.header('connection', 'close')
  })
  app.setErrorHandler((error, _request, reply) => answer(reply, problemOf(error)))
  app.addHook('preClose', async () => {
    closing = true
    const sweeping = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS)
    const cutting = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS)
    app.server.once('close', () => {
      clearInterval(sweeping)
      clearTimeout(cutting)
    })
  })
  await app.register(fnflowApi, api)
  return app
}

/** Answers what is no request that could be routed, and closes. */
function refuse(socket: Socket, code: string | undefined): void {
  if (!socket.writable) return void socket.destroy()
  const problem =
    code === 'HPE_HEADER_OVERFLOW'
      ? new Problem('headers-too-large', `more than ${MOST_HEADER_BYTES / 1024} KiB of headers`)
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new Problem('request-timeout', 'the request did not come in time')
        : new Problem('bad-request', 'this is no HTTP request')
  const { status, title } = problem.document
  const body = JSON.stringify(problem.document)
  const head = `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}`
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`)
}

/** The host in a URL; none that is known where it is no URL. */
function nameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}
