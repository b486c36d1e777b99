import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { builtEngine } from './built.ts'
import { compare, quantile } from './measure.ts'
import { DURABLE, HandWrittenStore } from './reference-durable.ts'
import { atLeast, atMost, pair, rounded, type Bench, type BenchResult, type BenchSettings, type Pair, type Target } from './result.ts'
import { HANDLERS, WORKLOADS, type Workload } from './workloads.ts'

/** Standard flows by `engine.run` with a store, against a group-commit loop written by hand, on the same disk. */
export const durable: readonly Bench[] = WORKLOADS.flatMap((workload) =>
  [1, 64].map((inFlight) => ({
    name: `durable-${workload.name}-${inFlight}`,
    about: `${workload.about}; standard, ${inFlight} in flight`,
    run: (settings) => measure(workload, inFlight, settings),
  })),
)

async function measure(workload: Workload, inFlight: number, { quick, rounds: asked, folder }: BenchSettings): Promise<BenchResult> {
  const { createEngine } = await builtEngine()
  const here = mkdtempSync(join(folder, 'durable-'))
  const engine = await createEngine({ store: join(here, 'store'), functions: Object.fromEntries(HANDLERS) })
  const store = new HandWrittenStore(join(here, 'reference.db'))
  try {
    await engine.deploy(workload.definition('standard'))
    const { name, input } = workload
    const byHand = DURABLE[name]
    const ours = (): Promise<unknown> => engine.run(name, { input })
    const reference = (): Promise<unknown> => byHand(store, input)
    assert.deepEqual(await ours(), workload.expected)
    assert.deepEqual(await reference(), workload.expected)
    // 64 loops at once take a second
    const heavy = name.startsWith('w4') && inFlight > 1
    const rounds = asked ?? (quick ? (heavy ? 2 : 7) : heavy ? 5 : 15)
    const found = await compare({
      ours,
      reference,
      inFlight,
      rounds,
      roundMs: quick ? 100 : 300,
      warmUpMs: quick ? 250 : 1000,
      budgetMs: quick ? 1800 : 20_000,
      clockInside: true,
    })
    const ratio = found.ours / found.reference
    const { latencies } = found
    const p50 = pair(quantile(latencies.ours, 0.5), quantile(latencies.reference, 0.5))
    const target = targetOf(name, inFlight, ratio, p50)
    return {
      ours: rounded(found.ours),
      reference: rounded(found.reference),
      ratio: rounded(ratio),
      unit: 'flows/s',
      better: 'higher',
      against: 'a hand-written SQLite group-commit loop',
      spread: found.spread,
      rounds: found.rounds,
      latencyMs: { p50, p99: pair(quantile(latencies.ours, 0.99), quantile(latencies.reference, 0.99)) },
      ...(target === undefined ? {} : { target }),
    }
  } finally {
    await engine.close()
    store.close()
    rmSync(here, { recursive: true, force: true })
  }
}

function targetOf(name: string, inFlight: number, ratio: number, p50: Pair): Target | undefined {
  if (inFlight === 64 && (name === 'w1' || name === 'w5')) return atLeast('ratio', ratio, 0.3)
  if (inFlight === 1 && name === 'w1') return atMost('ratio of the p50 latencies', p50.ratio, 1.5)
  return undefined
}
