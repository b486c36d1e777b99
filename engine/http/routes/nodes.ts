import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CallbackResult, Engine, NodeRecord } from '../../api.ts'
import { nodeOf } from '../documents.ts'
import { idOf } from '../idempotency.ts'
import { Problem } from '../problem.ts'
import { answer } from '../schemas/answers.ts'
import { callbackBody, callbackTaken } from '../schemas/callbacks.ts'
import { executionId, nodePlace, noQuery, pageQuery } from '../schemas/common.ts'
import { nodePage } from '../schemas/nodes.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'

const PAGE = 50

/** Nodes of executions (http-api.md, 3). */
export async function nodeRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ id: executionId })
  const nodeParams = z.object({ id: executionId, node: nodePlace })

  const nodes = {
    operationId: 'listNodes',
    tags: ['executions'],
    summary: 'What became of the nodes of an execution, in order of start',
    params,
    querystring: pageQuery,
    response: { 200: answer('a page of nodes', nodePage), ...problems('execution-not-found', 'express') },
  }
  app.get('/v1/executions/:id/nodes', { config: { role: 'viewer' }, schema: nodes }, async ({ params: { id }, query }) => {
    const { limit = PAGE, cursor } = query
    const records = await engine.nodes(id)
    const from = cursor === undefined ? 0 : behind(records, cursor)
    const items = records.slice(from, from + limit)
    const last = items.at(-1)
    const isMore = last !== undefined && from + limit < records.length
    return { items: items.map(nodeOf), ...(isMore ? { nextCursor: encoded(`${from + limit} ${last.place}`) } : {}) }
  })

  const iterations = {
    operationId: 'listIterations',
    tags: ['executions'],
    summary: 'What became of the nodes inside of a loop, by iteration: `limit` iterations a page',
    params: nodeParams,
    querystring: pageQuery,
    response: { 200: answer('the nodes of some iterations', nodePage), ...problems('execution-not-found', 'node-not-found', 'express') },
  }
  app.get(
    '/v1/executions/:id/nodes/:node/iterations',
    { config: { role: 'viewer' }, schema: iterations },
    async ({ params: { id, node }, query }) => {
      const { limit = PAGE, cursor } = query
      const from = cursor === undefined ? 0 : indexOf(cursor)
      const { items, total } = await engine.iterations(id, node, { from, limit })
      return { items: items.map(nodeOf), ...(from + limit < total ? { nextCursor: encoded(String(from + limit)) } : {}) }
    },
  )

  const callback = {
    operationId: 'answerNode',
    tags: ['executions'],
    summary: 'Answers a callback node without its token, by its id, or by its place where several of that id wait',
    params: nodeParams,
    querystring: noQuery,
    body: callbackBody,
    response: {
      200: answer('the answer is taken', callbackTaken),
      ...problems(...BODY_PROBLEMS, 'execution-not-found', 'node-not-found', 'node-not-waiting', 'conflict', 'express'),
    },
  }
  app.post('/v1/executions/:id/nodes/:node/callback', { config: { role: 'operator' }, schema: callback }, async (request) => {
    const { id, node } = request.params
    await engine.answer(id, node, request.body as CallbackResult, idOf(request))
    return { status: 'taken' as const }
  })
}

/** Nodes are told in order of start; one that has started anew since is at the end now, and what is left is told from where it was. */
function behind(records: readonly NodeRecord[], cursor: string): number {
  const match = /^(\d{1,9}) (.+)$/.exec(decoded(cursor))
  if (match === null) throw badCursor()
  const at = Number(match[1])
  const place = match[2]
  if (records[at - 1]?.place === place) return at
  const found = records.findIndex((record) => record.place === place)
  // behind it what was told before would be told again
  return found >= 0 && found < at ? found + 1 : Math.max(0, at - 1)
}

function indexOf(cursor: string): number {
  const text = decoded(cursor)
  if (!/^\d{1,9}$/.test(text)) throw badCursor()
  return Number(text)
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64url')
}

function decoded(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString()
}

function badCursor(): Problem {
  return new Problem('bad-request', 'this cursor is not one of a list')
}
