import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { Problem } from './problem.ts'

/** A POST that takes no body refuses one: whoever sends it means something by it. {} has no members, and is none. */
export function refuseBody(route: RouteOptions): void {
  const { body, hide } = (route.schema ?? {}) as { readonly body?: unknown; readonly hide?: boolean }
  if (hide === true || body !== undefined || ![route.method].flat().includes('POST')) return
  route.preValidation = [check, ...[route.preValidation ?? []].flat()] as never
}

function check({ body }: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
  const isNone = body === undefined || (typeof body === 'object' && body !== null && Object.keys(body).length === 0 && !Array.isArray(body))
  done(isNone ? undefined : new Problem('invalid-body', 'body: this takes none'))
}
