import { randomUUID } from 'node:crypto'
import type { Claim, KeyStore, RequestTurn } from '../idempotency.ts'
import { newId } from '../ids.ts'
import type { RequestKeys } from './registry/request-keys.ts'

/** When a process has died, its requests can be made again after so long, ms. */
const LEASE_MS = 10_000
const RENEW_MS = 3000

/**
 * Keys of requests in PostgreSQL. The row is there before the effect, which is one of Temporal or another statement: so a request whose process died is
 * made again under the same id, which finds what it has made.
 */
export class TemporalKeys implements KeyStore {
  private readonly rows: RequestKeys
  private readonly owner = randomUUID()
  private readonly held = new Set<Uint8Array>()
  private timer: NodeJS.Timeout | null = null

  constructor(rows: RequestKeys) {
    this.rows = rows
  }

  async claim(key: Uint8Array, content: Uint8Array): Promise<Claim> {
    const claimed = await this.rows.claim(key, content, newId(), this.owner, LEASE_MS)
    switch (claimed.state) {
      case 'answered':
        return { answer: claimed.answer }
      case 'claimed':
        return { turn: this.turn(key, claimed.id, claimed.repeated) }
      case 'held':
      case 'other-content':
        return claimed.state
    }
  }

  /** What runs goes on, but its leases end. */
  close(): void {
    if (this.timer !== null) clearInterval(this.timer)
    this.timer = null
    this.held.clear()
  }

  private turn(key: Uint8Array, id: string, repeated: boolean): RequestTurn {
    const { rows, owner } = this
    this.held.add(key)
    this.timer ??= setInterval(() => this.renew(), RENEW_MS).unref()
    const ended = async <T>(end: () => Promise<T>): Promise<T> => {
      this.held.delete(key)
      return end()
    }
    return {
      id,
      repeated,
      run: (make) => make(),
      keep: (answer) => ended(async () => ((await rows.keep(key, owner, answer)) ? undefined : rows.answer(key))),
      drop: () => ended(() => rows.drop(key, owner)),
      release: () => ended(() => rows.release(key, owner)),
    }
  }

  private renew(): void {
    if (this.held.size > 0) this.rows.renew([...this.held], this.owner, LEASE_MS).catch(() => undefined)
    else if (this.timer !== null) {
      clearInterval(this.timer)
      this.timer = null
    }
  }
}
