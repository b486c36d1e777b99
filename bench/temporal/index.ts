/** Ours on Temporal against workflows written by hand, on the same server; see ../README.md. Those that leave much behind come last. */
import type { Bench } from '../result.ts'
import { events } from './events.ts'
import { items } from './items.ts'
import { recovery } from './recovery.ts'
import { replay } from './replay.ts'
import { start } from './start.ts'
import { throughput } from './throughput.ts'

export const temporal: readonly Bench[] = [...throughput, ...events, ...start, ...replay, ...recovery, ...items].map((bench) => ({
  ...bench,
  onlyNamed: true,
}))
