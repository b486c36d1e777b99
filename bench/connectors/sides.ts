/** What a connector's bench makes of both sides: our engine, and a bare consumer of the same client. */
import { Program } from '../http/processes.ts'
import { median, quantile, range } from '../measure.ts'
import { atLeast, pair, rounded, type BenchResult } from '../result.ts'

const RATIO = 0.6
const LATER_MS = 2
const MORE_MB = 100

/** One side, in its own process. */
export interface Side {
  readonly program: Program
  readonly rates: number[]
  readonly cpuUs: number[]
  readonly latencies: number[]
}

export interface Consumed {
  readonly ms: number
  readonly latencies: readonly number[]
}

/** Starts one of `programs/`; where profiles are wanted it writes one. @param flags Of Node. */
export async function startSide(name: string, args: readonly string[], flags: readonly string[] = []): Promise<Side> {
  const { FNFLOW_BENCH_PROFILES: profiles } = process.env
  const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  const program = await Program.start(new URL(`programs/${name}.mjs`, import.meta.url), args, [...flags, ...profiling])
  return { program, rates: [], cpuUs: [], latencies: [] }
}

/** @param client Of both sides, by its package. @param moreMb Memory of ours above the other's, at the most. */
export function resultOf(client: string, ours: Side, reference: Side, moreMb: number): BenchResult {
  const ratio = median(ours.rates) / median(reference.rates)
  const sorted = (side: Side): Float64Array => Float64Array.from(side.latencies).sort()
  const at = (q: number) => pair(quantile(sorted(ours), q), quantile(sorted(reference), q))
  const p50 = at(0.5)
  const laterMs = p50.ours - p50.reference
  const target = atLeast('ratio', ratio, RATIO)
  const misses = [
    ...(laterMs > LATER_MS ? [`p50 ${rounded(laterMs)} ms later, over the ${LATER_MS} wanted`] : []),
    ...(moreMb > MORE_MB ? [`${rounded(moreMb)} MB more, over the ${MORE_MB} wanted`] : []),
  ]
  return {
    ours: rounded(median(ours.rates)),
    reference: rounded(median(reference.rates)),
    ratio: rounded(ratio),
    unit: '/s',
    better: 'higher',
    against: `a bare consumer of ${client} that writes a row for each message, group-committed`,
    spread: { ours: range(ours.rates), reference: range(reference.rates) },
    rounds: ours.rates.length,
    latencyMs: { p50, p99: at(0.99) },
    target: misses.length === 0 ? target : { ...target, what: ['ratio', ...misses].join('; '), met: false },
    more: {
      cpuUs: `${rounded(median(ours.cpuUs))} (${rounded(median(reference.cpuUs))})`,
      laterMs: rounded(laterMs),
      moreMb: rounded(moreMb),
    },
  }
}
