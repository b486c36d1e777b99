import { AsyncLocalStorage } from 'node:async_hooks'
import { KEY_KEPT_MS, type Claim, type KeyStore, type RequestTurn } from '../idempotency.ts'
import { newId } from '../ids.ts'
import type { Journal } from './journal.ts'
import type { Store } from './store.ts'

const HOUR_MS = 3_600_000
/** Deleted in one transaction: keys, and bytes of their answers. */
const BATCH = 200
const BATCH_BYTES = 8 * 1024 * 1024
/** Between two batches. */
const PAUSE_MS = 20

interface KeyRow {
  readonly content: Uint8Array
  readonly id: string
  readonly created_at: number
  readonly answer: Uint8Array | null
}

/** A request under way here. */
interface UnderWay {
  readonly key: Uint8Array
  readonly content: Uint8Array
  readonly id: string
  readonly createdAt: number
  /** Whether its next write takes the key along. */
  armed: boolean
}

/**
 * Keys of requests in SQLite. What a request writes first, its effect, takes its row along in one transaction: where the effect is, the row is. The
 * answer follows in a transaction of its own. A row without an answer is left by a process that died between the two.
 */
export class EmbeddedKeys implements KeyStore {
  private readonly store: Store
  private readonly journal: Journal
  private readonly underWay = new AsyncLocalStorage<UnderWay>()
  private timer: NodeJS.Timeout | null = null
  private closed = false

  constructor(store: Store, journal: Journal) {
    this.store = store
    this.journal = journal
    this.plan(PAUSE_MS)
  }

  async claim(key: Uint8Array, content: Uint8Array): Promise<Claim> {
    const row = await this.journal.read(() =>
      this.store.get<KeyRow>('SELECT content, id, created_at, answer FROM request_keys WHERE key = ?', key),
    )
    if (row === undefined || row.created_at <= Date.now() - KEY_KEPT_MS) {
      return { turn: this.turn({ key, content, id: newId(), createdAt: Date.now(), armed: true }, false) }
    }
    if (!Buffer.from(row.content).equals(content)) return 'other-content'
    if (row.answer !== null) return { answer: row.answer }
    return { turn: this.turn({ key, content, id: row.id, createdAt: row.created_at, armed: false }, true) }
  }

  close(): void {
    this.closed = true
    if (this.timer !== null) clearTimeout(this.timer)
  }

  private turn(request: UnderWay, repeated: boolean): RequestTurn {
    // the journal asks from the first key on: most servers see none
    this.journal.beside ??= () => this.beside()
    return {
      id: request.id,
      repeated,
      run: (make) => this.underWay.run(request, make),
      keep: async (answer) => {
        request.armed = false
        this.journal.write(() => this.insert(request, answer))
        await this.journal.settled()
        return undefined
      },
      drop: async () => {
        const isWritten = repeated || !request.armed
        request.armed = false
        if (isWritten) this.journal.write(() => this.store.run('DELETE FROM request_keys WHERE key = ? AND answer IS NULL', request.key))
      },
      release: async () => {
        request.armed = false
      },
    }
  }

  /** In the transaction of every write: of the first one of a request it is the request's effect. */
  private beside(): void {
    const request = this.underWay.getStore()
    if (request === undefined || !request.armed) return
    request.armed = false
    this.insert(request, null)
  }

  private insert({ key, content, id, createdAt }: UnderWay, answer: Uint8Array | null): void {
    // a new row at the end of the table: rows are in the order of their age
    this.store.run(
      'INSERT OR REPLACE INTO request_keys (key, content, id, created_at, answer) VALUES (?, ?, ?, ?, ?)',
      key,
      content,
      id,
      createdAt,
      answer,
    )
  }

  private plan(delay: number): void {
    if (this.closed) return
    this.timer = setTimeout(() => this.sweep(), delay).unref()
  }

  /** Deletes what is past its time, the oldest first. */
  private sweep(): void {
    if (this.journal.failure !== null) return this.plan(HOUR_MS)
    const before = Date.now() - KEY_KEPT_MS
    let rows: { seq: number; created_at: number; bytes: number | null }[]
    try {
      rows = this.store.all('SELECT seq, created_at, length(answer) AS bytes FROM request_keys ORDER BY seq LIMIT ?', BATCH)
    } catch {
      return this.plan(HOUR_MS)
    }
    let bytes = 0
    let last: number | undefined
    for (const row of rows) {
      if (row.created_at > before || (last !== undefined && bytes > BATCH_BYTES)) break
      bytes += row.bytes ?? 0
      last = row.seq
    }
    if (last === undefined) return this.plan(HOUR_MS)
    this.journal.write(() => this.store.run('DELETE FROM request_keys WHERE seq <= ?', last), {
      committed: () => {
        this.store.shrink()
        this.plan(PAUSE_MS)
      },
      lost: () => this.plan(HOUR_MS),
    })
  }
}
