import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import { clusterOf, SIDES, type Side } from './cluster.ts'
import { workloadOf } from './throughput.ts'

/** What a flow leaves in Temporal's history: the same for every execution, so one of each side is enough. */
export const events: readonly Bench[] = (['w1', 'w5'] as const).map((name) => ({
  name: `temporal-${name}-events`,
  about: `${workloadOf(name).about}; Temporal: events in the history`,
  run: (settings) => measure(name, settings),
}))

async function measure(name: 'w1' | 'w5', settings: BenchSettings): Promise<BenchResult> {
  const cluster = await clusterOf(settings)
  await cluster.pair()
  const workload = workloadOf(name)
  await cluster.engine.deploy(workload.definition('standard'))
  const counts: Record<Side, number> = { ours: 0, reference: 0 }
  const bytes: Record<Side, number> = { ours: 0, reference: 0 }
  for (const side of SIDES) {
    const execution = await cluster.begin(side, name, workload.input)
    await execution.result()
    const history = await cluster.history(execution.id)
    counts[side] = history.events
    bytes[side] = history.bytes
  }
  const ratio = counts.ours / counts.reference
  return {
    ours: counts.ours,
    reference: counts.reference,
    ratio: rounded(ratio),
    unit: 'events',
    better: 'lower',
    against: 'a hand-written Temporal workflow',
    rounds: 1,
    target: atMost('ratio', ratio, 1.05),
    more: { historyBytes: `${bytes.ours} (${bytes.reference})` },
  }
}
