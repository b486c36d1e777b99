import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Route } from '../openapi/document.ts'
import { answer } from '../schemas/answers.ts'
import { problems } from '../schemas/problems.ts'

/** `GET /openapi.json`: the routes, as they are when it is first asked for. */
export async function openApiRoutes(
  plain: FastifyInstance,
  { routes, apiPrefix }: { readonly routes: readonly Route[]; readonly apiPrefix: string },
): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  let text: Promise<string> | undefined
  // it is sent as text
  const document = z.looseObject({}).meta({ examples: [{ openapi: '3.1.0' }] }) as unknown as z.ZodType<string>
  const schema = {
    operationId: 'getOpenApi',
    tags: ['server'],
    summary: 'This document',
    response: { 200: answer('an OpenAPI 3.1 document', document), ...problems() },
  }
  app.get('/openapi.json', { config: { role: null }, schema }, async (_request, reply) => {
    text ??= documentOf(routes, apiPrefix)
    return reply
      .header('content-type', 'application/json; charset=utf-8')
      .serializer(String)
      .send(await text)
  })
}

async function documentOf(routes: readonly Route[], prefix: string): Promise<string> {
  const { openApiDocument } = await import('../openapi/document.ts')
  return JSON.stringify(await openApiDocument(routes, prefix))
}
