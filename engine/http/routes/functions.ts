import type { FastifyInstance, FastifyReply } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { STATUS, type ErrorDocument } from '../../../dsl/errors.ts'
import { DEPTH_LIMIT, jsonDepthExceeds } from '../../../dsl/json-copy.ts'
import type { Json } from '../../../dsl/json.ts'
import type { LogLine } from '../../../executors/contract.ts'
import type { Engine } from '../../api.ts'
import { EngineError, ExecutionFailed } from '../../errors.ts'
import { isFunctionMissing } from '../../function-documents.ts'
import { isKnown } from '../conditions.ts'
import { errorOf } from '../documents.ts'
import { pageBehind } from '../pages.ts'
import { Problem } from '../problem.ts'
import { traceOf } from '../request-ids.ts'
import { answer, emptyAnswer } from '../schemas/answers.ts'
import { noQuery, pageQuery } from '../schemas/common.ts'
import { readHeaders } from '../schemas/flows.ts'
import { errorDocument } from '../schemas/errors.ts'
import {
  appName,
  functionDocument,
  functionName,
  functionPage,
  invocationBody,
  invocationHeaders,
  invocationResult,
} from '../schemas/functions.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'
import { functionDefinitionRoutes } from './function-definitions.ts'

/** What of a function's log an answer has, bytes. */
const LOG_TAIL_BYTES = 4096
/** The log and the result of a process come by two ways: the last lines may be a little behind. */
const LOG_GRACE_MS = 50

/** Functions, and their invocation outside of flows (http-api.md, 4). */
export async function functionRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  await plain.register(functionDefinitionRoutes, { engine })
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const { ending } = plain.lifecycle

  const list = {
    operationId: 'listFunctions',
    tags: ['functions'],
    summary: 'Lists the functions, by app and name',
    querystring: pageQuery,
    response: { 200: answer('a page of functions', functionPage), ...problems() },
  }
  app.get('/v1/functions', { config: { role: 'viewer' }, schema: list }, async ({ query }) =>
    pageBehind(await engine.functions.list(), keyOf, query),
  )

  const params = z.object({ app: appName, name: functionName })
  const get = {
    operationId: 'getFunction',
    tags: ['functions'],
    summary: 'Shows a function',
    params,
    querystring: noQuery,
    headers: readHeaders,
    response: {
      200: answer('the function', functionDocument, 'etag'),
      304: emptyAnswer('it is as it was known', 'etag'),
      ...problems('function-not-found'),
    },
  }
  app.get(
    '/v1/functions/:app/:name',
    { config: { role: 'viewer' }, schema: get },
    async ({ params: { app: of, name }, headers }, reply) => {
      const { function: found, etag } = await engine.functions.get(`${of}/${name}`)
      void reply.header('etag', `"${etag}"`)
      return isKnown(etag, headers['if-none-match']) ? reply.code(304).send() : found
    },
  )

  const invoke = {
    operationId: 'invokeFunction',
    tags: ['functions'],
    summary: 'Invokes a function and waits for its result',
    params,
    querystring: noQuery,
    headers: invocationHeaders,
    body: invocationBody.optional(),
    response: {
      200: answer('its result', invocationResult, 'x-function-log'),
      ...withFailures(problems(...BODY_PROBLEMS, 'function-not-found', 'unsupported')),
    },
  }
  app.post('/v1/functions/:app/:name/invocations', { config: { role: 'admin' }, schema: invoke }, async (request, reply) => {
    const { params: of, headers } = request
    // fastify has null for no body, too
    const body = request.body === undefined || (request.body === null && headers['content-type'] === undefined) ? {} : request.body
    if (headers['x-invoke-type'] === 'async')
      throw new Problem('unsupported', 'asynchronous invocations are not there yet; leave X-Invoke-Type out, or start a flow')
    if (jsonDepthExceeds(body as Json, DEPTH_LIMIT))
      throw new EngineError('payload-too-deep', `the body is nested over ${DEPTH_LIMIT} levels`)
    const lines: LogLine[] = []
    const wantsLog = headers['x-log-type'] === 'tail'
    const onLog = wantsLog ? { onLog: (line: LogLine) => void lines.push(line) } : {}
    let status = 200
    let value: Json
    try {
      value = await engine.invoke(`${of.app}/${of.name}`, body as Json, { signal: ending, ...onLog, ...traceOf(request) })
    } catch (error) {
      if (!(error instanceof ExecutionFailed)) throw error
      if (isFunctionMissing(error.error)) throw new EngineError('function-not-found', error.error.errorMessage)
      // what was given up because the server closes
      if (ending.aborted && error.error.status === STATUS.cancelled) throw new Problem('shutting-down', 'the server is being stopped')
      status = httpStatusOf(error.error)
      value = errorOf(error.error) as unknown as Json
      void reply.header('x-function-status', String(error.error.status))
    }
    if (wantsLog) {
      await new Promise((resolve) => setTimeout(resolve, LOG_GRACE_MS))
      void reply.header('x-function-log', tailOf(lines))
    }
    return sendJson((reply as FastifyReply).code(status), value)
  })
}

/** The statuses that a function's own error is answered with, beside what else has them. */
function withFailures(answers: Readonly<Record<string, { readonly content?: object }>>): Readonly<Record<never, never>> {
  const failed = answer('the error of the function', errorDocument, 'x-function-status', 'x-function-log')
  const own = [413, 429, 502, 503, 504].map((status) => [
    status,
    { ...failed, ...answers[status], content: { ...answers[status]?.content, ...failed.content } },
  ])
  return { ...answers, ...Object.fromEntries(own) }
}

/** The HTTP status for a function's error (http-api.md, 4). */
function httpStatusOf({ status }: ErrorDocument): number {
  if (status === STATUS.requestTooLarge) return 413
  if (status === STATUS.burstLimit || status === STATUS.concurrencyQuota) return 429
  if (status === STATUS.timeout) return 504
  if (status === STATUS.functionDisabled || status === STATUS.noResource || status === STATUS.initTimeout) return 503
  return 502
}

/** As bytes: fastify sends a string as text and nothing for null, and both are JSON values. */
function sendJson(reply: FastifyReply, value: Json): FastifyReply {
  return reply.header('content-type', 'application/json; charset=utf-8').send(Buffer.from(JSON.stringify(value)))
}

function tailOf(lines: readonly LogLine[]): string {
  const text = lines.map(({ time, text: line }) => `${new Date(time).toISOString()} ${line}\n`).join('')
  const bytes = Buffer.from(text)
  let from = Math.max(0, bytes.length - LOG_TAIL_BYTES)
  // not in the middle of a character
  while (from < bytes.length && (bytes[from]! & 0xc0) === 0x80) from += 1
  return bytes.subarray(from).toString('base64')
}

function keyOf({ app, name }: { readonly app: string; readonly name: string }): string {
  return `${app}/${name}`
}
