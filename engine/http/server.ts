/** A process's own HTTP server around the API: what `fnflow serve` listens with. */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { fastify, type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Access, Caller } from './access.ts'
import { AnswerBatch } from './answer-batch.ts'
import { answer, fnflowApi, type FnflowApiOptions } from './api.ts'
import { Framing } from './framing.ts'
import { Gate, type GateOptions } from './gate.ts'
import { Lifecycle } from './lifecycle.ts'
import { BODY_LIMIT } from './limits.ts'
import { notAllowed } from './not-found.ts'
import { Problem, problemOf } from './problem.ts'
import { requestIdOf } from './request-ids.ts'
import { RouteTable } from './route-table.ts'

export interface ServerOptions extends Omit<FnflowApiOptions, 'authenticate'>, GateOptions {
  /** Whose `X-Forwarded-…` headers are believed: everybody's, those of so many proxies, or of these addresses. Default: nobody's. */
  readonly trustProxy?: boolean | number | readonly string[]
  /** Told of each request that was answered. Default: nobody. */
  readonly onAnswer?: (line: RequestLine) => void
  /** Times that a client has for the head of a request, and for all of it, ms. Default: 10 and 30 s; tests take less. */
  readonly patience?: { readonly headersMs: number; readonly requestMs: number }
}

/** What a log says of a request: nothing that a client could have put a secret into. */
export interface RequestLine {
  readonly requestId: string
  readonly method: string
  /** The pattern, such as `/v1/flows/:name`; `-` where there is none. */
  readonly route: string
  /** 499: the client has left before. */
  readonly status: number
  readonly ms: number
  /** Name of the API key. */
  readonly key?: string
}

const PATIENCE = { headersMs: 10_000, requestMs: 30_000 } as const
/** A server looks so often for requests that take too long; Node's own half a minute would be added to each time. */
const CHECKS_PER_TIME = 10
const MOST_HEADER_BYTES = 16 * 1024
/** A server that closes looks this often for connections that have nothing to do any more, and cuts the others after so long. */
const SWEEP_MS = 100
const CLOSE_MS = 10_000

/** The server, which does not listen yet. As long as there are no keys it is for this machine alone: {@link Gate}. */
export async function createServer({
  onAnswer,
  trustProxy = false,
  patience = PATIENCE,
  ...options
}: ServerOptions): Promise<FastifyInstance> {
  const { engine, onError, lifecycle: given, ...gateOptions } = options
  const lifecycle = given ?? new Lifecycle()
  const table = new RouteTable()
  const app = fastify({
    genReqId: ({ headers }) => requestIdOf(headers),
    logger: false,
    trustProxy: trustedBy(trustProxy),
    bodyLimit: BODY_LIMIT,
    requestTimeout: patience.requestMs,
    forceCloseConnections: 'idle',
    // what comes meanwhile is answered by the routes, as a problem
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    http: {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: patience.headersMs,
      // one without is told so by a problem document
      requireHostHeader: false,
      connectionsCheckingInterval: Math.ceil(patience.headersMs / CHECKS_PER_TIME),
    },
    frameworkErrors: (error, { id }, reply) => void answer(reply.header('x-request-id', id), problemOf(error)),
    clientErrorHandler: (error, socket) => refuse(socket, error, table),
  })
  app.addHook('onRoute', ({ method, url }) => table.add(method, url))
  const framing = new Framing(app.server)
  app.server.on('request', (_request, response: ServerResponse) => lifecycle.entered(response))
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    const problem = framing.refusalOf(request)
    if (problem !== undefined) void reply.header('connection', 'close')
    done(problem ?? (lifecycle.isStopping ? new Problem('shutting-down', 'the server is being stopped') : undefined))
  })
  if (onAnswer !== undefined) tellAnswers(app, onAnswer)
  const gate = new Gate(gateOptions)
  await gate.guard(app)
  const batch = new AnswerBatch()
  app.addHook('onSend', ({ id }, reply, payload, done) => {
    if (lifecycle.isStopping) void reply.header('connection', 'close')
    batch.add(() => {
      try {
        done(null, payload)
      } catch (error) {
        // here nobody is around it: it must not take the answers of others, and the process, with it
        onError?.(error, id)
        reply.raw.destroy()
      }
    })
  })
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    if (problem.status >= 500 && !((error as unknown) instanceof Problem)) onError?.(error, request.id)
    return answer(reply, problem)
  })
  app.addHook('preClose', async () => {
    lifecycle.end()
    const sweeping = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS)
    const cutting = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS)
    app.server.once('close', () => {
      clearInterval(sweeping)
      clearTimeout(cutting)
    })
  })
  const authenticate = (request: FastifyRequest): Caller | undefined => gate.callerOf(request)
  await app.register(fnflowApi, { engine, lifecycle, authenticate, ...(onError === undefined ? {} : { onError }) })
  return app
}

function tellAnswers(app: FastifyInstance, onAnswer: (line: RequestLine) => void): void {
  const tell = (request: FastifyRequest, status: number, ms: number): void => {
    // where it was refused early nobody has looked who asks
    const key = (request.access as Access | undefined)?.key
    const route = request.is404 ? '-' : (request.routeOptions.url ?? '-')
    onAnswer({ requestId: request.id, method: request.method, route, status, ms, ...(key === undefined ? {} : { key }) })
  }
  app.addHook('onResponse', (request, reply, done) => {
    tell(request, reply.statusCode, reply.elapsedTime)
    done()
  })
  app.addHook('onRequestAbort', (request, done) => {
    tell(request, 499, 0)
    done()
  })
}

function trustedBy(trustProxy: boolean | number | readonly string[]): boolean | string[] | ((address: string, hop: number) => boolean) {
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy
  return typeof trustProxy === 'boolean' ? trustProxy : [...trustProxy]
}

/** A first line with a method that Node's parser does not know. */
const FIRST_LINE = /^([\w!#$%&'*+.^`|~-]{1,100}) (\/\S*) HTTP\/1\.[01]\r?\n/

/** Answers what is no request that could be routed, and closes. */
function refuse(socket: Socket, error: Error & { readonly code?: string; readonly rawPacket?: unknown }, table: RouteTable): void {
  const { code, rawPacket } = error
  if (code === 'HPE_INVALID_METHOD') {
    const [, method, url] = FIRST_LINE.exec(Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1', 0, MOST_HEADER_BYTES) : '') ?? []
    if (method !== undefined && url !== undefined) return refuseMethod(socket, method, url, table)
  }
  const problem =
    code === 'HPE_HEADER_OVERFLOW'
      ? new Problem('headers-too-large', `more than ${MOST_HEADER_BYTES / 1024} KiB of headers`)
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new Problem('request-timeout', 'the request did not come in time')
        : new Problem('bad-request', 'this is no HTTP request')
  answerRaw(socket, problem)
}

function refuseMethod(socket: Socket, method: string, url: string, table: RouteTable): void {
  const [path = ''] = url.split('?')
  const allowed = table.methodsOf(path)
  if (allowed.length === 0) answerRaw(socket, new Problem('not-found', 'there is nothing at this path'))
  else answerRaw(socket, notAllowed(method, 'this path', allowed), `\r\nallow: ${allowed.join(', ')}`)
}

function answerRaw(socket: Socket, problem: Problem, headers = ''): void {
  if (!socket.writable) return void socket.destroy()
  const { status, title } = problem.document
  const body = JSON.stringify(problem.document)
  const head = `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${randomUUID()}${headers}`
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`)
}
