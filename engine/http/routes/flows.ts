import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine } from '../../api.ts'
import { EngineError, ExecutionFailed, FlowInvalid } from '../../errors.ts'
import { errorOf, summaryOf } from '../documents.ts'
import { parseJson } from '../json-body.ts'
import { Problem } from '../problem.ts'
import { executionId, flowName, startBody } from '../schemas.ts'

const JSON_TYPE = 'application/json'

/** Definitions, and starts of their flows (http-api.md, 2). */
export async function flowRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  await plain.register(definitionRoutes, { engine })
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ name: flowName })
  const closing = new AbortController()
  plain.addHook('preClose', async () => closing.abort())

  app.post(
    '/v1/flows/:name/executions',
    { config: { role: 'operator' }, schema: { params, body: startBody } },
    async ({ params: { name }, body }, reply) => {
      const { input = {}, version } = body
      const execution = await engine.start(refOf(name, version), { input, trigger: { type: 'api' } })
      return reply
        .code(202)
        .header('location', `/v1/executions/${execution.id}`)
        .send(summaryOf(await execution.describe()))
    },
  )

  app.post(
    '/v1/flows/:name/sync-executions',
    { config: { role: 'operator' }, schema: { params, body: startBody } },
    async ({ params: { name }, body }) => {
      const { input = {}, version } = body
      const ref = refOf(name, version)
      if ((await engine.flow(ref)).mode !== 'express')
        throw new EngineError(
          'not-express',
          `flow ${name} is a standard flow, which may take longer than a request; start it by /executions`,
        )
      const execution = await engine.start(ref, { input, trigger: { type: 'api' } })
      try {
        const output = await execution.result({ signal: closing.signal })
        return { execution: summaryOf(await execution.describe()), output }
      } catch (error) {
        if (!(error instanceof ExecutionFailed)) throw error
        const code = error.executionStatus === 'timedOut' ? 'execution-timed-out' : 'execution-failed'
        throw new Problem(code, error.message, { error: errorOf(error.error), execution: summaryOf(await execution.describe()) })
      }
    },
  )
}

/** Bodies here are texts, so that what is wrong with them has a position. */
async function definitionRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  plain.removeAllContentTypeParsers()
  plain.addContentTypeParser([JSON_TYPE, 'application/yaml'], { parseAs: 'string' }, (_request, text, done) => done(null, text))
  const app = plain.withTypeProvider<ZodTypeProvider>()

  app.post('/v1/flows', { config: { role: 'admin' } }, async (request, reply) => {
    const { text, flow } = await checked(engine, request)
    if (await isThere(engine, flow)) throw new Problem('conflict', `there is a flow ${flow} already; PUT /v1/flows/${flow} replaces it`)
    return reply
      .code(201)
      .header('location', `/v1/flows/${flow}`)
      .send(shown(await engine.deploy(text)))
  })

  app.put('/v1/flows/:name', { config: { role: 'admin' }, schema: { params: z.object({ name: executionId }) } }, async (request, reply) => {
    const { name } = request.params
    const { text, flow } = await checked(engine, request)
    if (flow !== name) throw new Problem('name-mismatch', `the definition is of flow ${flow}, and the path names ${name}`)
    const code = (await isThere(engine, name)) ? 200 : 201
    return reply.code(code).send(shown(await engine.deploy(text)))
  })

  app.post('/v1/flows::validate', { config: { role: 'viewer' } }, async (request) => {
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
