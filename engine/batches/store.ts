import type { ExecutionFilter } from '../api.ts'
import type { BatchAction, BatchError, BatchRecord } from './api.ts'

/** An execution of a batch that is still to be done. */
export interface BatchItem {
  readonly seq: number
  readonly execution: string
}

export interface BatchWork extends BatchRecord {
  /** False as long as its executions are looked up. */
  readonly isCollected: boolean
  /** Where the look-up goes on; absent: at the beginning. */
  readonly cursor?: string
}

export interface ItemResult extends BatchItem {
  readonly error?: BatchError
}

/** Of this many failures the errors are kept. */
export const MOST_ERRORS = 100
/** An ended batch can be asked for so long. */
export const BATCH_KEPT_MS = 90 * 86_400_000

/**
 * Keeps batches. One process at a time has one: whoever has claimed it, until its lease runs out. What it writes after that is refused (false), so
 * that nothing is counted twice.
 */
export interface BatchStore {
  /** How often others may leave a batch behind that must be looked for, ms; null: nobody else uses this store. */
  readonly lookMs: number | null
  create(batch: Pick<BatchRecord, 'id' | 'action' | 'filter' | 'createdAt'>): Promise<void>
  get(id: string): Promise<BatchRecord | undefined>
  /** The oldest batch that is not ended and nobody has; undefined where there is none. */
  claim(owner: string): Promise<BatchWork | undefined>
  /** Adds executions behind those that are there. `cursor`: where the look-up goes on; null: that was all. */
  collect(work: BatchWork, owner: string, executions: readonly string[], cursor: string | null): Promise<boolean>
  next(id: string, limit: number): Promise<BatchItem[]>
  /** Takes items out and counts them; ends a batch that has none left. */
  done(id: string, owner: string, results: readonly ItemResult[]): Promise<boolean>
}

/** What the rows of batches have in every store; `filter` is JSON. */
export interface BatchColumns {
  readonly id: string
  readonly action: BatchAction
  readonly filter: string
  readonly cursor: string | null
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  readonly created_at: number
  readonly ended_at: number | null
}

/** The record of a row, whose errors each store keeps in its own way. */
export function batchOfRow(row: BatchColumns, errors: readonly BatchError[]): BatchRecord {
  return {
    id: row.id,
    action: row.action,
    filter: JSON.parse(row.filter) as ExecutionFilter,
    status: row.ended_at === null ? 'running' : 'completed',
    total: row.total,
    succeeded: row.succeeded,
    failed: row.failed,
    errors,
    createdAt: row.created_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  }
}
