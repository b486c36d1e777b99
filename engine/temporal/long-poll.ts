import type { Cluster } from './cluster.ts'

/**
 * A call that whoever waits for it may give up. A worker's connection cannot abort calls (its SDK has that as a TODO): there the call is left
 * behind, and ends with the server's next answer, within a minute.
 */
export async function abortable<T>({ client }: Cluster, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  let giveUp: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal.reason as Error)
    signal.addEventListener('abort', giveUp)
  })
  try {
    return await Promise.race([client.connection.withAbortSignal(signal, call), aborted])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
