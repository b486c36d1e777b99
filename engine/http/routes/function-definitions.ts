import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine } from '../../api.ts'
import { EngineError } from '../../errors.ts'
import type { FunctionPutOptions, FunctionPutResult } from '../../function-uploads/api.ts'
import { preconditionsOf } from '../conditions.ts'
import { idOf } from '../idempotency.ts'
import { CODE_BODY_LIMIT } from '../limits.ts'
import { Problem } from '../problem.ts'
import { answer, emptyAnswer } from '../schemas/answers.ts'
import { noQuery } from '../schemas/common.ts'
import { putHeaders, removeHeaders } from '../schemas/flows.ts'
import { appName, functionDefinition, functionDocument, functionName } from '../schemas/functions.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'

const PUT_PROBLEMS = [...BODY_PROBLEMS, 'function-invalid', 'name-mismatch', 'conflict'] as const

/** Functions that are put with their code (http-api.md, 4). The schema is that of functions.yaml, so that every problem is a diagnostic. */
export async function functionDefinitionRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ app: appName, name: functionName })

  const create = {
    operationId: 'createFunction',
    tags: ['functions'],
    summary: 'Puts a new function with its code',
    querystring: noQuery,
    body: functionDefinition,
    response: { 201: answer('it is there', functionDocument, 'location', 'etag'), ...problems(...PUT_PROBLEMS) },
  }
  app.post('/v1/functions', { config: { role: 'admin' }, bodyLimit: CODE_BODY_LIMIT, schema: create }, async (request, reply) => {
    mustSeeAll(request)
    const { function: made, etag } = await createNew(engine, request)
    return reply
      .code(201)
      .headers({ etag: `"${etag}"`, location: `${plain.prefix}/v1/functions/${made.app}/${made.name}` })
      .send(made)
  })

  const put = {
    operationId: 'putFunction',
    tags: ['functions'],
    summary: 'Puts a function with its code, or replaces it; what runs goes on with the code that it has',
    params,
    querystring: noQuery,
    headers: putHeaders,
    body: functionDefinition,
    response: {
      200: answer('it is replaced', functionDocument, 'etag'),
      201: answer('it is there', functionDocument, 'location', 'etag'),
      ...problems(...PUT_PROBLEMS, 'precondition-failed'),
    },
  }
  const putOptions = { config: { role: 'admin' }, bodyLimit: CODE_BODY_LIMIT, schema: put } as const
  app.put('/v1/functions/:app/:name', putOptions, async (request, reply) => {
    mustSeeAll(request)
    const name = `${request.params.app}/${request.params.name}`
    const { function: made, created, etag } = await putBody(engine, request, { name, ...preconditionsOf(request.headers) })
    if (created) void reply.header('location', `${plain.prefix}/v1/functions/${made.app}/${made.name}`)
    return reply
      .code(created ? 201 : 200)
      .header('etag', `"${etag}"`)
      .send(made)
  })

  const remove = {
    operationId: 'deleteFunction',
    tags: ['functions'],
    summary: 'Deletes a function that was put; what runs goes on',
    params,
    querystring: noQuery,
    headers: removeHeaders,
    response: {
      204: emptyAnswer('it is deleted'),
      ...problems('function-not-found', 'conflict', 'precondition-failed'),
    },
  }
  app.delete('/v1/functions/:app/:name', { config: { role: 'admin' }, schema: remove }, async (request, reply) => {
    mustSeeAll(request)
    const { params: of, headers } = request
    await engine.functions.remove(`${of.app}/${of.name}`, preconditionsOf({ 'if-match': headers['if-match'] }))
    return reply.code(204).send()
  })
}

/** A function is every flow's that calls it. Throws Problem `forbidden`. */
function mustSeeAll({ access }: FastifyRequest): void {
  if (access.flows !== undefined) throw new Problem('forbidden', 'functions are shared by all flows: this takes a key without a flow list')
}

/** Rejects as `engine.functions.put`, and with Problem `bad-request` where there is no body. */
async function putBody(engine: Engine, { body, headers }: FastifyRequest, options: FunctionPutOptions): Promise<FunctionPutResult> {
  // fastify has null for no body, too
  if (body === undefined || (body === null && headers['content-type'] === undefined))
    throw new Problem('bad-request', 'the body must be a function: its definition, and its code as a zip in base64')
  return engine.functions.put(body as object, options)
}

/** Throws Problem `conflict` for a name that exists. */
async function createNew(engine: Engine, request: FastifyRequest): Promise<FunctionPutResult> {
  try {
    return await putBody(engine, request, { ifNoneMatch: '*', ...idOf(request) })
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'precondition-failed')) throw error
    throw new Problem('conflict', 'there is a function of that name already; PUT /v1/functions/{app}/{name} replaces it')
  }
}
