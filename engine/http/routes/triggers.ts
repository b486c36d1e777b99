import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Json } from '../../../dsl/json.ts'
import type { Engine, TriggerRecord } from '../../api.ts'
import { absentBody } from '../absent-body.ts'
import { idOf } from '../idempotency.ts'
import { byText, pageBehind } from '../pages.ts'
import { Problem } from '../problem.ts'
import { traceOf } from '../request-ids.ts'
import { answer } from '../schemas/answers.ts'
import { flowName, noQuery, pageQuery } from '../schemas/common.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'
import {
  fireBody,
  messageBody,
  publishedMessage,
  seekBody,
  seekTarget,
  started,
  topicName,
  trigger,
  triggerPage,
  triggerName,
} from '../schemas/triggers.ts'

/** The state of triggers, and messages of topics (http-api.md, 4). */
export async function triggerRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ flow: flowName, name: triggerName })
  const { triggers } = engine

  const list = {
    operationId: 'listTriggers',
    tags: ['triggers'],
    summary: 'Lists the triggers of all flows, by flow and name',
    querystring: pageQuery,
    response: { 200: answer('a page of triggers', triggerPage), ...problems() },
  }
  app.get('/v1/triggers', { config: { role: 'viewer' }, schema: list }, async ({ access, query }) => {
    const seen = (await triggers.list()).filter(({ flow }) => access.sees(flow))
    return pageBehind(
      seen.sort((a, b) => byText(keyOf(a), keyOf(b))),
      keyOf,
      query,
    )
  })

  const get = {
    operationId: 'getTrigger',
    tags: ['triggers'],
    summary: 'Shows a trigger',
    params,
    querystring: noQuery,
    response: { 200: answer('the trigger', trigger), ...problems('trigger-not-found', 'flow-not-found') },
  }
  app.get('/v1/triggers/:flow/:name', { config: { role: 'viewer' }, schema: get }, ({ params: { flow, name } }) => triggers.get(flow, name))

  const changes: readonly ['enable' | 'disable', string, string, (flow: string, name: string) => Promise<TriggerRecord>][] = [
    ['enable', 'enableTrigger', 'Lets a trigger start its flow again', (flow, name) => engine.triggers.enable(flow, name)],
    ['disable', 'disableTrigger', 'Keeps a trigger from starting its flow', (flow, name) => engine.triggers.disable(flow, name)],
  ]
  for (const [action, operationId, summary, change] of changes) {
    const response = { 200: get.response[200], ...problems(...BODY_PROBLEMS, 'trigger-not-found', 'flow-not-found') }
    const schema = { ...get, operationId, summary, response }
    app.post(`/v1/triggers/:flow/:name/${action}`, { config: { role: 'operator' }, schema }, ({ params: { flow, name } }) =>
      change(flow, name),
    )
  }

  const seek = {
    operationId: 'seekTrigger',
    tags: ['triggers'],
    summary: 'Lets a trigger go on from another place: what it reads again starts executions of its own',
    params,
    querystring: noQuery,
    body: seekBody,
    response: {
      200: answer('the trigger', trigger),
      ...problems(...BODY_PROBLEMS, 'trigger-not-found', 'flow-not-found', 'connection-unavailable'),
    },
  }
  app.post('/v1/triggers/:flow/:name/seek', { config: { role: 'operator' }, schema: seek }, ({ params: { flow, name }, body }) => {
    const to = seekTarget(body.to)
    if (to === undefined)
      throw new Problem('invalid-body', 'to must be earliest, latest, a time such as 2026-07-01T12:00:00Z, or an object of places')
    return triggers.seek(flow, name, to)
  })

  const fire = {
    operationId: 'fireTrigger',
    tags: ['triggers'],
    summary: 'Starts the flow as its trigger would for an event',
    params,
    querystring: noQuery,
    body: fireBody.optional(),
    response: {
      202: answer('it is started', started, 'location'),
      ...problems(...BODY_PROBLEMS, 'trigger-not-found', 'flow-not-found', 'version-not-found', 'conflict'),
    },
  }
  app.post(
    '/v1/triggers/:flow/:name/fire',
    { config: { role: 'operator' }, preValidation: absentBody, schema: fire },
    async (request, reply) => {
      const { flow, name } = request.params
      // null is an event
      const { event = {} } = request.body ?? {}
      const { id } = await engine.triggers.fire(flow, name, event as Json, { ...idOf(request), ...traceOf(request) })
      return reply.code(202).header('location', `${plain.prefix}/v1/executions/${id}`).send({ executionId: id })
    },
  )

  const publish = {
    operationId: 'publishMessage',
    tags: ['topics'],
    summary: 'Starts an execution of each flow that is subscribed to a topic',
    params: z.object({ topic: topicName }),
    querystring: noQuery,
    body: messageBody,
    response: {
      202: answer('all of them are started', publishedMessage),
      ...problems(...BODY_PROBLEMS, 'too-many-executions', 'channel-unavailable'),
    },
  }
  app.post('/v1/topics/:topic/messages', { config: { role: 'operator' }, schema: publish }, async (request, reply) => {
    const { message, subject, attributes } = request.body
    const published = await engine.triggers.publish(
      request.params.topic,
      {
        message: message as Json,
        ...(subject === undefined ? {} : { subject }),
        ...(attributes === undefined ? {} : { attributes: attributes as { [name: string]: Json } }),
      },
      {
        ...idOf(request),
        ...traceOf(request),
        permit: (flow) => {
          // its name is not for whoever asks
          if (!request.access.sees(flow)) throw new Problem('forbidden', 'the message would start a flow that this key does not see')
        },
      },
    )
    return reply.code(202).send(published)
  })
}

function keyOf({ flow, name }: TriggerRecord): string {
  return `${flow}/${name}`
}
