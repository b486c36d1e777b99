import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../measure.ts'
import { spreadOf } from './rounds.ts'
import { atMost, rounded, type Bench, type BenchResult, type BenchSettings } from '../result.ts'
import { sequence } from '../workloads.ts'
import { clusterOf, program, SIDES, type Cluster, type Side } from './cluster.ts'

const NODES = 99
const FLOW = `w${NODES}`
/** Histories that warm the replay worker up: bundle, compiler. */
const WARM_UP = 2
const LIMIT_MS = 100
const PATIENCE_MS = 120_000

export const replay: readonly Bench[] = [
  { name: 'temporal-replay', about: `the history of a flow of ${NODES} functions, replayed by a worker that is warm`, run: measure },
]

/** What `programs/replay.mjs` tells. */
interface Replayed {
  /** To the end of the first history, its worker and bundle included. */
  readonly firstMs: number
  /** Per history behind the warm-up. */
  readonly eachMs: number
  /** Likewise, CPU of the process. */
  readonly cpuMs: number
}

async function measure(settings: BenchSettings): Promise<BenchResult> {
  const cluster = await clusterOf(settings)
  await cluster.pair()
  const { plan } = await cluster.engine.deploy(sequence(FLOW, 'standard', NODES))
  const histories = WARM_UP + (settings.quick ? 4 : 10)
  const rounds = settings.rounds ?? (settings.quick ? 1 : 5)
  const ids: Record<Side, string[]> = { ours: [], reference: [] }
  const counts: Record<Side, number> = { ours: 0, reference: 0 }
  for (const side of SIDES) {
    const executions = await Promise.all(Array.from({ length: histories }, () => cluster.begin(side, FLOW, { n: 0 })))
    await Promise.all(executions.map((execution) => execution.result()))
    ids[side] = executions.map(({ id }) => id)
    counts[side] = (await cluster.history(ids[side][0] as string)).events
  }
  await cluster.stopWorkers()
  const found: Record<Side, Replayed[]> = { ours: [], reference: [] }
  for (let round = 0; round < rounds; round++) {
    for (const side of SIDES)
      found[side].push(await replayed(cluster, side, { ids: ids[side], warmUp: WARM_UP, plan: JSON.stringify(plan) }))
  }
  const each = (side: Side): number[] => found[side].map(({ eachMs }) => eachMs)
  const both = (what: keyof Replayed): string =>
    `${rounded(median(found.ours.map((of) => of[what])))} (${rounded(median(found.reference.map((of) => of[what])))})`
  const [ours, reference] = [median(each('ours')), median(each('reference'))]
  return {
    ours: rounded(ours),
    reference: rounded(reference),
    ratio: rounded(ours / reference),
    unit: 'ms/history',
    better: 'lower',
    against: 'the history of a hand-written Temporal workflow',
    spread: spreadOf(each('ours'), each('reference')),
    rounds,
    target: atMost('ms', ours, LIMIT_MS),
    more: {
      events: `${counts.ours} (${counts.reference})`,
      cpuMs: both('cpuMs'),
      firstWithBundleMs: both('firstMs'),
    },
  }
}

async function replayed(cluster: Cluster, side: Side, what: object): Promise<Replayed> {
  const child = program('replay', { ...cluster.given(side), ...what })
  try {
    return await Promise.race([
      new Promise<Replayed>((resolve, reject) => {
        child.once('message', (message) => resolve(message as Replayed))
        child.once('exit', (code) => reject(new Error(`replaying ${side} ended with code ${code}`)))
      }),
      sleep(PATIENCE_MS, undefined, { ref: false }).then(() => Promise.reject(new Error(`replaying ${side} takes too long`))),
    ])
  } finally {
    // it ends of itself, with its profile where one is wanted
    if (child.exitCode === null) await Promise.race([once(child, 'exit'), sleep(5000, undefined, { ref: false })])
    child.kill('SIGKILL')
  }
}
