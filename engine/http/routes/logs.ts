import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine } from '../../api.ts'
import { logStream, positionOf, sendStream } from '../events.ts'
import { Problem } from '../problem.ts'
import { executionId, lastEventId } from '../schemas/common.ts'
import { logAnswer, logQuery } from '../schemas/nodes.ts'
import { problems } from '../schemas/problems.ts'

/** What functions have logged (http-api.md, 3). */
export async function logRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const { closing } = plain.lifecycle

  const logs = {
    operationId: 'listLogs',
    tags: ['executions'],
    summary: 'What the functions of an execution have logged',
    params: z.object({ id: executionId }),
    querystring: logQuery,
    headers: lastEventId('Of a stream: only the lines behind this one.'),
    response: { 200: logAnswer, ...problems('execution-not-found', 'express') },
  }
  app.get('/v1/executions/:id/logs', { config: { role: 'viewer' }, schema: logs }, async (request, reply) => {
    const { id } = request.params
    const { follow, limit, cursor } = request.query
    if (follow !== 'true') {
      return engine.logs(id, { ...(limit === undefined ? {} : { limit }), ...(cursor === undefined ? {} : { cursor }) })
    }
    if (limit !== undefined || cursor !== undefined)
      throw new Problem('bad-request', 'follow tells all lines; limit and cursor are for pages, Last-Event-ID for a stream')
    const after = positionOf(request.headers['last-event-id'])
    return sendStream(reply, closing, (signal) => logStream(engine, id, after, signal))
  })
}
