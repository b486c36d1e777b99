import { PAYLOAD_LIMIT } from '../../dsl/json-copy.ts'
import type { Plan, PlanNode } from '../../dsl/plan.ts'
import { Suggester } from '../../dsl/suggest.ts'
import { usageError } from '../command-error.ts'

const DEFAULT_ITEMS = 100
const DEFAULT_BYTES = 1024
const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 * 1024 }
/** More than any loop should have, and few enough to count with. */
const MOST_ITEMS = 10_000_000

export interface ItemCounts {
  readonly all: number
  readonly byLoop: ReadonlyMap<string, number>
}

/** The values of `--items`: `50`, or `each=1000`. Throws CommandError (exit code 2). */
export function parseItems(values: readonly string[], plans: readonly Plan[]): ItemCounts {
  const loops = new Set(plans.flatMap(({ nodes }) => loopsOf(nodes)))
  const byLoop = new Map<string, number>()
  let all: number | undefined
  for (const value of values) {
    const [, loop, digits = ''] = /^(?:([^=]*)=)?(.*)$/s.exec(value) ?? []
    const count = /^\d{1,8}$/.test(digits) ? Number(digits) : NaN
    if (!(count <= MOST_ITEMS))
      throw usageError(`--items ${value}: write a number such as 50, or loop=number such as each=1000 (10,000,000 at most)`)
    if (loop === undefined) {
      if (all !== undefined)
        throw usageError(`--items ${all} and --items ${value} cannot be given together; name a loop, as in --items each=${count}`)
      all = count
      continue
    }
    if (!loops.has(loop)) throw usageError(`--items ${value}: ${noLoop(loop, loops)}`)
    byLoop.set(loop, count)
  }
  return { all: all ?? DEFAULT_ITEMS, byLoop }
}

/** The value of `--bytes`: `2048`, `100KiB`. Throws CommandError (exit code 2). */
export function parseBytes(value: string | undefined): number {
  if (value === undefined) return DEFAULT_BYTES
  const [, digits, unit = ''] = /^(\d{1,10})(KiB|MiB)?$/.exec(value) ?? []
  if (digits === undefined) throw usageError(`--bytes ${value}: write a number of bytes such as 2048, 100KiB or 1MiB`)
  const bytes = Number(digits) * (UNITS[unit] as number)
  if (bytes > PAYLOAD_LIMIT) throw usageError(`--bytes ${value}: a function's result may have 6 MiB (${PAYLOAD_LIMIT} bytes) of JSON`)
  return bytes
}

function noLoop(name: string, loops: ReadonlySet<string>): string {
  if (loops.size === 0) return 'the flow has no loop'
  return `no loop ${name}${new Suggester().hint(name, loops) || `; there are ${[...loops].join(', ')}`}`
}

function loopsOf(nodes: Readonly<Record<string, PlanNode>>): string[] {
  return Object.values(nodes).flatMap((node) => (node.type === 'loop' ? [node.id] : []))
}
