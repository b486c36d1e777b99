/** Waiting for what may mend itself: a broker that is away, a store that is full. */
import type { Delivery, TriggerEvent, TriggerHost } from './contract.ts'

const FIRST_MS = 1000
const LONGEST_MS = 30_000

export interface BackoffOptions {
  /** Default 1 s. */
  readonly firstMs?: number
  /** Default 30 s. */
  readonly longestMs?: number
}

/** Pauses that double from 1 s to 30 s, each up to a quarter shorter, so that many who wait do not come back at once. */
export class Backoff {
  private readonly firstMs: number
  private readonly longestMs: number
  private attempts = 0

  constructor({ firstMs = FIRST_MS, longestMs = LONGEST_MS }: BackoffOptions = {}) {
    this.firstMs = firstMs
    this.longestMs = longestMs
  }

  /** The next pause, in ms. */
  next(): number {
    const ms = Math.min(this.firstMs * 2 ** Math.min(this.attempts++, 30), this.longestMs)
    return ms * (0.75 + Math.random() / 4)
  }

  /** It has worked: the next pause is the first again. */
  reset(): void {
    this.attempts = 0
  }

  /** Waits for the next pause; resolves early, and does not reject, when the signal is aborted. */
  wait(signal: AbortSignal): Promise<void> {
    return pause(this.next(), signal)
  }
}

/** Resolves after a time, or when the signal is aborted. Keeps no process alive. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms).unref()
    signal.addEventListener('abort', done)
  })
}

/** Resolves when there is room, or when the signal is aborted. */
export function room(host: TriggerHost, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (host.hasRoom || signal.aborted) return resolve()
    const done = (): void => {
      stop()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const stop = host.onRoom((hasRoom) => {
      if (hasRoom) done()
    })
    signal.addEventListener('abort', done)
  })
}

/** Delivers an event again and again until something has become of it; undefined when the signal is aborted before. */
export async function deliverUntilTaken(
  host: TriggerHost,
  event: TriggerEvent,
  signal: AbortSignal,
  backoff = new Backoff(),
): Promise<Delivery | undefined> {
  for (;;) {
    await room(host, signal)
    if (signal.aborted) return undefined
    try {
      return await host.deliver(event)
    } catch {
      // the engine shows why; it may mend itself (T1)
      await backoff.wait(signal)
    }
  }
}

/** As {@link deliverUntilTaken}, of several events of one part, in order. Resolves to how many were handled: all, unless the signal is aborted. */
export async function deliverAllUntilTaken(
  host: TriggerHost,
  events: readonly TriggerEvent[],
  signal: AbortSignal,
  backoff = new Backoff(),
): Promise<number> {
  let count = 0
  while (count < events.length) {
    await room(host, signal)
    if (signal.aborted) break
    const { handled, failure } = await host.deliverAll(count === 0 ? events : events.slice(count))
    count += handled.length
    if (handled.length > 0) backoff.reset()
    if (failure !== undefined) await backoff.wait(signal)
  }
  return count
}
