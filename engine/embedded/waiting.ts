import { waitAborted, type EngineError } from '../errors.ts'
import type { Follower, Outcome } from './contract.ts'
import type { EventRow } from './store.ts'

interface Waiter {
  resolve(outcome: Outcome): void
  reject(error: EngineError): void
}

/** Who waits for the end of which execution. */
export class Waiters {
  private readonly byId = new Map<string, Set<Waiter>>()

  /** Rejects when the signal aborts or the wait is given up. */
  wait(id: string, signal: AbortSignal | undefined): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        this.leave(id, waiter)
        reject(waitAborted(signal))
      }
      const done = (): void => signal?.removeEventListener('abort', aborted)
      const waiter: Waiter = {
        resolve: (outcome) => {
          done()
          resolve(outcome)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      }
      let waiters = this.byId.get(id)
      if (waiters === undefined) this.byId.set(id, (waiters = new Set()))
      waiters.add(waiter)
      signal?.addEventListener('abort', aborted)
    })
  }

  ended(outcome: Outcome): void {
    for (const waiter of this.take(outcome.id)) waiter.resolve(outcome)
  }

  failed(id: string, error: EngineError): void {
    for (const waiter of this.take(id)) waiter.reject(error)
  }

  allFailed(error: EngineError): void {
    for (const id of [...this.byId.keys()]) this.failed(id, error)
  }

  private leave(id: string, waiter: Waiter): void {
    const waiters = this.byId.get(id)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.byId.delete(id)
  }

  private take(id: string): Iterable<Waiter> {
    const waiters = this.byId.get(id)
    this.byId.delete(id)
    return waiters ?? []
  }
}

/** Who follows the events of which execution. */
export class Followers {
  private readonly byId = new Map<string, Set<Follower>>()

  /** Returns how to stop. */
  add(id: string, follower: Follower): () => void {
    let followers = this.byId.get(id)
    if (followers === undefined) this.byId.set(id, (followers = new Set()))
    followers.add(follower)
    return () => {
      followers.delete(follower)
      if (followers.size === 0 && this.byId.get(id) === followers) this.byId.delete(id)
    }
  }

  event(id: string, row: EventRow): void {
    const followers = this.byId.get(id)
    if (followers !== undefined) for (const follower of [...followers]) follower.event(row)
  }

  allFailed(error: EngineError): void {
    for (const followers of this.byId.values()) for (const follower of followers) follower.failed(error)
    this.byId.clear()
  }
}
