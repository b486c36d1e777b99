import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommandError } from './command-error.ts'
import { EXIT } from './exit-codes.ts'

const PREFIX = 'fnflow-run-'

/** Makes the folder of a store that lives as long as the command. Throws CommandError (exit code 3). */
export function makeTemporaryStore(): string {
  try {
    return mkdtempSync(join(tmpdir(), PREFIX))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const errorMessage = `no temporary folder can be made: ${reason}; name a folder with --store, or another place by TMPDIR`
    throw new CommandError({ status: 503, errorType: 'store-unusable', errorMessage }, EXIT.unreachable)
  }
}

export function removeTemporaryStore(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** Removes the temporary stores of processes that were killed: those whose lock nobody holds. What cannot be removed stays. */
export async function sweepTemporaryStores(): Promise<void> {
  const { sweepTemporaryFolders } = await import('../engine/temporary-folders.ts')
  await sweepTemporaryFolders(PREFIX)
}
