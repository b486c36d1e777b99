import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

declare module 'fastify' {
  interface FastifyInstance {
    lifecycle: Lifecycle
  }
}

/** Whoever has just asked whether the server is ready shall hear that it ends before nobody listens any more, ms. */
const FAREWELL_MS = 500
/** What still runs is cut off so long before the end, so that the process ends in time. */
const RESERVE_MS = 1000

/** What a server is doing: from its start to its end. Shared by the API's routes and by whoever starts and ends the server. */
export class Lifecycle {
  private readonly stopped = new AbortController()
  private readonly cut = new AbortController()
  /** Requests that are being answered. */
  private answering = 0
  private whenIdle: (() => void) | null = null
  /** What the server is not ready without, such as `flows`; null: nothing. */
  startingWith: string | null = null

  /** Aborted when the server is asked to end: waits and streams end. */
  get closing(): AbortSignal {
    return this.stopped.signal
  }

  /** Aborted when it can wait no longer for what requests have under way. */
  get ending(): AbortSignal {
    return this.cut.signal
  }

  get isStopping(): boolean {
    return this.stopped.signal.aborted
  }

  /** Ends waits and streams; new requests are refused from now on. */
  stop(): void {
    this.stopped.abort()
  }

  /** Gives up what requests have under way. */
  end(): void {
    this.stop()
    this.cut.abort()
  }

  /** Notes a request that is to be answered. */
  entered(response: ServerResponse): void {
    this.answering += 1
    // `close` comes once
    response.on('close', this.left)
  }

  private readonly left = (): void => {
    this.answering -= 1
    if (this.answering === 0) this.whenIdle?.()
  }

  /** Resolves when no request is being answered, or after `ms`. */
  async idle(ms: number): Promise<void> {
    if (this.answering === 0 || ms <= 0) return
    const late = new AbortController()
    const idle = new Promise<void>((resolve) => (this.whenIdle = resolve))
    await Promise.race([idle, sleep(ms, undefined, { signal: late.signal }).catch(() => undefined)])
    late.abort()
  }
}

/**
 * Ends a server in good order, within `ms`: new requests are refused with 503, waits and streams end at once, and what else is under way may end.
 * A second call ends it at once.
 */
export async function shutDown(app: FastifyInstance, lifecycle: Lifecycle, ms: number): Promise<void> {
  const until = performance.now() + ms
  const left = (): number => Math.max(0, until - Math.min(RESERVE_MS, ms / 2) - performance.now())
  lifecycle.stop()
  if (app.server.listening) await sleep(Math.min(FAREWELL_MS, ms / 4))
  await lifecycle.idle(left())
  lifecycle.end()
  await lifecycle.idle(left() + Math.min(RESERVE_MS, ms / 2) / 2)
  app.server.closeAllConnections()
  await app.close()
}
