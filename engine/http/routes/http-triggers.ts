import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { answerOf, NoAnswer, type HttpAnswer } from '../../../connectors/http/answer.ts'
import { NotInFormat } from '../../../connectors/format.ts'
import { isCalledJson } from '../../../connectors/http/event.ts'
import type { Json, JsonObject } from '../../../dsl/json.ts'
import { HTTP_METHODS } from '../../../dsl/triggers/http.ts'
import type { Engine, Execution } from '../../api.ts'
import { EngineError, ExecutionFailed } from '../../errors.ts'
import type { HttpTarget } from '../../triggers/api.ts'
import { Access, admitLate, type Authenticate } from '../access.ts'
import { idOf } from '../idempotency.ts'
import { checkCalledJson } from '../json-body.ts'
import { Problem } from '../problem.ts'
import { traceOf } from '../request-ids.ts'
import { Waits } from '../waits.ts'

interface Services {
  readonly engine: Engine
  readonly authenticate: Authenticate | undefined
  readonly bodyLimit: number
}

/** What was found out before the body was read. */
interface Found {
  readonly target: HttpTarget
  readonly claims: JsonObject | undefined
}

/** What ends a wait before its time. */
interface Waiting {
  readonly waits: Waits
  readonly closing: AbortSignal
  readonly raw: FastifyReply['raw']
}

const TOKEN = /^Bearer +([\w.~+/=-]+)$/i

/** What triggers of kind `http` answer, under `/t` (triggers.md, 2). Who may call them is their own matter: no key is asked for by the route. */
export async function httpTriggerRoutes(app: FastifyInstance, { engine, authenticate, bodyLimit }: Services): Promise<void> {
  const { closing } = app.lifecycle
  const waits = new Waits(closing)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, bytes, done) => done(null, bytes))
  const found = new WeakMap<FastifyRequest, Found>()
  const start = `${app.prefix}/t`

  app.route({
    method: [...HTTP_METHODS] as HTTPMethods[],
    url: '/t/*',
    config: { role: null },
    schema: { hide: true } as object,
    // before all else that could answer: nobody learns anything of a trigger that does not take them
    onRequest: async (request, reply) => {
      const target = await targetOf(engine, request, reply, pathOf(request, start))
      found.set(request, { target, claims: await admit(engine, authenticate, target, request, reply) })
    },
    handler: async (request, reply) => {
      const { target, claims } = found.get(request) as Found
      const { flow, trigger } = target
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const type = request.headers['content-type'] ?? ''
      if (isCalledJson(type) && (trigger.format === 'auto' || trigger.format === 'json')) checkCalledJson(body, type)
      const [, query = ''] = /\?(.*)$/s.exec(request.url) ?? []
      const delivered = await engine.triggers
        .deliver(
          target,
          {
            method: request.method,
            path: pathOf(request, start),
            query,
            params: target.params,
            headers: request.headers,
            body,
            requestId: request.id,
            sourceIp: request.ip,
            ...(claims === undefined ? {} : { claims }),
          },
          { ...keyOf(request), ...idOf(request), ...traceOf(request) },
        )
        .catch((error: unknown) => {
          if (error instanceof NotInFormat) throw new Problem('invalid-body', `the body is not what the trigger takes: ${error.message}`)
          if (error instanceof EngineError && error.code === 'too-many-executions') void reply.header('retry-after', '1')
          throw error
        })
      if (!('execution' in delivered)) return reply.code(204).send()
      const { execution } = delivered
      if (trigger.mode === 'async') return reply.code(202).send({ executionId: execution.id })
      try {
        const answer = answerFor(await outputOf(execution, trigger.timeoutMs, { waits, closing, raw: reply.raw }), flow, execution.id)
        if (answer.status > 299) await keepKey(request)
        return await send(reply, answer)
      } catch (error) {
        await keepKey(request)
        throw error
      }
    },
  })
}

