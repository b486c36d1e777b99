import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Engine, ExecutionRecord } from '../../api.ts'
import { EngineError, ExecutionFailed } from '../../errors.ts'
import { executionOf, nodeOf, summaryOf } from '../documents.ts'
import { eventStream } from '../events.ts'
import { executionId, executionStatus, flowName, limit, offset, rerunBody, waitSeconds } from '../schemas.ts'

/** How long a stream may take to tell that the server closes. */
const GRACE_MS = 500

/** Executions (http-api.md, 3). */
export async function executionRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ id: executionId })
  /** Ends the waits and streams of a server that closes. */
  const closing = new AbortController()
  plain.addHook('preClose', async () => closing.abort())

  const listQuery = z.strictObject({
    flow: flowName.optional(),
    status: z.union([executionStatus, z.array(executionStatus).max(5)]).optional(),
    parent: executionId.optional(),
    limit: limit.optional(),
    cursor: z.string().max(500).optional(),
  })
  app.get('/v1/executions', { config: { role: 'viewer' }, schema: { querystring: listQuery } }, async ({ query }) => {
    const { items, nextCursor } = await engine.list(without(query))
    return { items: items.map(summaryOf), ...(nextCursor === undefined ? {} : { nextCursor }) }
  })

  const waitQuery = z.strictObject({ wait: waitSeconds.optional() })
  app.get(
    '/v1/executions/:id',
    { config: { role: 'viewer' }, schema: { params, querystring: waitQuery } },
    async ({ params: { id }, query: { wait } }) => {
      const record = await engine.describe(id)
      if (wait === undefined || wait === 0 || record.status !== 'running') return executionOf(record)
      await ended(engine, id, AbortSignal.any([AbortSignal.timeout(wait * 1000), closing.signal]))
      return executionOf(await engine.describe(id))
    },
  )

  const pageQuery = z.strictObject({ limit: limit.optional(), offset: offset.optional() })
  app.get(
    '/v1/executions/:id/nodes',
    { config: { role: 'viewer' }, schema: { params, querystring: z.strictObject({}) } },
    async ({ params: { id } }) => ({
      items: (await engine.nodes(id)).map(nodeOf),
    }),
  )

  const nodeParams = z.object({ id: executionId, node: z.string().min(1).max(500) })
  app.get(
    '/v1/executions/:id/nodes/:node/iterations',
    { config: { role: 'viewer' }, schema: { params: nodeParams, querystring: pageQuery } },
    async ({ params: { id, node }, query }) => ({ items: (await engine.nodes(id, { iterations: node, ...without(query) })).map(nodeOf) }),
  )

  app.get('/v1/executions/:id/logs', { config: { role: 'viewer' }, schema: { params } }, async ({ params: { id } }) => ({
    items: await engine.logs(id),
  }))

  const eventHeaders = z.object({ 'last-event-id': z.string().max(100).optional() })
  app.get(
    '/v1/executions/:id/events',
    { config: { role: 'viewer' }, schema: { params, headers: eventHeaders } },
    async (request, reply) => {
      const left = new AbortController()
      reply.raw.once('close', () => left.abort())
      const after = positionOf(request.headers['last-event-id'])
      // one that does not read would hold up the end of the server
      closing.signal.addEventListener('abort', () => setTimeout(() => reply.raw.destroy(), GRACE_MS).unref(), { signal: left.signal })
      const stream = await eventStream(engine, request.params.id, after, AbortSignal.any([left.signal, closing.signal]))
      return reply.header('content-type', 'text/event-stream').header('cache-control', 'no-store').send(stream)
    },
  )

  app.post('/v1/executions/:id/stop', { config: { role: 'operator' }, schema: { params } }, async ({ params: { id } }, reply) => {
    await engine.stop(id)
    return reply.code(202).send(summaryOf(await engine.describe(id)))
  })

  app.post('/v1/executions/:id/retry', { config: { role: 'operator' }, schema: { params } }, async ({ params: { id } }, reply) => {
    const execution = await engine.retry(id)
    return reply
      .code(202)
      .header('location', `/v1/executions/${execution.id}`)
      .send(summaryOf(await execution.describe()))
  })

  app.post(
    '/v1/executions/:id/rerun',
    { config: { role: 'viewer' }, schema: { params, body: rerunBody.optional() } },
    async ({ params: { id }, body = {}, access }, reply) => {
      const { dryRun, ...options } = without(body)
      if (dryRun === true) return engine.rerun(id, { ...options, dryRun })
      access.require('operator')
      const execution = await engine.rerun(id, options)
      return reply
        .code(202)
        .header('location', `/v1/executions/${execution.id}`)
        .send(summaryOf(await execution.describe()))
    },
  )
}

/** Resolves when an execution has ended, however, or when the signal is aborted. */
async function ended(engine: Engine, id: ExecutionRecord['id'], signal: AbortSignal): Promise<void> {
  try {
    await engine.result(id, { signal })
  } catch (error) {
    if (error instanceof ExecutionFailed || (error instanceof EngineError && error.code === 'aborted')) return
    throw error
  }
}

/** A position that is none of ours: the whole state is told. */
function positionOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined
}

/** Without members that are undefined: the engine refuses options that are there and say nothing. */
function without<T extends object>(options: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>
  }
}
