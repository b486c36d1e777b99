import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine } from '../../api.ts'
import { ExecutionFailed } from '../../errors.ts'
import { API_TRIGGER } from '../../intake.ts'
import { absentBody } from '../absent-body.ts'
import { errorOf, summaryOf } from '../documents.ts'
import { startOnce } from '../idempotency.ts'
import { Problem } from '../problem.ts'
import { traceOf } from '../request-ids.ts'
import { answer } from '../schemas/answers.ts'
import { flowName, noQuery } from '../schemas/common.ts'
import { executionSummary, startBody, syncAnswer, syncStartBody } from '../schemas/executions.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'
import { Waits } from '../waits.ts'
import { definitionRoutes } from './definitions.ts'
import { versionRoutes } from './versions.ts'

/** Flows: their definitions, versions and aliases, and starts (http-api.md, 2). */
export async function flowRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  await plain.register(definitionRoutes, { engine })
  await plain.register(versionRoutes, { engine })
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ name: flowName })
  const waits = new Waits(plain.lifecycle.ending)

  const start = {
    operationId: 'startExecution',
    tags: ['executions'],
    summary: 'Starts an execution of a flow',
    params,
    querystring: noQuery,
    body: startBody.optional(),
    response: {
      202: answer('it is started', executionSummary, 'location'),
      ...problems(...BODY_PROBLEMS, 'flow-not-found', 'version-not-found', 'conflict', 'express', 'too-many-executions'),
    },
  }
  app.post(
    '/v1/flows/:name/executions',
    { config: { role: 'operator' }, preValidation: absentBody, schema: start },
    async (request, reply) => {
      const { input = {}, version, name } = request.body ?? {}
      const options = { input, ...(name === undefined ? {} : { name }), trigger: API_TRIGGER, ...traceOf(request) }
      const execution = await startOnce(engine, request, refOf(request.params.name, version), options)
      return reply
        .code(202)
        .header('location', `${plain.prefix}/v1/executions/${execution.id}`)
        .send(summaryOf(await execution.describe()))
    },
  )

  const startSync = {
    operationId: 'startSyncExecution',
    tags: ['executions'],
    summary: 'Starts an execution of an express flow and waits for its end',
    params,
    querystring: noQuery,
    body: syncStartBody.optional(),
    response: {
      200: answer('it has succeeded', syncAnswer),
      ...problems(...BODY_PROBLEMS, 'flow-not-found', 'version-not-found', 'not-express', 'execution-failed', 'execution-timed-out'),
    },
  }
  app.post(
    '/v1/flows/:name/sync-executions',
    { config: { role: 'operator' }, preValidation: absentBody, schema: startSync },
    async (request) => {
      const { name } = request.params
      const { input = {}, version } = request.body ?? {}
      const execution = await startOnce(engine, request, refOf(name, version), {
        input,
        mode: 'express',
        unlisted: true,
        trigger: API_TRIGGER,
        ...traceOf(request),
      })
      try {
        const output = await waits.orEnd(execution.result())
        if (output === undefined) throw new Problem('shutting-down', 'the server is being stopped; the execution ends with it')
        return { execution: summaryOf(await execution.describe()), output }
      } catch (error) {
        if (!(error instanceof ExecutionFailed)) throw error
        const code = error.executionStatus === 'timedOut' ? 'execution-timed-out' : 'execution-failed'
        throw new Problem(code, error.message, { error: errorOf(error.error), execution: summaryOf(await execution.describe()) })
      }
    },
  )
}

function refOf(name: string, version: string | undefined): string {
  return version === undefined ? name : `${name}:${version}`
}
