import { setTimeout as sleep } from 'node:timers/promises'
import { median, range } from '../measure.ts'
import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import { clusterOf, SIDES, type Side } from './cluster.ts'
import { workloadOf } from './throughput.ts'

/** What waits for a worker to come should not wait for the request that asks for its outcome. */
const ASKED_MS = 100

/** Worker processes with a prebuilt bundle: from their start to the end of a flow that waits for one. */
export const start: readonly Bench[] = [
  {
    name: 'temporal-start',
    about: 'a fresh worker process with its prebuilt bundle: to the end of the first flow, 3 functions in sequence',
    run: measure,
  },
]

async function measure(settings: BenchSettings): Promise<BenchResult> {
  const cluster = await clusterOf(settings)
  const { definition, name, input } = workloadOf('w1')
  await cluster.engine.deploy(definition('standard'))
  const rounds = settings.rounds ?? (settings.quick ? 3 : 9)
  const times: Record<Side, number[]> = { ours: [], reference: [] }
  const polling: Record<Side, number[]> = { ours: [], reference: [] }
  // the first round warms the disk's cache
  for (let round = -1; round < rounds; round++) {
    for (const side of SIDES) {
      await cluster.stopWorkers()
      const execution = await cluster.begin(side, name, input)
      const result = execution.result()
      await sleep(ASKED_MS)
      const began = performance.now()
      const { ready } = cluster.spawn(side)
      const [readyMs, ms] = await Promise.all([ready, result].map((what) => what.then(() => performance.now() - began)))
      if (round < 0) continue
      times[side].push(ms as number)
      polling[side].push(readyMs as number)
    }
  }
  await cluster.stopWorkers()
  const [ours, reference] = [median(times.ours), median(times.reference)]
  return {
    ours: rounded(ours),
    reference: rounded(reference),
    ratio: rounded(ours / reference),
    unit: 'ms',
    better: 'lower',
    against: 'a hand-written worker',
    spread: { ours: range(times.ours), reference: range(times.reference) },
    rounds,
    target: atMost('ms', ours, 1000),
    more: { pollingAfterMs: `${rounded(median(polling.ours))} (${rounded(median(polling.reference))})` },
  }
}
