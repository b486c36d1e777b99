/**
 * Requests with a key of their caller's (http-api.md, 1): each is made once, and answered again for as long as its key is kept.
 *
 * - K1. A request that may have had an effect has a row with its key, written in the transaction of the effect (SQLite) or before it (Temporal).
 * - K2. Whatever a request makes has the id of its row, so that it is found, not made, when the request is made again.
 * - K3. An answer leaves only when it is stored: whoever got it once gets it again.
 * - K4. Per key one request runs at a time, here by a table of this process, among processes by a lease in the row.
 */
import { EngineError } from './errors.ts'

/** So long a key is kept. */
export const KEY_KEPT_MS = 7 * 86_400_000

/** A request as it is known again. */
export interface KeyedRequest {
  /** SHA-256 of whose key it is, what it is for, and itself. */
  readonly key: Uint8Array
  /** SHA-256 of what is asked for. */
  readonly content: Uint8Array
  /** Ends the wait for another request with the same key. */
  readonly signal?: AbortSignal
}

/** A request that is to be made: for whoever makes it. */
export interface RequestTurn {
  /** For what the request makes; the same when it is made again. */
  readonly id: string
  /** True: it was made before, by a process that died or had no answer, and may have had its effect. */
  readonly repeated: boolean
  /** Calls `make`; the first thing that it writes takes the key along. */
  run<T>(make: () => T): T
  /** Stores the answer. Resolves to another one that was stored meanwhile: that is the answer, then. */
  keep(answer: Uint8Array): Promise<Uint8Array | undefined>
  /** It came to nothing, and the key is free again. */
  drop(): Promise<void>
  /** What it came to is not known: whoever comes with the key makes it again, under the same id. */
  release(): Promise<void>
}

export type BegunRequest =
  { readonly answer: Uint8Array; readonly turn?: undefined } | { readonly answer?: undefined; readonly turn: RequestTurn }

/** What of it an engine offers to servers of its own. */
export interface Idempotency {
  /**
   * The answer that the request had; or its turn, which must be ended by `keep`, `drop` or `release`. Waits while another request with the
   * key runs. Rejects with EngineError: `conflict` (the key was used for something else), `aborted`, and as the store fails.
   */
  begin(request: KeyedRequest): Promise<BegunRequest>
}

/** What a store says of a key. `held`: a request with it runs in another process. */
export type Claim = BegunRequest | 'other-content' | 'held'

/** Where keys are kept: SQLite, PostgreSQL, or memory. Asked for one key once at a time. */
export interface KeyStore {
  claim(key: Uint8Array, content: Uint8Array): Promise<Claim>
}

/** How often it is asked whether a request of another process has ended, ms. */
const ASK_MS = [50, 100, 200, 400, 500] as const

interface Running {
  readonly content: string
  readonly ended: Promise<void>
}

/** Keyed requests of this process, over a store that others may use as well. */
export class KeyedRequests implements Idempotency {
  private readonly store: () => Promise<KeyStore>
  private readonly running = new Map<string, Running>()

  constructor(store: () => Promise<KeyStore>) {
    this.store = store
  }

  async begin({ key, content, signal }: KeyedRequest): Promise<BegunRequest> {
    const name = textOf(key)
    const wanted = textOf(content)
    for (;;) {
      const other = this.running.get(name)
      if (other === undefined) break
      if (other.content !== wanted) throw otherContent()
      await untilEnded(other.ended, signal)
    }
    const { promise: ended, resolve: end } = Promise.withResolvers<void>()
    this.running.set(name, { content: wanted, ended })
    const finish = (): void => {
      this.running.delete(name)
      end()
    }
    try {
      const { answer, turn } = await claim(await this.store(), key, content, signal)
      if (turn !== undefined) return { turn: endedBy(turn, finish) }
      finish()
      return { answer }
    } catch (error) {
      finish()
      throw error
    }
  }
}

async function claim(store: KeyStore, key: Uint8Array, content: Uint8Array, signal: AbortSignal | undefined): Promise<BegunRequest> {
  for (let asked = 0; ; asked++) {
    const claimed = await store.claim(key, content)
    if (claimed === 'other-content') throw otherContent()
    if (claimed !== 'held') return claimed
    await untilEnded(pause(ASK_MS[Math.min(asked, ASK_MS.length - 1)] as number), signal)
  }
}

/** Whoever waits for the turn goes on when it is over, however its end went. */
function endedBy(turn: RequestTurn, finish: () => void): RequestTurn {
  return {
    id: turn.id,
    repeated: turn.repeated,
    run: (make) => turn.run(make),
    keep: (answer) => turn.keep(answer).finally(finish),
    drop: () => turn.drop().finally(finish),
    release: () => turn.release().finally(finish),
  }
}

function untilEnded(ended: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return ended
  return new Promise((resolve, reject) => {
    const aborted = (): void =>
      reject(new EngineError('aborted', 'the wait for a request with the same key was ended', { cause: signal.reason }))
    if (signal.aborted) return aborted()
    signal.addEventListener('abort', aborted, { once: true })
    void ended.then(() => {
      signal.removeEventListener('abort', aborted)
      resolve()
    })
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function textOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('base64url')
}

function otherContent(): EngineError {
  return new EngineError('conflict', 'this idempotency key was used for another request; use a new key for a new request')
}