async function targetOf(engine: Engine, { method }: FastifyRequest, reply: FastifyReply, path: string): Promise<HttpTarget> {
  const target = await engine.triggers.route(method, path)
  if ('flow' in target) return target
  if (target.allowed.length === 0) throw new Problem('not-found', `there is no trigger at ${path}`)
  void reply.header('allow', target.allowed.join(', '))
  throw new Problem('method-not-allowed', `the trigger at ${path} takes ${target.allowed.join(', ')}, not ${method}`)
}

/** Holds a request to the trigger's `auth`. Resolves to what a token says of its bearer. */
async function admit(
  engine: Engine,
  authenticate: Authenticate | undefined,
  { flow, trigger }: HttpTarget,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<JsonObject | undefined> {
  if (trigger.auth === 'none') return undefined
  if (trigger.auth === 'key') {
    await admitLate(request, reply, 'operator', authenticate)
    if (!request.access.sees(flow)) throw new Problem('not-found', 'there is no trigger at this path')
    return undefined
  }
  const token = TOKEN.exec(request.headers.authorization ?? '')?.[1]
  const claims = token === undefined ? undefined : await engine.triggers.claims(trigger, token)
  if (claims !== undefined) {
    // keys of requests are each bearer's own
    request.access = new Access({ name: `jwt ${String(claims['sub'] ?? '')}`, role: 'viewer', flows: [] })
    return claims
  }
  void reply.header('www-authenticate', `Bearer realm="fnflow"${token === undefined ? '' : ', error="invalid_token"'}`)
  throw new Problem('unauthorized', token === undefined ? 'this takes a token: Authorization: Bearer <JWT>' : 'the token is not taken')
}

/** What makes the execution's id: the key of a request, of whoever sends it. */
function keyOf(request: FastifyRequest): { readonly key?: readonly string[] } {
  const key = request.headers['idempotency-key']
  if (key === undefined) return {}
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw new Problem('bad-request', 'Idempotency-Key: 1 to 255 visible ASCII characters are expected, and one header of that name')
  return { key: [request.access.key ?? '', request.method, request.url, key] }
}

/** There is an execution: whoever comes with the key again gets this one, also where its answer is none that is kept. */
async function keepKey(request: FastifyRequest): Promise<void> {
  const { turn } = request
  request.turn = null
  await turn?.release()
}

/** Throws Problem `execution-timed-out`, `execution-failed` (502, without the error: it is for those who may see the execution), `shutting-down`. */
async function outputOf(execution: Execution, timeoutMs: number, { waits, closing, raw }: Waiting): Promise<Json> {
  const { id: executionId } = execution
  try {
    if (closing.aborted) throw new EngineError('aborted', 'the server is being stopped')
    return await waits.within(timeoutMs, (signal) => execution.result({ signal }), raw)
  } catch (error) {
    if (error instanceof ExecutionFailed) throw failed('the flow has failed', executionId)
    if (!(error instanceof EngineError) || error.code !== 'aborted') throw error
    if (closing.aborted) throw new Problem('shutting-down', 'the server is being stopped; the execution goes on', { executionId })
    throw new Problem('execution-timed-out', `the flow did not end within ${timeoutMs / 1000} s; it goes on`, { executionId })
  }
}

function answerFor(output: Json, flow: string, executionId: string): HttpAnswer {
  try {
    return answerOf(output)
  } catch (error) {
    if (error instanceof NoAnswer) throw failed(`the output of flow ${flow} is no HTTP answer: ${error.message}`, executionId)
    throw error
  }
}

function failed(detail: string, executionId: string): Problem {
  return new Problem('execution-failed', detail, { status: 502, title: 'Bad Gateway', executionId })
}

function send(reply: FastifyReply, { status, headers, body }: HttpAnswer): FastifyReply {
  void reply.code(status)
  for (const [name, value] of headers) void reply.header(name, value)
  return reply.send(body)
}

/** Behind `/t`, as it came. */
function pathOf({ url }: FastifyRequest, start: string): string {
  const [path = ''] = url.split('?')
  return path.slice(start.length)
}
