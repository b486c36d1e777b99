import type { ExecutionFilter } from '../api.ts'

export type BatchAction = 'stop' | 'retry' | 'delete'

/** What could not be done to one execution. */
export interface BatchError {
  readonly execution: string
  readonly code: string
  readonly message: string
}

/** Something that is done to many executions. Times are epoch milliseconds. */
export interface BatchRecord {
  readonly id: string
  readonly action: BatchAction
  readonly filter: ExecutionFilter
  readonly status: 'running' | 'completed'
  /** Executions that matched when it began; grows while they are looked up. */
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  /** The first hundred. */
  readonly errors: readonly BatchError[]
  readonly createdAt: number
  readonly endedAt?: number
}

export interface NewBatch {
  readonly action: BatchAction
  /** Not empty. What matches when the batch begins. */
  readonly filter: ExecutionFilter
  /** An id of the caller's; one that exists is that batch. */
  readonly id?: string
}

/**
 * Stops, retries or deletes many executions; it goes on after a restart where it was, and does nothing twice. Rejects with EngineError `bad-option`,
 * `batch-not-found`, `not-durable` where there is no store.
 */
export interface Batches {
  /** Resolves when the batch is safe; it is then done by itself. */
  create(batch: NewBatch): Promise<BatchRecord>
  get(id: string): Promise<BatchRecord>
}
