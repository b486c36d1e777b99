import { rounded } from './result.ts'

/** One execution of one side of a comparison; what it yields is checked once, before the clock starts. */
export type Once = () => Promise<unknown>

export interface Comparison {
  readonly ours: Once
  readonly reference: Once
  readonly inFlight: number
  readonly rounds: number
  /** Of one round of one side, about; a round has one execution per lane at least. */
  readonly roundMs: number
  /** Of one side. */
  readonly warmUpMs: number
  /** No round is begun later than that after the first; a busy machine makes fewer rounds, not a longer wait. */
  readonly budgetMs: number
  /** Where an execution takes so long that reading the clock around each does not matter, every round gives latencies too. */
  readonly clockInside?: boolean
}

export interface Compared {
  /** Rounds that were made. */
  readonly rounds: number
  /** Executions a second: medians of the rounds. */
  readonly ours: number
  readonly reference: number
  readonly spread: { readonly ours: readonly [number, number]; readonly reference: readonly [number, number] }
  readonly latencies: { readonly ours: Float64Array; readonly reference: Float64Array }
}

const LATENCY_ROUNDS = 4

/**
 * Both sides in turns (ABAB), each warmed up first, with as many executions a round as take about `roundMs`. Throughput is taken over
 * whole rounds. Without `clockInside` latencies come from rounds of their own: a clock read twice per execution would cost the faster
 * side more than the slower.
 */
export async function compare({
  ours,
  reference,
  inFlight,
  rounds,
  roundMs,
  warmUpMs,
  budgetMs,
  clockInside = false,
}: Comparison): Promise<Compared> {
  const mine: Side = { once: ours, count: 0, rates: [], latencies: [] }
  const theirs: Side = { once: reference, count: 0, rates: [], latencies: [] }
  const sides = [mine, theirs]
  for (const side of sides) side.count = await warmUp(side.once, inFlight, warmUpMs, roundMs)
  const until = performance.now() + budgetMs
  for (let round = 0; round < rounds && (round === 0 || performance.now() < until); round++) {
    for (const { once, count, rates, latencies } of sides) {
      const ms = await timed(() => (clockInside ? timedLanes(once, inFlight, count, latencies) : lanes(once, inFlight, count)))
      rates.push((count * 1000) / ms)
    }
  }
  for (let round = 0; !clockInside && round < LATENCY_ROUNDS; round++) {
    for (const { once, count, latencies } of sides)
      await timedLanes(once, inFlight, Math.max(inFlight, Math.ceil(count / LATENCY_ROUNDS)), latencies)
  }
  return {
    rounds: mine.rates.length,
    ours: median(mine.rates),
    reference: median(theirs.rates),
    spread: { ours: range(mine.rates), reference: range(theirs.rates) },
    latencies: { ours: Float64Array.from(mine.latencies).sort(), reference: Float64Array.from(theirs.latencies).sort() },
  }
}

interface Side {
  readonly once: Once
  /** Executions a round. */
  count: number
  readonly rates: number[]
  readonly latencies: number[]
}

/** Runs for about `warmUpMs` and says how many executions take `roundMs`, at least one per lane. */
async function warmUp(once: Once, inFlight: number, warmUpMs: number, roundMs: number): Promise<number> {
  let count = 1
  let ms = 0
  for (let spent = 0; spent < warmUpMs; spent += ms) {
    ms = await timed(() => lanes(once, Math.min(inFlight, count), count))
    // towards batches of one round, in steps, as the first executions are slow
    count = Math.max(1, Math.min(count * 4, Math.round((count * roundMs) / Math.max(ms, 0.01))))
  }
  return Math.ceil(count / inFlight) * inFlight
}

async function lanes(once: Once, inFlight: number, count: number): Promise<void> {
  if (inFlight === 1) {
    for (let i = 0; i < count; i++) await once()
    return
  }
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) await once()
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

export async function timedLanes(once: Once, inFlight: number, count: number, latencies: number[]): Promise<void> {
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now()
      await once()
      latencies.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

/** Milliseconds that something takes. */
export async function timed(what: () => unknown): Promise<number> {
  const start = performance.now()
  await what()
  return performance.now() - start
}

export function median(values: readonly number[]): number {
  return quantile(Float64Array.from(values).sort(), 0.5)
}

/** @param sorted ascending, not empty */
export function quantile(sorted: Float64Array, q: number): number {
  const at = (sorted.length - 1) * q
  const low = Math.floor(at)
  const below = sorted[low] as number
  return below + ((sorted[Math.min(low + 1, sorted.length - 1)] as number) - below) * (at - low)
}

export function range(values: readonly number[]): readonly [number, number] {
  return [rounded(Math.min(...values)), rounded(Math.max(...values))]
}
