/** Folders that live as long as a process: each has a `lock.db`, which the process holds locked, and which the kernel lets go of with it. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const LOCK = 'lock.db'
/** A folder this young may belong to a process that has not locked it yet. */
const YOUNG_MS = 10 * 60_000

export interface TemporaryFolder {
  readonly path: string
  /** Removes it. What cannot be removed is left for a sweep. */
  remove(): void
}

/** Makes a folder and locks it. Throws what the file system throws. */
export async function makeTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const { DatabaseSync } = await import('node:sqlite')
  const path = mkdtempSync(join(tmpdir(), prefix))
  const lock = new DatabaseSync(join(path, LOCK))
  lock.exec('BEGIN EXCLUSIVE')
  return {
    path,
    remove() {
      lock.close()
      try {
        rmSync(path, { recursive: true, force: true, maxRetries: 3 })
      } catch {
        return
      }
    },
  }
}

/** Removes the folders of processes that were killed: those whose lock nobody holds. What cannot be removed stays. */
export async function sweepTemporaryFolders(prefix: string, now = Date.now()): Promise<void> {
  const left = leftFolders(prefix, now)
  if (left.length === 0) return
  const { DatabaseSync } = await import('node:sqlite')
  for (const folder of left) {
    try {
      const lock = join(folder, LOCK)
      if (existsSync(lock)) {
        const db = new DatabaseSync(lock)
        try {
          // throws while the owner lives
          db.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE; ROLLBACK')
        } finally {
          db.close()
        }
      }
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    } catch {
      continue
    }
  }
}

function leftFolders(prefix: string, now: number): string[] {
  try {
    return readdirSync(tmpdir())
      .filter((name) => name.startsWith(prefix))
      .map((name) => join(tmpdir(), name))
      .filter((folder) => now - statSync(folder).mtimeMs > YOUNG_MS)
  } catch {
    return []
  }
}
