import { createServer, isIPv6, type AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { CommandError, usageError } from './command-error.ts'
import { EXIT } from './exit-codes.ts'

export const DEFAULT_HOST = '127.0.0.1'
export const DEFAULT_PORT = 8900

const WHY: { readonly [code: string]: string } = {
  EADDRINUSE: 'another process has it',
  EACCES: 'this user may not',
  EADDRNOTAVAIL: 'this machine has no such address',
}

/** Where a server that listens at an address is reached from its own machine. */
export function urlOf(host: string, port: number): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${isIPv6(reached) ? `[${reached}]` : reached}:${port}`
}

/** A port that is free now: what executions that go on at the start are told before the server listens. 0 where none can be had. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(0))
    probe.listen(0, host, () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

/**
 * Listens. Resolves to the URL. Throws CommandError: no such host (2); an address that cannot be had (3).
 *
 * @param expected For port 0: the one that was free a moment ago.
 */
export async function listen(app: FastifyInstance, host: string, port: number, expected: number): Promise<string> {
  try {
    return await app.listen({ host, port: expected })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // somebody was faster
    if (code === 'EADDRINUSE' && port === 0 && expected !== 0) return listen(app, host, port, 0)
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EINVAL')
      throw usageError(`--host ${host}: there is no such host; 127.0.0.1 is this machine alone, 0.0.0.0 all of its addresses`)
    const why = WHY[code ?? '']
    if (why === undefined) throw error
    const errorMessage = `cannot listen at ${host}:${port}: ${why}; --port names another`
    throw new CommandError({ status: 503, errorType: 'CannotListen', errorMessage }, EXIT.unreachable)
  }
}
