import { rounded } from './result.ts'

/** One execution of one side of a comparison; what it yields is checked once, before the clock starts. */
export type Once = () => Promise<unknown>

export interface Comparison {
  readonly ours: Once
  readonly reference: Once
  readonly inFlight: number
  readonly rounds: number
  /** Of one round of one side, about. */
  readonly roundMs: number
}

export interface Compared {
  /** Executions a second: medians of the rounds. */
  readonly ours: number
  readonly reference: number
  readonly spread: { readonly ours: readonly [number, number]; readonly reference: readonly [number, number] }
  readonly latencies: { readonly ours: Float64Array; readonly reference: Float64Array }
}

/**
 * Both sides in turns (ABAB), each warmed up first, with as many executions a round as take about `roundMs`. Throughput is taken over
 * whole rounds, without a clock inside, which would cost the faster side more than the slower; latencies come from rounds of their own.
 */
export async function compare({ ours, reference, inFlight, rounds, roundMs }: Comparison): Promise<Compared> {
  const sides = [
    { once: ours, count: 0, rates: [] as number[], latencies: [] as number[] },
    { once: reference, count: 0, rates: [] as number[], latencies: [] as number[] },
  ]
  for (const side of sides) side.count = await warmUp(side.once, inFlight, roundMs)
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      globalThis.gc?.()
      side.rates.push((side.count * 1000) / (await timed(() => lanes(side.once, inFlight, side.count))))
    }
  }
  for (let round = 0; round < 2; round++) {
    for (const side of sides) await timedLanes(side.once, inFlight, Math.max(inFlight, side.count >> 1), side.latencies)
  }
  const [mine, theirs] = sides as [(typeof sides)[0], (typeof sides)[0]]
  return {
    ours: median(mine.rates),
    reference: median(theirs.rates),
    spread: { ours: range(mine.rates), reference: range(theirs.rates) },
    latencies: { ours: Float64Array.from(mine.latencies).sort(), reference: Float64Array.from(theirs.latencies).sort() },
  }
}

/** Runs for about one round's time and says how many executions that takes, at least one per lane. */
async function warmUp(once: Once, inFlight: number, roundMs: number): Promise<number> {
  let count = inFlight
  let ms = await timed(() => lanes(once, inFlight, count))
  for (let spent = ms; spent < roundMs; spent += ms) {
    const left = Math.max(1, roundMs - spent)
    count = Math.max(inFlight, Math.min(count * 8, Math.ceil((count * left) / Math.max(ms, 0.01))))
    ms = await timed(() => lanes(once, inFlight, count))
  }
  const least = Math.max(inFlight, Math.round((count * roundMs) / Math.max(ms, 0.01)))
  return Math.ceil(least / inFlight) * inFlight
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

async function timedLanes(once: Once, inFlight: number, count: number, latencies: number[]): Promise<void> {
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
