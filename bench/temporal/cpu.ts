/** CPU time of other processes, as Linux counts it: in ticks of 10 ms, all threads together. */
import { readdirSync, readFileSync } from 'node:fs'

const TICK_MS = 10

interface Stat {
  readonly parent: number
  readonly own: number
  /** Of children that have ended. */
  readonly children: number
}

/** Milliseconds that a process has had so far. */
export function cpuOf(pid: number): number {
  return statOf(pid).own * TICK_MS
}

/** As {@link cpuOf}, with its children, those that have ended included: PostgreSQL has one per connection. */
export function cpuOfTree(pid: number): number {
  const { own, children } = statOf(pid)
  let ticks = own + children
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = statOf(Number(name))
      if (stat.parent === pid) ticks += stat.own
    } catch {
      // has ended
    }
  }
  return ticks * TICK_MS
}

function statOf(pid: number): Stat {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // behind the name, which may hold anything
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const at = (field: number): number => Number(fields[field - 3])
  return { parent: at(4), own: at(14) + at(15), children: at(16) + at(17) }
}
