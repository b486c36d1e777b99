import type { FastifyInstance, InjectOptions } from 'fastify'
import { injectAsDocumented } from './document.ts'

export interface Answer {
  readonly status: number
  readonly body: any
  readonly headers: Record<string, unknown>
}

export type Call = (
  method: NonNullable<InjectOptions['method']>,
  url: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>

/** Requests to an application that does not listen, held to its OpenAPI document; bodies are sent as JSON unless they are texts or bytes. */
export function callsOf(app: () => FastifyInstance): Call {
  return async (method, url, body, headers = {}) => {
    const payload = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const type = payload === undefined || headers['content-type'] !== undefined ? {} : { 'content-type': 'application/json' }
    const response = await injectAsDocumented(app(), {
      method,
      url,
      headers: { host: 'localhost', ...type, ...headers },
      ...(payload === undefined ? {} : { payload }),
    })
    const json = String(response.headers['content-type']).includes('json') && response.body !== ''
    return { status: response.statusCode, body: json ? response.json() : response.body, headers: response.headers }
  }
}
