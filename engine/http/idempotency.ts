/**
 * `Idempotency-Key` on every POST (http-api.md, 1): a request is made once, and its answer is given again. Three hooks on each route do it, behind
 * its own checks and those of who may do what; routes hand `request.turn`'s id to what they make, so that a request whose process died finds it.
 */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Engine, Execution, StartOptions } from '../api.ts'
import { EngineError, type EngineErrorCode } from '../errors.ts'
import type { RequestTurn } from '../idempotency.ts'
import { decodeAnswer, encodeAnswer, type KeptAnswer } from './kept-answer.ts'
import { Problem } from './problem.ts'
import { hashJson, hashOf } from './value-hash.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a request with a key. */
    turn: RequestTurn | null
    /** Of a request with a key: SHA-256 of what it asks for. */
    contentHash: Buffer | null
  }
}

const KEY = /^[\x21-\x7e]{1,255}$/
/** Headers, beside the body, that say what is asked for. */
const ASKING = ['x-invoke-type', 'x-log-type', 'if-match', 'if-none-match'] as const
/** Headers of one answer, not of its content. */
const PASSING =
  /^(?:connection|keep-alive|transfer-encoding|content-length|date|server-timing|traceparent|tracestate|retry-after|x-request-id|(?:x-)?ratelimit-.*|access-control-.*)$/
/** Problems after which it is not known what has become of the request: it may have had its effect. */
const UNCERTAIN: readonly number[] = [499, 500, 503]

