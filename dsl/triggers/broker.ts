import { msOf, type RawTrigger, type TriggerCheck } from './kind.ts'

/** Until a batch that is not full starts. */
const DEFAULT_WINDOW_MS = 1000

interface Batch {
  readonly size: number
  readonly window?: number | string | undefined
}

/** The checks of kinds that read from a broker. */
export function checkBroker({ connection, deadLetter }: RawTrigger, check: TriggerCheck): void {
  if (typeof connection === 'string') check.usesConnection(connection, ['connection'])
  if (typeof deadLetter === 'string') check.usesChannel(deadLetter, ['deadLetter'])
}

/** Their `batch`, compiled; to be spread into the trigger. */
export function batchOf(batch: Batch | undefined): { readonly batch?: { readonly size: number; readonly windowMs: number } } {
  return batch === undefined ? {} : { batch: { size: batch.size, windowMs: msOf(batch.window, DEFAULT_WINDOW_MS) } }
}
