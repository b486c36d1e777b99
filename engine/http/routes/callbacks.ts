import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CallbackResult, Engine } from '../../api.ts'
import { idOf } from '../idempotency.ts'
import { answer } from '../schemas/answers.ts'
import { callbackBody, callbackTaken, callbackToken } from '../schemas/callbacks.ts'
import { noQuery } from '../schemas/common.ts'
import { BODY_PROBLEMS, problems } from '../schemas/problems.ts'

/** Answers to callback nodes. The token is the secret: it stands in no log and needs no key beside it. */
export async function callbackRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const schema = {
    operationId: 'answerCallback',
    tags: ['callbacks'],
    summary: 'Answers a callback node that waits',
    params: z.object({ token: callbackToken }),
    querystring: noQuery,
    body: callbackBody,
    response: {
      200: answer('the flow goes on', callbackTaken),
      ...problems(...BODY_PROBLEMS, 'callback-not-found', 'callback-already-used', 'callback-expired'),
    },
  }
  app.post('/v1/callbacks/:token', { config: { role: null }, schema }, async (request) => {
    await engine.callback(request.params.token, request.body as CallbackResult, idOf(request))
    return { status: 'taken' as const }
  })
}
