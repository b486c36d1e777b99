import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine, ExecutionRecord } from '../../api.ts'
import { EngineError, ExecutionFailed } from '../../errors.ts'
import { absentBody } from '../absent-body.ts'
import { executionOf, summaryOf } from '../documents.ts'
import { eventStream, positionOf, sendStream } from '../events.ts'
import { idOf, stopOnce } from '../idempotency.ts'
import { traceOf } from '../request-ids.ts'
import { answer, emptyAnswer, textAnswer } from '../schemas/answers.ts'
import { executionId, lastEventId, noQuery, waitSeconds } from '../schemas/common.ts'
import { execution, executionPage, executionQuery, executionSummary, rerunBody, rerunPlan } from '../schemas/executions.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'
import { Waits } from '../waits.ts'
import { without } from '../without.ts'

/** Executions (http-api.md, 3). */
export async function executionRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ id: executionId })
  const { closing } = plain.lifecycle
  const waits = new Waits(closing)

  const list = {
    operationId: 'listExecutions',
    tags: ['executions'],
    summary: 'Executions, newest first',
    querystring: executionQuery,
    response: { 200: answer('a page of them', executionPage), ...problems() },
  }
  app.get('/v1/executions', { config: { role: 'viewer' }, schema: list }, async ({ query, access }) => {
    const { items, nextCursor } = await engine.list({ ...without(query), ...access.narrowed(query.flow) })
    return { items: items.map(summaryOf), ...(nextCursor === undefined ? {} : { nextCursor }) }
  })

  const get = {
    operationId: 'getExecution',
    tags: ['executions'],
    summary: 'An execution, at once or when it has ended',
    params,
    querystring: z.strictObject({ wait: waitSeconds.optional() }),
    response: { 200: answer('the execution as it is now', execution), ...problems('execution-not-found') },
  }
  app.get('/v1/executions/:id', { config: { role: 'viewer' }, schema: get }, async ({ params: { id }, query: { wait } }, { raw }) => {
    const record = await engine.describe(id)
    if (wait === undefined || wait === 0 || record.status !== 'running') return executionOf(record)
    if (!closing.aborted) await waits.within(wait * 1000, (signal) => ended(engine, id, signal), raw)
    return executionOf(await engine.describe(id))
  })

  const remove = {
    operationId: 'deleteExecution',
    tags: ['executions'],
    summary: 'Deletes an ended execution with its nodes and logs',
    params,
    querystring: noQuery,
    response: { 204: emptyAnswer('it is deleted'), ...problems('execution-not-found', 'execution-running') },
  }
  app.delete('/v1/executions/:id', { config: { role: 'admin' }, schema: remove }, async ({ params: { id } }, reply) => {
    await engine.delete(id)
    return reply.code(204).send()
  })

  const events = {
    operationId: 'followExecution',
    tags: ['executions'],
    summary: 'Follows an execution: its state so far, then every change, until it has ended',
    params,
    querystring: noQuery,
    headers: lastEventId('Only what came behind this event.'),
    response: {
      200: textAnswer(
        'server-sent events `node` and `execution`, their `data` a Node or an ExecutionSummary',
        'text/event-stream',
        EVENTS_EXAMPLE,
      ),
      ...problems('execution-not-found', 'express'),
    },
  }
  app.get('/v1/executions/:id/events', { config: { role: 'viewer' }, schema: events }, async (request, reply) => {
    const after = positionOf(request.headers['last-event-id'])
    return sendStream(reply, closing, (signal) => eventStream(engine, request.params.id, after, signal))
  })

  const stop = {
    operationId: 'stopExecution',
    tags: ['executions'],
    summary: 'Stops an execution',
    params,
    querystring: noQuery,
    response: {
      202: answer('it ends as cancelled', executionSummary),
      ...problems(...BODY_PROBLEMS, 'execution-not-found', 'execution-not-running'),
    },
  }
  app.post('/v1/executions/:id/stop', { config: { role: 'operator' }, schema: stop }, async (request, reply) => {
    const { id } = request.params
    await stopOnce(engine, request, id)
    return reply.code(202).send(summaryOf(await engine.describe(id)))
  })

  const retry = {
    operationId: 'retryExecution',
    tags: ['executions'],
    summary: 'Runs again what had failed or not ended, as a new execution',
    params,
    querystring: noQuery,
    response: {
      202: answer('the new execution is started', executionSummary, 'location'),
      ...problems(
        ...BODY_PROBLEMS,
        'execution-not-found',
        'execution-running',
        'execution-not-failed',
        'retry-running',
        'express',
        'too-many-executions',
      ),
    },
  }
  app.post('/v1/executions/:id/retry', { config: { role: 'operator' }, schema: retry }, async (request, reply) => {
    const execution = await engine.retry(request.params.id, { ...idOf(request), ...traceOf(request) })
    return reply
      .code(202)
      .header('location', `${plain.prefix}/v1/executions/${execution.id}`)
      .send(summaryOf(await execution.describe()))
  })

  const rerun = {
    operationId: 'rerunExecution',
    tags: ['executions'],
    summary: 'Runs an ended execution again from a node on, as a new execution',
    params,
    querystring: noQuery,
    body: rerunBody.optional(),
    response: {
      200: answer('of a dry run: what would run again', rerunPlan),
      202: answer('the new execution is started', executionSummary, 'location'),
      ...problems(
        ...BODY_PROBLEMS,
        'execution-not-found',
        'flow-not-found',
        'version-not-found',
        'execution-running',
        'node-not-reached',
        'express',
        'too-many-executions',
      ),
    },
  }
  app.post('/v1/executions/:id/rerun', { config: { role: 'viewer' }, preValidation: absentBody, schema: rerun }, async (request, reply) => {
    const { id } = request.params
    const { dryRun, ...options } = without(request.body ?? {})
    if (dryRun === true) return engine.rerun(id, { ...options, dryRun })
    request.access.require('operator')
    const execution = await engine.rerun(id, { ...options, ...idOf(request), ...traceOf(request) })
    return reply
      .code(202)
      .header('location', `${plain.prefix}/v1/executions/${execution.id}`)
      .send(summaryOf(await execution.describe()))
  })
}

const EVENTS_EXAMPLE = `event: execution
id: 4
data: {"id":"0197f3c1-a2b4-7e5d-8c90-12ab34cd56ef","flow":"order","version":"latest","mode":"standard","status":"running","startedAt":1782900000000}

`

/** Resolves when an execution has ended, however, or when the signal is aborted. */
async function ended(engine: Engine, id: ExecutionRecord['id'], signal: AbortSignal): Promise<void> {
  try {
    await engine.result(id, { signal })
  } catch (error) {
    if (error instanceof ExecutionFailed || (error instanceof EngineError && error.code === 'aborted')) return
    throw error
  }
}
