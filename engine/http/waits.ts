import type { ServerResponse } from 'node:http'

/** Whose connection may close: nobody waits then. */
type Client = Pick<ServerResponse, 'once' | 'off'>

/**
 * Signals for waits: each is aborted after its time or when its client has left, and all of them when the server is being ended. `AbortSignal.any` and `.timeout` do the same
 * by weak references and finalizers, at several times the cost of the request that waits.
 */
export class Waits {
  private readonly closing: AbortSignal
  private readonly waiting = new Set<AbortController>()
  private readonly leaving = new Set<() => void>()

  constructor(closing: AbortSignal) {
    this.closing = closing
    closing.addEventListener('abort', () => {
      for (const controller of this.waiting) controller.abort()
      for (const leave of this.leaving) leave()
    })
  }

  /** As `promise` settles, or undefined as soon as the server is being ended. One listener serves all that wait. */
  orEnd<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const leave = (): void => resolve(undefined)
      if (this.closing.aborted) return leave()
      this.leaving.add(leave)
      promise.then(
        (value) => {
          this.leaving.delete(leave)
          resolve(value)
        },
        (error: unknown) => {
          this.leaving.delete(leave)
          reject(error as Error)
        },
      )
    })
  }

  /** Does `work` with such a signal; settles as it does. */
  async within<T>(ms: number, work: (signal: AbortSignal) => Promise<T>, client?: Client): Promise<T> {
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    const timer = setTimeout(abort, ms)
    client?.once('close', abort)
    this.waiting.add(controller)
    try {
      return await work(controller.signal)
    } finally {
      clearTimeout(timer)
      client?.off('close', abort)
      this.waiting.delete(controller)
    }
  }
}
