import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine } from '../../api.ts'
import { EngineError, ExecutionFailed, FlowInvalid } from '../../errors.ts'
import { errorOf, summaryOf } from '../documents.ts'
import { startOnce } from '../idempotency.ts'
import { parseJson } from '../json-body.ts'
import { Problem } from '../problem.ts'
import { traceOf } from '../request-ids.ts'
import { answer } from '../schemas/answers.ts'
import { flowName, noQuery } from '../schemas/common.ts'
import { executionSummary, startBody, syncAnswer, syncStartBody } from '../schemas/executions.ts'
import { checkedBody, definitionBody, deployedFlow, validation } from '../schemas/flows.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'

const JSON_TYPE = 'application/json'

/** Definitions, and starts of their flows (http-api.md, 2). */
export async function flowRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  await plain.register(definitionRoutes, { engine })
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ name: flowName })
  const { ending } = plain.lifecycle

  const start = {
    operationId: 'startExecution',
    tags: ['executions'],
    summary: 'Starts an execution of a flow',
    params,
    querystring: noQuery,
    body: startBody,
    response: {
      202: answer('it is started', executionSummary, 'location'),
      ...problems(...BODY_PROBLEMS, 'flow-not-found', 'conflict', 'express'),
    },
  }
  app.post('/v1/flows/:name/executions', { config: { role: 'operator' }, schema: start }, async (request, reply) => {
    const { input = {}, version, name } = request.body
    const options = { input, ...(name === undefined ? {} : { name }), trigger: { type: 'api' }, ...traceOf(request) }
    const execution = await startOnce(engine, request, refOf(request.params.name, version), options)
    return reply
      .code(202)
      .header('location', `/v1/executions/${execution.id}`)
      .send(summaryOf(await execution.describe()))
  })

  const startSync = {
    operationId: 'startSyncExecution',
    tags: ['executions'],
    summary: 'Starts an execution of an express flow and waits for its end',
    params,
    querystring: noQuery,
    body: syncStartBody,
    response: {
      200: answer('it has succeeded', syncAnswer),
      ...problems(...BODY_PROBLEMS, 'flow-not-found', 'not-express', 'execution-failed', 'execution-timed-out'),
    },
  }
  app.post('/v1/flows/:name/sync-executions', { config: { role: 'operator' }, schema: startSync }, async (request) => {
    const { name } = request.params
    const { input = {}, version } = request.body
    const ref = refOf(name, version)
    if ((await engine.flow(ref)).mode !== 'express')
      throw new EngineError('not-express', `flow ${name} is a standard flow, which may take longer than a request; start it by /executions`)
    const execution = await startOnce(engine, request, ref, { input, trigger: { type: 'api' }, ...traceOf(request) })
    try {
      const output = await execution.result({ signal: ending })
      return { execution: summaryOf(await execution.describe()), output }
    } catch (error) {
      if (ending.aborted) throw new Problem('shutting-down', 'the server is being stopped; the execution ends with it')
      if (!(error instanceof ExecutionFailed)) throw error
      const code = error.executionStatus === 'timedOut' ? 'execution-timed-out' : 'execution-failed'
      throw new Problem(code, error.message, { error: errorOf(error.error), execution: summaryOf(await execution.describe()) })
    }
  })
}

/** Bodies here are texts, so that what is wrong with them has a position. */
async function definitionRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  plain.removeAllContentTypeParsers()
  plain.addContentTypeParser([JSON_TYPE, 'application/yaml'], { parseAs: 'string' }, (_request, text, done) => done(null, text))
  const app = plain.withTypeProvider<ZodTypeProvider>()

  const create = {
    operationId: 'createFlow',
    tags: ['flows'],
    summary: 'Deploys a new flow',
    querystring: noQuery,
    body: definitionBody,
    response: {
      201: answer('it is deployed', deployedFlow, 'location'),
      ...problems(...BODY_PROBLEMS, 'malformed-yaml', 'flow-invalid', 'conflict'),
    },
  }
  app.post('/v1/flows', { config: { role: 'admin' }, schema: create }, async (request, reply) => {
    const { text, flow } = await checked(engine, request)
    if (await isThere(engine, flow)) throw new Problem('conflict', `there is a flow ${flow} already; PUT /v1/flows/${flow} replaces it`)
    return reply
      .code(201)
      .header('location', `/v1/flows/${flow}`)
      .send(shown(await engine.deploy(text)))
  })

  const put = {
    operationId: 'putFlow',
    tags: ['flows'],
    summary: 'Deploys a flow, or replaces it',
    params: z.object({ name: flowName }),
    querystring: noQuery,
    body: definitionBody,
    response: {
      200: answer('it is replaced', deployedFlow),
      201: answer('it is deployed', deployedFlow),
      ...problems(...BODY_PROBLEMS, 'malformed-yaml', 'flow-invalid', 'name-mismatch'),
    },
  }
  app.put('/v1/flows/:name', { config: { role: 'admin' }, schema: put }, async (request, reply) => {
    const { name } = request.params
    const { text, flow } = await checked(engine, request)
    if (flow !== name) throw new EngineError('name-mismatch', `the definition is of flow ${flow}, and the path names ${name}`)
    const code = (await isThere(engine, name)) ? 200 : 201
    return reply.code(code).send(shown(await engine.deploy(text)))
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
    const { diagnostics } = await engine.check(textOf(request))
    return { valid: !diagnostics.some(({ severity }) => severity === 'error'), diagnostics }
  })
}

/** The definition of a request, and its flow's name. Throws Problem `malformed-json`, `malformed-yaml`, `flow-invalid`. */
async function checked(engine: Engine, request: FastifyRequest): Promise<{ readonly text: string; readonly flow: string }> {
  const text = textOf(request)
  // YAML takes nearly all JSON, and says less of what is wrong with it
  if (request.headers['content-type']?.startsWith(JSON_TYPE) === true) parseJson(text)
  const { flow, diagnostics } = await engine.check(text)
  if (flow === undefined) throw new FlowInvalid('of the body', diagnostics)
  return { text, flow }
}

function textOf({ body }: FastifyRequest): string {
  if (typeof body !== 'string' || body === '') throw new Problem('bad-request', 'the body must be a definition, as JSON or YAML')
  return body
}

async function isThere(engine: Engine, name: string): Promise<boolean> {
  try {
    await engine.flow(name)
    return true
  } catch (error) {
    if (error instanceof EngineError && error.code === 'flow-not-found') return false
    throw error
  }
}

function refOf(name: string, version: string | undefined): string {
  return version === undefined ? name : `${name}:${version}`
}

function shown({ flow, hash, warnings }: Awaited<ReturnType<Engine['deploy']>>) {
  return { flow, version: 'latest', revision: hash, warnings }
}
