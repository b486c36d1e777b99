import { connect, createServer } from 'node:net'

/*
 * Below the range from which Linux (32768) and macOS (49152) take the local ports of outgoing connections: a server that is killed and
 * started again on its port must not find that a client's connection has got it meanwhile.
 */
const LOWEST = 12_000
const HIGHEST = 29_999
const ATTEMPTS = 200

const given = new Set<number>()

/** A port of 127.0.0.1 on which nobody listens, chosen at random and never the same twice in this process. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1))
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error(`no free port of 127.0.0.1 found between ${LOWEST} and ${HIGHEST} in ${ATTEMPTS} attempts`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Resolves if something listens on `host:port`; rejects with the reason if not. */
export function checkListening(address: string): Promise<void> {
  const colon = address.lastIndexOf(':')
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
  })
}
