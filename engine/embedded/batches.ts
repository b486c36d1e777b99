import type { BatchError, BatchRecord } from '../batches/api.ts'
import {
  BATCH_KEPT_MS,
  batchOfRow,
  MOST_ERRORS,
  type BatchColumns,
  type BatchItem,
  type BatchStore,
  type BatchWork,
  type ItemResult,
} from '../batches/store.ts'
import type { EmbeddedHost } from './embedded-host.ts'

interface BatchRow extends BatchColumns {
  readonly collected: number
  readonly errors: string
}

/** Batches in SQLite, whose one process has them all. What is written is safe when the promise resolves. */
export class EmbeddedBatches implements BatchStore {
  readonly lookMs = null
  private readonly host: Pick<EmbeddedHost, 'store' | 'journal'>

  constructor(host: Pick<EmbeddedHost, 'store' | 'journal'>) {
    this.host = host
  }

  create({ id, action, filter, createdAt }: Pick<BatchRecord, 'id' | 'action' | 'filter' | 'createdAt'>): Promise<void> {
    return this.write(() => {
      const { store } = this.host
      store.run('DELETE FROM batches WHERE ended_at < ?', createdAt - BATCH_KEPT_MS)
      const sql = 'INSERT OR IGNORE INTO batches (id, action, filter, created_at) VALUES (?,?,?,?)'
      store.run(sql, id, action, JSON.stringify(filter), createdAt)
    })
  }

  get(id: string): Promise<BatchRecord | undefined> {
    return this.host.journal.read(() => {
      const row = this.row(id)
      return row === undefined ? undefined : recordOf(row)
    })
  }

  claim(): Promise<BatchWork | undefined> {
    return this.host.journal.read(() => {
      const sql = 'SELECT * FROM batches WHERE ended_at IS NULL ORDER BY created_at, id LIMIT 1'
      const row = this.host.store.get<BatchRow>(sql)
      if (row === undefined) return undefined
      return { ...recordOf(row), isCollected: row.collected === 1, ...(row.cursor === null ? {} : { cursor: row.cursor }) }
    })
  }

  async collect({ id }: BatchWork, _owner: string, executions: readonly string[], cursor: string | null): Promise<boolean> {
    await this.write(() => {
      const { store } = this.host
      const total = this.row(id)?.total ?? 0
      executions.forEach((execution, at) => {
        store.run('INSERT INTO batch_items (batch, seq, execution) VALUES (?,?,?)', id, total + at, execution)
      })
      const sql = 'UPDATE batches SET total = ?, collected = ?, cursor = ? WHERE id = ?'
      store.run(sql, total + executions.length, cursor === null ? 1 : 0, cursor, id)
    })
    return true
  }

  next(id: string, limit: number): Promise<BatchItem[]> {
    const sql = 'SELECT seq, execution FROM batch_items WHERE batch = ? ORDER BY seq LIMIT ?'
    return this.host.journal.read(() => this.host.store.all<{ seq: number; execution: string }>(sql, id, limit))
  }

  async done(id: string, _owner: string, results: readonly ItemResult[]): Promise<boolean> {
    await this.write(() => {
      const { store } = this.host
      for (const { seq } of results) store.run('DELETE FROM batch_items WHERE batch = ? AND seq = ?', id, seq)
      const errors = results.flatMap(({ error }) => error ?? [])
      const kept = [...(JSON.parse(this.row(id)?.errors ?? '[]') as BatchError[]), ...errors].slice(0, MOST_ERRORS)
      const isOver = store.get('SELECT 1 FROM batch_items WHERE batch = ? LIMIT 1', id) === undefined
      const sql = 'UPDATE batches SET succeeded = succeeded + ?, failed = failed + ?, errors = ?, ended_at = ? WHERE id = ?'
      store.run(sql, results.length - errors.length, errors.length, JSON.stringify(kept), isOver ? Date.now() : null, id)
    })
    return true
  }

  private row(id: string): BatchRow | undefined {
    return this.host.store.get<BatchRow>('SELECT * FROM batches WHERE id = ?', id)
  }

  private write(write: () => void): Promise<void> {
    const { journal } = this.host
    if (journal.failure !== null) return Promise.reject(journal.failure)
    journal.write(write)
    return journal.settled()
  }
}

function recordOf(row: BatchRow): BatchRecord {
  return batchOfRow(row, JSON.parse(row.errors) as BatchError[])
}
