import type { FastifyInstance } from 'fastify'
import { CommandError, usageError } from './command-error.ts'
import { EXIT } from './exit-codes.ts'

const WHY: { readonly [code: string]: string } = {
  EADDRINUSE: 'another process has it',
  EACCES: 'this user may not',
  EADDRNOTAVAIL: 'this machine has no such address',
}

/** Listens. Resolves to the URL. Throws CommandError: no such host (2); an address that cannot be had (3). */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EINVAL')
      throw usageError(`--host ${host}: there is no such host; 127.0.0.1 is this machine alone, 0.0.0.0 all of its addresses`)
    const why = WHY[code ?? '']
    if (why === undefined) throw error
    const errorMessage = `cannot listen at ${host}:${port}: ${why}; --port names another`
    throw new CommandError({ status: 503, errorType: 'CannotListen', errorMessage }, EXIT.unreachable)
  }
}