/** Adds the hooks, before the routes are added and behind the hooks that check who asks. */
export function keyedRequests(app: FastifyInstance, engine: Engine, onError: (error: unknown) => void): void {
  const { closing } = app.lifecycle
  app.decorateRequest('turn', null)
  app.decorateRequest('contentHash', null)
  app.addHook('onRoute', (route) => {
    if (![route.method].flat().includes('POST')) return
    // of the body as it came: schemas put defaults in
    // without promises where there is no key: that is most requests
    add(route, 'preValidation', (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void) => {
      try {
        if (keyOf(request) !== undefined) request.contentHash = contentOf(request)
      } catch (error) {
        return done(error as Error)
      }
      done()
    })
    add(route, 'preHandler', (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => {
      if (request.contentHash === null) return done()
      begin(engine, request, reply, closing).then((turn) => {
        if (turn !== null) turn.run(done)
      }, done)
    })
    add(
      route,
      'onSend',
      (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: (error: null, payload: unknown) => void) => {
        const { turn } = request
        if (turn === null) return done(null, payload)
        request.turn = null
        end(turn, reply, payload).then(
          (answer) => done(null, answer),
          (error: unknown) => {
            // the effect is there, and its answer true; whoever repeats the request finds it by its id
            onError(error)
            done(null, payload)
          },
        )
      },
    )
  })
}

/** What a start, retry, rerun or callback of this request takes: the same id when it is made again. */
export function idOf({ turn }: FastifyRequest): { readonly id?: string } {
  return turn === null ? {} : { id: turn.id }
}

/** Starts an execution, or finds the one that the request has started before: its flow may be gone, or another, by now. Rejects as `engine.start`. */
export async function startOnce(engine: Engine, request: FastifyRequest, flow: string, options: StartOptions): Promise<Execution> {
  const { turn } = request
  if (turn?.repeated === true) {
    try {
      return await engine.execution(turn.id)
    } catch (error) {
      if (!isCode(error, 'execution-not-found')) throw error
    }
  }
  return engine.start(flow, { ...options, ...idOf(request) })
}

/** Stops an execution; one that a repeated request finds stopped is. Rejects as `engine.stop`. */
export async function stopOnce(engine: Engine, { turn }: FastifyRequest, id: string): Promise<void> {
  try {
    await engine.stop(id)
  } catch (error) {
    const isStopped =
      turn?.repeated === true && isCode(error, 'execution-not-running') && (await engine.describe(id)).status === 'cancelled'
    if (!isStopped) throw error
  }
}

function isCode(error: unknown, code: EngineErrorCode): boolean {
  return error instanceof EngineError && error.code === code
}

type Stage = 'preValidation' | 'preHandler' | 'onSend'

function add(route: RouteOptions, stage: Stage, hook: unknown): void {
  route[stage] = [...[route[stage] ?? []].flat(), hook] as never
}

/** Throws Problem `bad-request`. */
function keyOf({ method, headers }: FastifyRequest): string | undefined {
  if (method !== 'POST') return undefined
  const key = headers['idempotency-key'] as string | undefined
  if (key !== undefined && !KEY.test(key))
    throw new Problem('bad-request', 'Idempotency-Key: 1 to 255 visible ASCII characters are expected, and one header of that name')
  return key
}

/** The request's turn; null when it has been answered. */
async function begin(engine: Engine, request: FastifyRequest, reply: FastifyReply, closing: AbortSignal): Promise<RequestTurn | null> {
  const left = new AbortController()
  const leave = (): void => left.abort()
  reply.raw.once('close', leave)
  try {
    const { access, contentHash } = request
    const key = hashOf(access.key ?? '', request.method, pathOf(request), keyOf(request) as string)
    const signal = AbortSignal.any([left.signal, closing])
    const { answer, turn } = await engine.idempotency.begin({ key, content: contentHash as Buffer, signal })
    if (turn !== undefined) return (request.turn = turn)
    void reply.header('idempotency-replayed', 'true').send(use(reply, await decodeAnswer(answer)))
    return null
  } catch (error) {
    if (closing.aborted && isCode(error, 'aborted')) throw new Problem('shutting-down', 'the server is being stopped')
    throw error
  } finally {
    reply.raw.off('close', leave)
  }
}

/** Stores the answer before it leaves, or what else has become of the request. Resolves to the payload to send. */
async function end(turn: RequestTurn, reply: FastifyReply, payload: unknown): Promise<unknown> {
  const { statusCode: status } = reply
  if (status < 200 || status > 299) {
    const isUncertain = UNCERTAIN.includes(status) && String(reply.getHeader('content-type')).startsWith('application/problem+json')
    if (isUncertain || turn.repeated) await turn.release()
    else await turn.drop()
    return payload
  }
  const body = bytesOf(payload)
  if (body === undefined) {
    // a stream of a plugin's: it is made again
    await turn.release()
    return payload
  }
  const headers = Object.fromEntries(
    Object.entries(reply.getHeaders()).filter(
      (header): header is [string, number | string | string[]] => header[1] !== undefined && !PASSING.test(header[0]),
    ),
  )
  const other = await turn.keep(await encodeAnswer({ status, headers, body }))
  return other === undefined ? payload : use(reply, await decodeAnswer(other))
}

/** Makes a kept answer the reply's; returns its body. */
function use(reply: FastifyReply, { status, headers, body }: KeptAnswer): Buffer {
  void reply.code(status).headers(headers)
  reply.removeHeader('content-length')
  return body
}

function bytesOf(payload: unknown): Buffer | undefined {
  if (payload === undefined || payload === null) return Buffer.alloc(0)
  if (typeof payload === 'string') return Buffer.from(payload)
  return payload instanceof Uint8Array ? Buffer.from(payload) : undefined
}

/** Written in one way only: letters and digits need not be escaped, and may be. */
function pathOf({ url }: FastifyRequest): string {
  const [path = ''] = url.split('?')
  return path
    .split('/')
    .map((part) => encodeURIComponent(decodeURIComponent(part)))
    .join('/')
}

/** JSON is compared as the value that it is; what else there is, YAML say, as its text: its comments are kept as well. */
function contentOf({ url, headers, body: given }: FastifyRequest): Buffer {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([url.slice(pathEnd(url)), ...ASKING.map((name) => headers[name] ?? null)]))
  const isJson = /^application\/json\b/i.test(headers['content-type'] ?? '')
  // definitions come as bytes
  const body = isJson && Buffer.isBuffer(given) ? given.toString() : given
  const value = typeof body === 'string' && isJson ? parsed(body) : body
  if (value === undefined) hash.update('none')
  else if (value instanceof Uint8Array) hash.update('bytes:').update(value)
  else hashJson(hash.update(typeof body === 'string' && value === body ? 'text:' : 'json:'), value)
  return hash.digest()
}

function pathEnd(url: string): number {
  const at = url.indexOf('?')
  return at === -1 ? url.length : at
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // the route says what is wrong with it
    return text
  }
}
