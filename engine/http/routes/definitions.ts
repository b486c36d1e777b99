import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine } from '../../api.ts'
import type { CatalogueFlow } from '../../catalogue/api.ts'
import { yamlOf } from '../../catalogue/source.ts'
import { EngineError } from '../../errors.ts'
import { isKnown, preconditionsOf, prefersYaml } from '../conditions.ts'
import { checkDefinition, putDefinition } from '../definitions.ts'
import { idOf } from '../idempotency.ts'
import { BODY_LIMIT } from '../limits.ts'
import { Problem } from '../problem.ts'
import { answer, emptyAnswer } from '../schemas/answers.ts'
import { cursor, flowName, limit, noQuery } from '../schemas/common.ts'
import {
  checkedBody,
  definitionAnswer,
  definitionBody,
  definitionQuery,
  deployedFlow,
  flowPage,
  putHeaders,
  readHeaders,
  removeHeaders,
  removeQuery,
  validation,
} from '../schemas/flows.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'
import { without } from '../without.ts'

const TEXT_PROBLEMS = ['malformed-yaml', 'flow-invalid', ...BODY_PROBLEMS] as const

/** Definitions (http-api.md, 2). Bodies are taken as bytes, so that what is wrong with them has a position. */
export async function definitionRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  plain.removeAllContentTypeParsers()
  const types = ['application/json', 'application/yaml']
  plain.addContentTypeParser(types, { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, (_request, bytes, done) => done(null, bytes))
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ name: flowName })

  const create = {
    operationId: 'createFlow',
    tags: ['flows'],
    summary: 'Deploys a new flow',
    querystring: noQuery,
    body: definitionBody,
    response: {
      201: answer('it is deployed', deployedFlow, 'location', 'etag', 'vary'),
      ...problems(...TEXT_PROBLEMS, 'conflict', 'path-taken', 'not-express'),
    },
  }
  app.post('/v1/flows', { config: { role: 'admin' }, schema: create }, async (request, reply) => {
    const { etag, ...put } = await createNew(engine, request)
    return reply
      .code(201)
      .headers({ ...tagged(reply, etag), location: `/v1/flows/${put.flow}` })
      .send(put)
  })

  const put = {
    operationId: 'putFlow',
    tags: ['flows'],
    summary: 'Deploys a flow, or replaces it',
    params,
    querystring: noQuery,
    headers: putHeaders,
    body: definitionBody,
    response: {
      200: answer('it is replaced', deployedFlow, 'etag', 'vary'),
      201: answer('it is deployed', deployedFlow, 'location', 'etag', 'vary'),
      ...problems(...TEXT_PROBLEMS, 'flow-not-found', 'name-mismatch', 'precondition-failed', 'conflict', 'path-taken', 'not-express'),
    },
  }
  app.put('/v1/flows/:name', { config: { role: 'admin' }, schema: put }, async (request, reply) => {
    const { name } = request.params
    const result = await putDefinition(engine, request, { name, ...preconditionsOf(request.headers) })
    const { created, etag, warnings } = result
    if (created) void reply.header('location', `${plain.prefix}/v1/flows/${name}`)
    return reply
      .code(created ? 201 : 200)
      .headers(tagged(reply, etag))
      .send({ ...shown(result), warnings })
  })

  const validate = {
    operationId: 'validateFlow',
    tags: ['flows'],
    summary: 'Checks a definition; nothing is deployed',
    querystring: noQuery,
    body: checkedBody,
    response: { 200: answer('what deploying it would say', validation), ...problems('payload-too-large', 'unsupported-media-type') },
  }
  app.post('/v1/flows::validate', { config: { role: 'viewer' }, schema: validate }, async (request) => {
    const found = await checkDefinition(engine, request)
    // which flows there are is not for a key that sees some of them
    const diagnostics = request.access.flows === undefined ? found : found.filter(({ rule }) => rule !== 'unknown-flow')
    return { valid: !diagnostics.some(({ severity }) => severity === 'error'), diagnostics }
  })

  const list = {
    operationId: 'listFlows',
    tags: ['flows'],
    summary: 'Lists the flows, newest first',
    querystring: z.strictObject({ limit: limit.optional(), cursor: cursor.optional() }),
    response: { 200: answer('a page of flows', flowPage), ...problems() },
  }
  app.get('/v1/flows', { config: { role: 'viewer' }, schema: list }, async ({ query, access: { flows } }) => {
    const { items, nextCursor } = await engine.catalogue.list({ ...without(query), ...(flows === undefined ? {} : { among: flows }) })
    return { items: items.map(shown), ...(nextCursor === undefined ? {} : { nextCursor }) }
  })

  const get = {
    operationId: 'getFlow',
    tags: ['flows'],
    summary: 'Shows the definition of a flow',
    params,
    querystring: definitionQuery,
    headers: readHeaders,
    response: {
      200: definitionAnswer('the definition', 'etag', 'vary'),
      304: emptyAnswer('it is as it was known', 'etag', 'vary'),
      ...problems('flow-not-found', 'version-not-found', 'conflict'),
    },
  }
  app.get('/v1/flows/:name', { config: { role: 'viewer' }, schema: get }, async ({ params: { name }, query, headers }, reply) => {
    const found = await engine.catalogue.get(name, without(query))
    void reply.headers(tagged(reply, found.etag))
    if (isKnown(found.etag, headers['if-none-match'])) return reply.code(304).send()
    const isYaml = prefersYaml(headers['accept'] as string | undefined)
    // bytes: a text would be sent as a JSON string
    const body = Buffer.from(isYaml ? await yamlOf(found) : found.json)
    return reply.type(isYaml ? 'application/yaml' : 'application/json; charset=utf-8').send(body)
  })

  const remove = {
    operationId: 'deleteFlow',
    tags: ['flows'],
    summary: 'Deletes a flow with its versions and aliases; records stay',
    params,
    querystring: removeQuery,
    headers: removeHeaders,
    response: { 204: emptyAnswer('it is deleted'), ...problems('flow-not-found', 'flow-running', 'precondition-failed') },
  }
  app.delete('/v1/flows/:name', { config: { role: 'admin' }, schema: remove }, async ({ params: { name }, query, headers }, reply) => {
    const { ifMatch } = preconditionsOf({ 'if-match': headers['if-match'] })
    await engine.catalogue.remove(name, { force: query.force === 'true', ...(ifMatch === undefined ? {} : { ifMatch }) })
    return reply.code(204).send()
  })
}

/** Throws Problem `conflict` for a name that exists, and as {@link putDefinition}. */
async function createNew(engine: Engine, request: FastifyRequest) {
  try {
    const put = await putDefinition(engine, request, { ifNoneMatch: '*', ...idOf(request) })
    return { ...shown(put), warnings: put.warnings, etag: put.etag }
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'precondition-failed')) throw error
    throw new Problem('conflict', 'there is a flow of that name already; PUT /v1/flows/{name} replaces it')
  }
}

/** One ETag for JSON and YAML: so caches must be told that there are two, beside what the answer varies by already. */
function tagged(reply: FastifyReply, etag: string): { readonly etag: string; readonly vary: string } {
  const before = reply.getHeader('vary')
  return { etag: `"${etag}"`, vary: before === undefined ? 'accept' : `${String(before)}, accept` }
}

function shown({ flow, version, hash, mode, deployedAt }: CatalogueFlow) {
  return { flow, version, revision: hash, mode, deployedAt }
}
