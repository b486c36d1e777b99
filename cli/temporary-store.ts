import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommandError } from './command-error.ts'
import { EXIT } from './exit-codes.ts'

const PREFIX = 'fnflow-run-'
/** A folder this young may belong to a process that has not locked it yet. */
const YOUNG_MS = 10 * 60_000

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
export async function sweepTemporaryStores(now = Date.now()): Promise<void> {
  const left = leftFolders(now)
  if (left.length === 0) return
  const { DatabaseSync } = await import('node:sqlite')
  for (const folder of left) {
    try {
      const lock = join(folder, 'lock.db')
      if (existsSync(lock)) {
        const db = new DatabaseSync(lock)
        try {
          // throws while the owner lives
          db.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE; ROLLBACK')
        } finally {
          db.close()
        }
      }
      removeTemporaryStore(folder)
    } catch {
      continue
    }
  }
}

function leftFolders(now: number): string[] {
  try {
    return readdirSync(tmpdir())
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => join(tmpdir(), name))
      .filter((folder) => now - statSync(folder).mtimeMs > YOUNG_MS)
  } catch {
    return []
  }
}
