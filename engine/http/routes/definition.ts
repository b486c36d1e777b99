import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine, ExecutionDefinition } from '../../api.ts'
import { EngineError } from '../../errors.ts'
import { answer } from '../schemas/answers.ts'
import { executionId, noQuery } from '../schemas/common.ts'
import { flowDefinition } from '../schemas/flows.ts'
import { problems } from '../schemas/problems.ts'

/** What an execution runs (http-api.md, 3). */
export async function definitionRoute(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const get = {
    operationId: 'getExecutionDefinition',
    tags: ['executions'],
    summary: 'The definition that an execution runs',
    params: z.object({ id: executionId }),
    querystring: noQuery,
    response: { 200: answer('the definition', flowDefinition), ...problems('execution-not-found') },
  }
  app.get('/v1/executions/:id/definition', { config: { role: 'viewer' }, schema: get }, async ({ params: { id } }, reply) => {
    const found = await engine.definition(id)
    const text = (await written(engine, found)) ?? JSON.stringify(found.definition)
    // bytes: a text would be sent as a JSON string
    return reply.type('application/json; charset=utf-8').send(Buffer.from(text))
  })
}

/** As somebody wrote it, where the catalogue still has it. */
async function written(engine: Engine, { flow, version, revision }: ExecutionDefinition): Promise<string | undefined> {
  try {
    const found = await engine.catalogue.get(flow, { version })
    return found.hash === revision ? found.json : undefined
  } catch (error) {
    if (error instanceof EngineError && (error.code === 'flow-not-found' || error.code === 'version-not-found')) return undefined
    throw error
  }
}
