/*
 * Memory of instances that work on something, polled. Best effort: what is taken and given back between two looks is not
 * seen, and where there is no /proc nothing is. Node's heap has a limit of its own besides (nodejs/index.ts).
 */
import { readFileSync } from 'node:fs'
import { markedWith, membersOf, processTable, type ProcessInfo, type Tree } from './process-tree.ts'

/** What the watch knows of an instance. */
export interface Watched extends Tree {
  readonly memoryLimitKb: number
  /** Called when all its processes together are over the limit, with what they have, in kB. */
  outOfMemory(usedKb: number): void
}

/** How often the first process is looked at, and every how many times all of them. */
const INTERVAL_MS = 100
const FULL_EVERY = 5

const watched = new Set<Watched>()
let timer: NodeJS.Timeout | undefined
let round = 0

/** Looks at the instance until {@link unwatchMemory}. */
export function watchMemory(instance: Watched): void {
  watched.add(instance)
  if (timer === undefined && process.platform === 'linux') timer = setInterval(look, INTERVAL_MS).unref()
}

export function unwatchMemory(instance: Watched): void {
  watched.delete(instance)
}

function look(): void {
  // Stopped here and not in unwatchMemory: a warm instance is watched and unwatched thousands of times a second.
  if (watched.size === 0) {
    clearInterval(timer)
    timer = undefined
    return
  }
  const full = ++round % FULL_EVERY === 0
  const table = full ? processTable() : undefined
  for (const instance of watched) {
    const rss = table === undefined ? residentKb(instance.pid) : sumOf(instance, table, residentKb)
    if (rss <= instance.memoryLimitKb) continue
    // Shared pages count in each process that maps them; before the kill they are shared out.
    const all = processTable()
    const used = all === undefined ? rss : sumOf(instance, all, proportionalKb)
    if (used > instance.memoryLimitKb) instance.outOfMemory(used)
  }
}

function sumOf(instance: Watched, table: readonly ProcessInfo[], measure: (pid: number) => number): number {
  const members = membersOf(instance.pid, table)
  // Reading every environment is dear: only where a process is nobody's child may one have left its family.
  if (table.some(({ pid, ppid }) => ppid === 1 && pid !== instance.pid)) {
    const orphans = table.filter(({ ppid }) => ppid === 1)
    for (const pid of markedWith(new Set([instance.marker]), orphans).keys()) if (!members.includes(pid)) members.push(pid)
  }
  return members.reduce((sum, pid) => sum + measure(pid), 0)
}

function residentKb(pid: number): number {
  return field(`/proc/${pid}/status`, /^VmRSS:\s+(\d+)/m)
}

function proportionalKb(pid: number): number {
  return field(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+)/m) || residentKb(pid)
}

function field(file: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(file, 'latin1'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
