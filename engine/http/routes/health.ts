import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { answer, processStatus, readiness } from '../schemas/answers.ts'
import { problems } from '../schemas/problems.ts'

/** `GET /healthz` (this process answers) and `GET /readyz` (it can take work). */
export async function healthRoutes(plain: FastifyInstance): Promise<void> {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const alive = {
    operationId: 'getHealth',
    tags: ['server'],
    summary: 'Whether this process answers',
    response: { 200: answer('it does', processStatus), ...problems() },
  }
  app.get('/healthz', { config: { role: null }, schema: alive }, async () => ({ status: 'ok' as const }))
  const ready = {
    operationId: 'getReadiness',
    tags: ['server'],
    summary: 'Whether this process takes work',
    response: { 200: answer('it does', readiness), ...problems() },
  }
  app.get('/readyz', { config: { role: null }, schema: ready }, async () => ({ status: 'ready' as const }))
}
