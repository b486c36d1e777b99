import { median, quantile } from '../measure.ts'
import { atLeast, atMost, pair, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import { WORKLOADS, type Workload, type WorkloadName } from '../workloads.ts'
import { checkOutputs, clusterOf, type Side } from './cluster.ts'
import { alternate, cpuMs, partsOf, ratioOfRounds, spreadOf, type Figures, type Rounds } from './rounds.ts'

const AGAINST = 'a hand-written Temporal workflow'

/** Executions a round, such that a round takes some seconds. */
const ROUNDS: { readonly [name: string]: { readonly full: Rounds; readonly quick: Rounds } } = {
  'w1-1': {
    full: { inFlight: 1, rounds: 10, count: 40, warmUp: 40 },
    quick: { inFlight: 1, rounds: 4, count: 20, warmUp: 20 },
  },
  'w1-64': {
    full: { inFlight: 64, rounds: 10, count: 256, warmUp: 512 },
    quick: { inFlight: 64, rounds: 3, count: 128, warmUp: 192 },
  },
  'w4-1': {
    full: { inFlight: 1, rounds: 5, count: 1, warmUp: 2 },
    quick: { inFlight: 1, rounds: 1, count: 1, warmUp: 1 },
  },
  'w5-64': {
    full: { inFlight: 64, rounds: 5, count: 64, warmUp: 64 },
    quick: { inFlight: 64, rounds: 2, count: 64, warmUp: 16 },
  },
}

export const throughput: readonly Bench[] = [
  {
    name: 'temporal-w1-1',
    about: '3 functions in sequence; Temporal, 1 in flight: latency',
    run: async (settings) => latency(await measured('w1', 1, settings), (p50) => atMost('ratio of the p50 latencies', p50, 1.15)),
  },
  {
    name: 'temporal-w1-64',
    about: '3 functions in sequence; Temporal, 64 in flight: flows a second',
    run: async (settings) => rate(await measured('w1', 64, settings)),
  },
  {
    name: 'temporal-w1-64-cpu',
    about: '3 functions in sequence; Temporal, 64 in flight: CPU of server and worker per flow',
    run: async (settings) => cpu(await measured('w1', 64, settings)),
  },
  {
    name: 'temporal-w5-64',
    about: '50 functions in sequence; Temporal, 64 in flight: flows a second',
    run: async (settings) => rate(await measured('w5', 64, settings)),
  },
  {
    name: 'temporal-w5-64-cpu',
    about: '50 functions in sequence; Temporal, 64 in flight: CPU of server and worker per flow',
    run: async (settings) => cpu(await measured('w5', 64, settings)),
  },
  {
    name: 'temporal-w4-1',
    about: 'a loop of 1,000 items x 2 functions, unbounded; Temporal, 1 in flight: latency',
    run: async (settings) => latency(await measured('w4', 1, settings), (p50) => atMost('ratio of the times', p50, 1.2)),
  },
]

type BothSides = Readonly<Record<Side, Figures>>

const known = new WeakMap<BenchSettings, Map<string, BothSides>>()

/** One measurement gives several names their figures: it is made when the first asks. */
async function measured(name: WorkloadName, inFlight: number, settings: BenchSettings): Promise<BothSides> {
  let of = known.get(settings)
  if (of === undefined) known.set(settings, (of = new Map()))
  const key = `${name}-${inFlight}`
  let figures = of.get(key)
  if (figures === undefined) of.set(key, (figures = await measure(key, workloadOf(name), settings)))
  return figures
}

async function measure(key: string, workload: Workload, settings: BenchSettings): Promise<BothSides> {
  const cluster = await clusterOf(settings)
  const workers = await cluster.pair()
  const { name, input, expected } = workload
  await cluster.engine.deploy(workload.definition('standard'))
  await checkOutputs(cluster, name, input, expected)
  const { full, quick } = ROUNDS[key] as { full: Rounds; quick: Rounds }
  const rounds = settings.quick ? quick : full
  return alternate(cluster, workers, workload, { ...rounds, rounds: settings.rounds ?? rounds.rounds })
}

export function workloadOf(name: WorkloadName): Workload {
  return WORKLOADS.find((workload) => workload.name === name) as Workload
}

function rate(figures: BothSides): BenchResult {
  const { ours, reference } = figures
  const [mine, theirs] = [median(ours.rates), median(reference.rates)]
  return {
    ...compared(mine, theirs, 'flows/s', 'higher', ours.rates, reference.rates),
    latencyMs: latencies(figures),
    target: atLeast('ratio', mine / theirs, 0.9),
    more: { ratioOfRounds: ratioOfRounds(ours.rates, reference.rates), ...partsOf(figures) },
  }
}

function cpu(figures: BothSides): BenchResult {
  const [ours, reference] = [cpuMs(figures.ours), cpuMs(figures.reference)]
  const [mine, theirs] = [median(ours), median(reference)]
  return {
    ...compared(mine, theirs, 'ms CPU/flow', 'lower', ours, reference),
    target: atMost('ratio', mine / theirs, 1.1),
    more: { ratioOfRounds: ratioOfRounds(ours, reference), ...partsOf(figures) },
  }
}

function latency(figures: BothSides, targetOf: (ratio: number) => NonNullable<BenchResult['target']>): BenchResult {
  const { ours, reference } = figures
  const both = latencies(figures)
  const [mine, theirs] = [median(ours.latencies), median(reference.latencies)]
  return {
    ...compared(mine, theirs, 'ms', 'lower', ours.latencies, reference.latencies),
    rounds: ours.rates.length,
    latencyMs: both,
    target: targetOf(mine / theirs),
    more: partsOf(figures),
  }
}

function latencies({ ours, reference }: BothSides): NonNullable<BenchResult['latencyMs']> {
  const [mine, theirs] = [Float64Array.from(ours.latencies).sort(), Float64Array.from(reference.latencies).sort()]
  return { p50: pair(quantile(mine, 0.5), quantile(theirs, 0.5)), p99: pair(quantile(mine, 0.99), quantile(theirs, 0.99)) }
}

function compared(
  mine: number,
  theirs: number,
  unit: string,
  better: 'higher' | 'lower',
  ours: readonly number[],
  reference: readonly number[],
): BenchResult {
  return {
    ours: rounded(mine),
    reference: rounded(theirs),
    ratio: rounded(mine / theirs),
    unit,
    better,
    against: AGAINST,
    spread: spreadOf(ours, reference),
    rounds: ours.length,
  }
}
