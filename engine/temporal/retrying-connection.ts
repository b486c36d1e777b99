import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor, type ConnectionOptions } from '@temporalio/client'

/**
 * A connection that repeats failed calls as the SDK's own does, and can be closed meanwhile. The SDK's repeats calls from timers that nothing ends: one
 * that finds its channel shut down throws where nobody catches, and the process dies. So `close` here waits (6 s at most) for the last of them.
 * Rejects as `Connection.connect` does.
 */
export async function connectRetrying(options: ConnectionOptions): Promise<Connection> {
  const { delayFunction, retryableDecider } = defaultGrpcRetryOptions()
  let isClosing = false
  let lastRetryAt = 0
  const retrying = makeGrpcRetryInterceptor({
    retryableDecider: (attempt, status) => !isClosing && retryableDecider(attempt, status),
    delayFunction(attempt, status) {
      const ms = delayFunction(attempt, status)
      lastRetryAt = Math.max(lastRetryAt, performance.now() + ms)
      return ms
    },
  })
  const connection = await Connection.connect({ ...options, interceptors: [retrying] })
  const close = connection.close.bind(connection)
  connection.close = async () => {
    isClosing = true
    // timers of the same time go off in the order in which they were set
    for (let left = 1; left > 0; left = lastRetryAt - performance.now()) await sleep(Math.max(1, left))
    await close()
  }
  return connection
}
