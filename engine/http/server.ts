/** A process's own HTTP server around the API: what `fnflow serve` listens with. */
import { fastify, type FastifyInstance } from 'fastify'
import type { Engine } from '../api.ts'
import { BODY_LIMIT, fnflowApi } from './api.ts'
import { Problem } from './problem.ts'

export interface ServerOptions {
  readonly engine: Engine
  /** Hosts, beside those of loopback, that a request may name. */
  readonly publicUrl?: string
}

const HEADERS_TIMEOUT_MS = 10_000
const BODY_TIMEOUT_MS = 30_000
const MOST_HEADER_BYTES = 16 * 1024
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** The server, which does not listen yet. As long as there are no keys it is for this machine alone (http-api.md, 1). */
export async function createServer({ engine, publicUrl }: ServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: BODY_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 500 },
    http: { maxHeaderSize: MOST_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS },
  })
  const hosts = new Set(LOOPBACK)
  if (publicUrl !== undefined) hosts.add(new URL(publicUrl).hostname)
  // a page of another site can make a browser ask this machine, by a name that it has made to be this machine's
  app.addHook('onRequest', async ({ headers: { host = '', origin } }) => {
    if (!hosts.has(nameOf(`http://${host}`)))
      throw new Problem('forbidden', `this server is for this machine: the host ${host} is not known here`)
    if (origin !== undefined && !hosts.has(nameOf(origin))) throw new Problem('forbidden', `requests of pages of ${origin} are not taken`)
  })
  await app.register(fnflowApi, { engine })
  return app
}

/** The host in a URL; none that is known where it is no URL. */
function nameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}
