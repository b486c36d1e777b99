import { EngineError } from '../errors.ts'
import { Observers } from '../observer.ts'
import type { Store } from './store.ts'

/** Called when the transaction that it was handed to is safe, in order. */
export interface AfterCommit {
  committed(): void
  /** Instead, if the transaction failed. */
  lost?(error: EngineError): void
}

/** As long as so many write in a turn, more are at the door: the transaction stays open, for some turns. */
const CROWD = 8
const MOST_TURNS = 3

/**
 * Groups what is written in one turn of the event loop, or a few crowded ones, into one transaction.
 *
 * - J1. The first `write` of a turn opens a transaction; a `setImmediate` commits it, or the next one while many write: a commit costs the same for
 *   a hundred as for one. What is written is visible to this connection at once.
 * - J2. `then` is called after the commit, in order; nothing that an observer could see happens before.
 * - J3. What is read by `read` is the committed state: it waits for the open transaction and comes before all that follows from it.
 * - J4. If a write or the commit fails, all of the turn's writes are undone, the journal is `failed`, and `onFailure` is told once.
 * - J5. `beside` is called within every write, in the context of whoever writes: what it writes is safe if and only if that is.
 */
export class Journal {
  private readonly store: Store
  private readonly onFailure: (error: EngineError) => void
  private readonly observers: Observers
  private waiting: AfterCommit[] = []
  private readers: AfterCommit[] = []
  private open = false
  private immediate: NodeJS.Immediate | null = null
  /** Writes of the transaction: all, and those of earlier turns. */
  private writes = 0
  private before = 0
  private turns = 0
  failure: EngineError | null = null
  /** Commits within the write that asks for it: every event is a transaction (tests of recovery). */
  eager = false
  /** See J5; null: nobody wants to be called. */
  beside: (() => void) | null = null

  constructor(store: Store, onFailure: (error: EngineError) => void, observers = new Observers()) {
    this.observers = observers
    this.store = store
    this.onFailure = onFailure
  }

  /** Runs `write` in the turn's transaction and hands `then` to its commit. Never throws. */
  write(write: () => void, then?: AfterCommit): void {
    if (this.failure !== null) {
      then?.lost?.(this.failure)
      return
    }
    if (then !== undefined) this.waiting.push(then)
    try {
      if (!this.open) {
        this.store.begin()
        this.open = true
        this.writes = this.before = this.turns = 0
        if (!this.eager) this.immediate = setImmediate(this.turned)
      }
      this.writes += 1
      if (this.beside !== null) this.beside()
      write()
    } catch (error) {
      this.fail(error)
      return
    }
    if (this.eager) this.flush()
  }

  private readonly turned = (): void => {
    const isCrowded = this.writes - this.before >= CROWD
    if (!isCrowded || this.turns === MOST_TURNS) return this.flush()
    this.before = this.writes
    this.turns += 1
    this.immediate = setImmediate(this.turned)
  }

  /** Resolves when everything written so far is safe; rejects if it got lost. */
  settled(): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure)
    if (!this.open) return Promise.resolve()
    return new Promise((resolve, reject) => this.waiting.push({ committed: resolve, lost: reject }))
  }

  /** Reads when nothing is uncommitted; rejects as `read` throws, or if the transaction fails. */
  read<T>(read: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const committed = (): void => {
        try {
          resolve(read())
        } catch (error) {
          reject(error as Error)
        }
      }
      if (this.failure !== null) reject(this.failure)
      else if (this.open) this.readers.push({ committed, lost: reject })
      else committed()
    })
  }

  /** Commits all there is, and what follows from it. */
  drain(): void {
    while (this.open && this.failure === null) this.flush()
  }

  /** Commits what is open now. */
  flush(): void {
    if (!this.open) return
    if (this.immediate !== null) clearImmediate(this.immediate)
    this.immediate = null
    const observer = this.observers.current
    const start = observer === null ? 0 : performance.now()
    try {
      this.store.commit()
    } catch (error) {
      this.fail(error)
      return
    }
    this.open = false
    observer?.committed(performance.now() - start)
    for (const then of this.takeWaiting()) then.committed()
  }

  /** Tries whether the store takes writes again after a failure. Throws if not. */
  probe(): void {
    this.store.begin()
    this.store.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', ?)", new Uint8Array(64))
    this.store.commit()
    this.failure = null
  }

  /** Undoes the open turn without telling anybody: what a crash would do. */
  abandon(): void {
    if (this.immediate !== null) clearImmediate(this.immediate)
    this.immediate = null
    if (this.open) this.store.rollback()
    this.open = false
    this.takeWaiting()
  }

  /** Readers first (J3). */
  private takeWaiting(): AfterCommit[] {
    const { readers, waiting } = this
    this.waiting = []
    if (readers.length === 0) return waiting
    this.readers = []
    return [...readers, ...waiting]
  }

  private fail(cause: unknown): void {
    if (this.immediate !== null) clearImmediate(this.immediate)
    this.immediate = null
    try {
      this.store.rollback()
    } catch {
      // the connection is beyond use; the failure below says so
    }
    this.open = false
    this.failure = storeError(this.store.folder, cause)
    for (const then of this.takeWaiting()) then.lost?.(this.failure)
    this.onFailure(this.failure)
  }
}

/** What SQLite's error means to a person. */
function storeError(folder: string, cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const primary = ((cause as { errcode?: number }).errcode ?? 0) & 0xff
  const remedy =
    primary === 13 || /disk is full/i.test(message)
      ? 'the disk is full. Nothing that was acknowledged is lost; free some space, and what ran goes on by itself'
      : primary === 11 || primary === 26
        ? 'the database file is damaged. Stop the engine and restore the folder from a backup'
        : 'nothing that was acknowledged is lost; writing is tried again'
  return new EngineError('store-failed', `the store in ${folder} could not be written (${message}): ${remedy}.`, { cause })
}
