import type { FastifyRequest } from 'fastify'

/** For routes whose body may be missing, as `preValidation`: schemas would be given null for it, which is a body, too. */
export function absentBody(request: FastifyRequest, _reply: unknown, done: () => void): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  const isThere = encoding !== undefined || (length !== undefined && length !== '0')
  if (!isThere && (request.body === undefined || request.body === null)) request.body = {}
  done()
}
