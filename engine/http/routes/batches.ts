import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine } from '../../api.ts'
import type { BatchRecord } from '../../batches/api.ts'
import { EngineError } from '../../errors.ts'
import { idOf } from '../idempotency.ts'
import { answer } from '../schemas/answers.ts'
import { batch, batchBody, batchId } from '../schemas/batches.ts'
import { noQuery } from '../schemas/common.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'
import { without } from '../without.ts'

/** What is done to many executions (http-api.md, 3). */
export async function batchRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()

  const create = {
    operationId: 'startBatch',
    tags: ['executions'],
    summary: 'Stops, retries or deletes all executions that a filter selects',
    querystring: noQuery,
    body: batchBody,
    response: { 202: answer('it is begun, and goes on by itself', batch, 'location'), ...problems(...BODY_PROBLEMS, 'express') },
  }
  app.post('/v1/executions::batch', { config: { role: 'operator' }, schema: create }, async (request, reply) => {
    const { access } = request
    const { action, filter } = request.body
    if (action === 'delete') access.require('admin')
    const made = await engine.batches.create({ action, filter: { ...without(filter), ...access.narrowed(filter.flow) }, ...idOf(request) })
    return reply.code(202).header('location', `${plain.prefix}/v1/batches/${made.id}`).send(shown(made))
  })

  const get = {
    operationId: 'getBatch',
    tags: ['executions'],
    summary: 'How far a batch is',
    params: z.object({ id: batchId }),
    querystring: noQuery,
    response: { 200: answer('the batch as it is now', batch), ...problems('batch-not-found', 'express') },
  }
  app.get('/v1/batches/:id', { config: { role: 'viewer' }, schema: get }, async ({ params: { id }, access }) => {
    const found = await engine.batches.get(id)
    const flows = found.filter.flow === undefined ? undefined : [found.filter.flow].flat()
    const isSeen = access.flows === undefined || (flows?.every((flow) => access.sees(flow)) ?? false)
    if (!isSeen) throw new EngineError('batch-not-found', `no batch ${id}`)
    return shown(found)
  })
}

function shown({ filter: _filter, ...record }: BatchRecord) {
  return record
}
