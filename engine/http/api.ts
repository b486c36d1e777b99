/**
 * The HTTP API of an engine (docs/http.md), as a fastify plugin: parsers, error answers and routes are its own, so it can stand in an
 * application beside others.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import type { Engine } from '../api.ts'
import { guardRoutes, type Authenticate } from './access.ts'
import { keyedRequests } from './idempotency.ts'
import { jsonBody } from './json-body.ts'
import { BODY_LIMIT } from './limits.ts'
import { Lifecycle } from './lifecycle.ts'
import { refuseBody } from './no-body.ts'
import { answerNotFound } from './not-found.ts'
import type { Route } from './openapi/document.ts'
import { Problem, problemOf, type ProblemDocument } from './problem.ts'
import { batchRoutes } from './routes/batches.ts'
import { callbackRoutes } from './routes/callbacks.ts'
import { definitionRoute } from './routes/definition.ts'
import { executionRoutes } from './routes/executions.ts'
import { flowRoutes } from './routes/flows.ts'
import { functionRoutes } from './routes/functions.ts'
import { healthRoutes } from './routes/health.ts'
import { httpTriggerRoutes } from './routes/http-triggers.ts'
import { logRoutes } from './routes/logs.ts'
import { nodeRoutes } from './routes/nodes.ts'
import { openApiRoutes } from './routes/openapi.ts'
import { statisticsRoutes } from './routes/statistics.ts'
import { triggerRoutes } from './routes/triggers.ts'
import { RouteTable } from './route-table.ts'

export interface FnflowApiOptions {
  /** The engine that is served; whoever made it closes it. */
  readonly engine: Engine
  /**
   * Finds out who asks, by a request's headers; undefined: 401. Default: everybody may do everything, and it is the application's matter who
   * reaches the API.
   */
  readonly authenticate?: Authenticate
  /** Told of what was answered with 5xx, and of which request: the answer does not say it. Default: nobody. */
  readonly onError?: (error: unknown, requestId?: string) => void
  /** What the server around it is doing; default: it ends when the application closes. */
  readonly lifecycle?: Lifecycle
}

/** Registers the API: `app.register(fnflowApi, { engine, prefix: '/flows' })`. */
export async function fnflowApi(
  app: FastifyInstance,
  { engine, authenticate, onError, lifecycle = new Lifecycle() }: FnflowApiOptions,
): Promise<void> {
  app.decorate('lifecycle', lifecycle)
  app.addHook('preClose', async () => lifecycle.end())
  app.setValidatorCompiler(validatorCompiler)
  // the schemas of answers are for the document and for tests
  app.setSerializerCompiler(() => JSON.stringify)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, ({ headers }, bytes, done) => {
    try {
      done(null, jsonBody(bytes as Buffer, headers['content-type']))
    } catch (error) {
      done(error as Error)
    }
  })
  const table = new RouteTable()
  const routes: Route[] = []
  app.addHook('onRoute', (route) => {
    table.add(route.method, route.url)
    routes.push(route)
    refuseBody(route)
  })
  guardRoutes(app, engine, authenticate)
  keyedRequests(app, engine, (error) => onError?.(error))
  // hooks without promises: each request passes all of them
  app.addHook('onRequest', (request, _reply, done) => done(compressed(request)))
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = problemOf(error)
    // a problem says all there is to it
    if (problem.status >= 500 && !(error instanceof Problem)) onError?.(error, request.id)
    return answer(reply, problem)
  })
  answerNotFound(app, { engine, table, answer })
  const services = { engine }
  await app.register(healthRoutes, services)
  await app.register(openApiRoutes, { routes, apiPrefix: app.prefix })
  await app.register(flowRoutes, services)
  await app.register(executionRoutes, services)
  await app.register(nodeRoutes, services)
  await app.register(logRoutes, services)
  await app.register(statisticsRoutes, services)
  await app.register(batchRoutes, services)
  await app.register(definitionRoute, services)
  await app.register(callbackRoutes, services)
  await app.register(functionRoutes, services)
  await app.register(triggerRoutes, services)
  await app.register(httpTriggerRoutes, { engine, authenticate, bodyLimit: BODY_LIMIT })
}

/** Answers with a problem document. */
export function answer(reply: FastifyReply, problem: ProblemDocument): FastifyReply {
  if (problem.code === 'too-many-executions') void reply.header('retry-after', '1')
  return reply
    .code(problem.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(problem)
}

/** A small body could unpack to a huge one. */
function compressed({ headers }: FastifyRequest): Problem | undefined {
  const encoding = headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return undefined
  return new Problem('unsupported-media-type', `bodies are taken as they are, not with content-encoding ${encoding}`)
}
