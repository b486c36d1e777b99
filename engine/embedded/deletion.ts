import { EngineError } from '../errors.ts'
import type { EmbeddedHost } from './embedded-host.ts'
import { deleteExecution } from './rows.ts'

/**
 * Writes the deletion of an ended execution. One whose parent waits for it stays until that has ended, too: after a crash the parent asks for what
 * it came to. Throws EngineError `execution-not-found`, `execution-running`.
 */
export function deleteEnded({ reader, journal, store }: EmbeddedHost, id: string): void {
  const { key, status, parent, parent_place: place } = reader.row(id)
  if (status === 'running') throw new EngineError('execution-running', `execution ${id} is still running; stop it first`)
  const waits = parent !== null && place !== null && store.execution(parent)?.status === 'running'
  if (waits)
    throw new EngineError('execution-running', `execution ${parent}, which waits for execution ${id}, is still running; stop it first`)
  if (journal.failure !== null) throw journal.failure
  journal.write(() => deleteExecution(store, key))
}
