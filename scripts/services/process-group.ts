/*
 * Ending servers with all their processes, also those that made a session of their own (every backend of PostgreSQL does).
 * The process is stopped first, so that it forks nothing between the look at its descendants and their end.
 */
import { kill, membersOf, processTable } from '../../executors/process-tree.ts'

const POLL_MS = 10

/** SIGKILLs a process, its descendants, groups and sessions, and resolves when all are gone. The process must be alive or not yet reaped. */
export async function killTree(pid: number): Promise<void> {
  signal(pid, 'SIGSTOP')
  const table = processTable()
  const members = table === undefined ? [pid] : membersOf(pid, table)
  kill(-pid)
  for (const member of members) kill(member)
  const doomed = new Set(members)
  for (;;) {
    const alive = (processTable() ?? []).some((process) => doomed.has(process.pid))
    if (!alive) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Sends a signal; false if the process is gone. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
