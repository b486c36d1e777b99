import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CallbackResult, Engine } from '../../api.ts'
import { callbackBody } from '../schemas.ts'

/** Answers to callback nodes. The token is the secret: it stands in no log and needs no key beside it. */
export async function callbackRoutes(plain: FastifyInstance, { engine }: { readonly engine: Engine }): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const params = z.object({ token: z.string().min(1).max(200) })
  app.post(
    '/v1/callbacks/:token',
    { config: { role: null }, schema: { params, body: callbackBody } },
    async ({ params: { token }, body }) => {
      await engine.callback(token, body as CallbackResult)
      return { status: 'taken' }
    },
  )
}
