import { readdirSync, readFileSync } from 'node:fs'

/** A process as /proc shows it. */
export interface ProcessInfo {
  readonly pid: number
  readonly ppid: number
  readonly group: number
  readonly session: number
}

/** The variable by which all processes of an instance are found, whatever sessions they made. */
export const INSTANCE_VARIABLE = 'FNFLOW_INSTANCE'

/** All processes that are alive, zombies left out; undefined where there is no /proc. */
export function processTable(): ProcessInfo[] | undefined {
  let names: string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return undefined
  }
  const table: ProcessInfo[] = []
  for (const name of names) {
    const first = name.charCodeAt(0)
    if (first < 0x30 || first > 0x39) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      // The name in parentheses may hold anything, parentheses too.
      const [state, ppid, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 4)
      if (state === 'Z' || state === 'X') continue
      table.push({ pid: Number(name), ppid: Number(ppid), group: Number(group), session: Number(session) })
    } catch {
      // It ended meanwhile.
    }
  }
  return table.length === 0 ? undefined : table
}

/** `root`, its descendants, and what shares its group or session. The root must be alive, or not yet reaped. */
export function membersOf(root: number, table: readonly ProcessInfo[]): number[] {
  const members = new Set<number>([root])
  for (let size = 0; size !== members.size;) {
    size = members.size
    for (const { pid, ppid, group, session } of table) {
      if (members.has(ppid) || group === root || session === root) members.add(pid)
    }
  }
  return [...members]
}

/** Processes, among those of this user, that carry one of the markers in their environment, with the marker. */
export function markedWith(markers: ReadonlySet<string>, table: readonly ProcessInfo[]): Map<number, string> {
  const found = new Map<number, string>()
  const prefix = `${INSTANCE_VARIABLE}=`
  for (const { pid } of table) {
    let environment: string
    try {
      environment = readFileSync(`/proc/${pid}/environ`, 'latin1')
    } catch {
      continue
    }
    let at = environment.indexOf(prefix)
    while (at > 0 && environment.charCodeAt(at - 1) !== 0) at = environment.indexOf(prefix, at + 1)
    if (at < 0) continue
    const end = environment.indexOf('\0', at)
    const marker = environment.slice(at + prefix.length, end < 0 ? undefined : end)
    if (markers.has(marker)) found.set(pid, marker)
  }
  return found
}

/** One instance as the killing sees it. */
export interface Tree {
  /** Also the id of its group and session. */
  readonly pid: number
  readonly marker: string
}

/**
 * SIGKILLs everything that belongs to the instances: descendants, their groups and sessions, and what carries the marker.
 * Call it while the roots are alive: their numbers could otherwise be somebody else's.
 */
export function killTrees(trees: readonly Tree[]): void {
  // The groups first: it is at once, and a busy process makes no new children meanwhile.
  const table = processTable()
  const doomed = new Set<number>()
  if (table !== undefined) {
    for (const { pid } of trees) for (const member of membersOf(pid, table)) doomed.add(member)
  }
  for (const { pid } of trees) kill(-pid)
  for (const pid of doomed) kill(pid)
  if (table !== undefined) for (const pid of markedWith(new Set(trees.map((tree) => tree.marker)), table).keys()) kill(pid)
}

/** How often the leftovers of an instance are looked for, and how far apart: what is killed is not gone at once. */
const SWEEPS = 100
const SWEEP_INTERVAL_MS = 10

const leftovers = new Map<string, { rounds: number; readonly gone: () => void }>()
let sweeping = false

/**
 * SIGKILLs what carries the marker until nothing does, then calls `gone`. Safe when the instance's first process is reaped.
 * However many instances end at once, the process table is read once for all.
 */
export function sweepLeftovers(marker: string, gone: () => void): void {
  leftovers.set(marker, { rounds: 0, gone })
  if (sweeping) return
  sweeping = true
  setImmediate(sweep)
}

function sweep(): void {
  const table = processTable()
  const found = table === undefined ? new Map<number, string>() : markedWith(new Set(leftovers.keys()), table)
  for (const pid of found.keys()) kill(pid)
  const alive = new Set(found.values())
  const done: (() => void)[] = []
  for (const [marker, entry] of leftovers) {
    if (alive.has(marker) && ++entry.rounds < SWEEPS) continue
    leftovers.delete(marker)
    done.push(entry.gone)
  }
  sweeping = leftovers.size > 0
  if (sweeping) setTimeout(sweep, SWEEP_INTERVAL_MS)
  for (const gone of done) gone()
}

/** SIGKILL to a process, or to a group by its negative number; one that is gone is no error. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ESRCH: gone. EPERM: became another user's; nothing can be done.
  }
}
