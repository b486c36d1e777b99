/**
 * Signals for waits: each is aborted after its time, and all of them when the server is being ended. `AbortSignal.any` and `.timeout` do the same
 * by weak references and finalizers, at several times the cost of the request that waits.
 */
export class Waits {
  private readonly waiting = new Set<AbortController>()

  constructor(closing: AbortSignal) {
    closing.addEventListener('abort', () => {
      for (const controller of this.waiting) controller.abort()
    })
  }

  /** Does `work` with such a signal; settles as it does. */
  async within<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), ms)
    this.waiting.add(controller)
    try {
      return await work(controller.signal)
    } finally {
      clearTimeout(timer)
      this.waiting.delete(controller)
    }
  }
}
