import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Engine } from '../../api.ts'
import { answer } from '../schemas/answers.ts'
import { problems } from '../schemas/problems.ts'
import { statistics, statisticsQuery } from '../schemas/statistics.ts'
import { without } from '../without.ts'

/** Counts and durations by flow and period (http-api.md, 4). */
export async function statisticsRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const get = {
    operationId: 'getStatistics',
    tags: ['executions'],
    summary: 'Executions that ended, failures and durations, by flow and period',
    querystring: statisticsQuery,
    response: { 200: answer('by flow, then by time; periods in which nothing ended are left out', statistics), ...problems() },
  }
  app.get('/v1/statistics', { config: { role: 'viewer' }, schema: get }, async ({ query, access }) => ({
    items: await engine.statistics({ ...without(query), ...access.narrowed(query.flow) }),
  }))
}
