import type { FastifyInstance } from 'fastify'

/** `GET /healthz` (this process answers) and `GET /readyz` (it can take work). */
export async function healthRoutes(app: FastifyInstance): Promise<void> {
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async () => ({ status: 'ready' }))
}
