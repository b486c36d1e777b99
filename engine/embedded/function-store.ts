import { join } from 'node:path'
import type { FunctionStore, StoredFunction } from '../function-uploads/api.ts'
import type { Journal } from './journal.ts'
import type { Store } from './store.ts'

const SELECT = 'SELECT key, definition, code, etag, made_by AS madeBy FROM functions'

/** Functions in SQLite; their code lies beside it. */
export class EmbeddedFunctionStore implements FunctionStore {
  private readonly store: Store
  private readonly journal: Journal
  readonly folder: string | null
  readonly shared = null

  constructor(store: Store, journal: Journal) {
    this.store = store
    this.journal = journal
    this.folder = store.folder === ':memory:' ? null : join(store.folder, 'functions')
  }

  all(): Promise<readonly StoredFunction[]> {
    return this.journal.read(() => this.store.all<StoredFunction>(`${SELECT} ORDER BY key`))
  }

  find(key: string): Promise<StoredFunction | undefined> {
    return this.journal.read(() => this.store.get<StoredFunction>(`${SELECT} WHERE key = ?`, key))
  }

  async save({ key, definition, code, etag, madeBy }: StoredFunction, before: string | null): Promise<'saved' | 'changed'> {
    const isSaved = await this.change(key, before, () =>
      this.store.run(
        `INSERT INTO functions (key, definition, code, etag, made_by, updated_at) VALUES (?,?,?,?,?,?) ON CONFLICT (key) DO UPDATE SET
          definition = excluded.definition, code = excluded.code, etag = excluded.etag, made_by = excluded.made_by, updated_at = excluded.updated_at`,
        key,
        definition,
        code,
        etag,
        madeBy,
        Date.now(),
      ),
    )
    return isSaved ? 'saved' : 'changed'
  }

  remove(key: string, before: string): Promise<boolean> {
    return this.change(key, before, () => this.store.run('DELETE FROM functions WHERE key = ?', key))
  }

  /** False where another one than `before` is there by now. */
  private async change(key: string, before: string | null, change: () => void): Promise<boolean> {
    let isDone = false
    this.journal.write(() => {
      const found = this.store.get<{ etag: string }>('SELECT etag FROM functions WHERE key = ?', key)?.etag ?? null
      if (found !== before) return
      change()
      isDone = true
    })
    await this.journal.settled()
    return isDone
  }
}
