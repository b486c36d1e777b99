import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { median, range } from '../measure.ts'
import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import { clusterOf, SIDES, type Cluster, type Side } from './cluster.ts'

const IN_FLIGHT = 64
const LIMIT_SECONDS = 7
/** After the last start: then both workers have some of the flows, and functions of theirs at work. */
const KILLED_AFTER_MS = 100
const FLOW = 'slow3'
const OUTPUT = { n: 3 }

export const recovery: readonly Bench[] = [
  {
    name: 'temporal-recovery',
    about: `one of two workers killed with ${IN_FLIGHT} flows of 3 functions of 200 ms in flight: to the end of all of them`,
    run: measure,
  },
]

async function measure(settings: BenchSettings): Promise<BenchResult> {
  const cluster = await clusterOf(settings)
  await cluster.stopWorkers()
  await cluster.engine.deploy({
    flow: FLOW,
    mode: 'standard',
    start: 'a',
    nodes: {
      a: { type: 'function', function: 'slow', next: 'b' },
      b: { type: 'function', function: 'slow', next: 'c' },
      c: { type: 'function', function: 'slow' },
    },
  })
  const rounds = settings.rounds ?? (settings.quick ? 1 : 5)
  const killed: Record<Side, number[]> = { ours: [], reference: [] }
  const undisturbed: Record<Side, number> = { ours: 0, reference: 0 }
  for (const side of SIDES) undisturbed[side] = await once(cluster, side, false)
  for (let round = 0; round < rounds; round++) for (const side of SIDES) killed[side].push(await once(cluster, side, true))
  const [ours, reference] = [median(killed.ours), median(killed.reference)]
  return {
    ours: rounded(ours),
    reference: rounded(reference),
    ratio: rounded(ours / reference),
    unit: 's',
    better: 'lower',
    against: 'a hand-written Temporal workflow and worker',
    spread: { ours: range(killed.ours), reference: range(killed.reference) },
    rounds,
    target: atMost('seconds from the kill, the most', Math.max(...killed.ours), LIMIT_SECONDS),
    more: { secondsWithoutKill: `${rounded(undisturbed.ours)} (${rounded(undisturbed.reference)})` },
  }
}

/** Seconds from the kill, or from when it would have been, to the end of the last flow. */
async function once(cluster: Cluster, side: Side, kill: boolean): Promise<number> {
  const workers = [cluster.spawn(side), cluster.spawn(side)] as const
  await Promise.all(workers.map(({ ready }) => ready))
  // both have compiled what they run
  await Promise.all(Array.from({ length: IN_FLIGHT }, () => cluster.run(side, FLOW, { n: 0 })))
  const executions = await Promise.all(Array.from({ length: IN_FLIGHT }, () => cluster.begin(side, FLOW, { n: 0 })))
  const results = executions.map((execution) => execution.result())
  await sleep(KILLED_AFTER_MS)
  const began = performance.now()
  if (kill) await workers[0].kill()
  for (const result of results) assert.deepEqual(await result, OUTPUT)
  const seconds = (performance.now() - began) / 1000
  await cluster.stopWorkers()
  return seconds
}
