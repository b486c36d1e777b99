import type { FastifyInstance } from 'fastify'

/** `GET /healthz` (this process answers) and `GET /readyz` (it can take work). */
export async function healthRoutes(app: FastifyInstance): Promise<void> {
  app.get('/healthz', { config: { role: null } }, async () => ({ status: 'ok' }))
  app.get('/readyz', { config: { role: null } }, async () => ({ status: 'ready' }))
}
